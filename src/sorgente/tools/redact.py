"""What may not be shown of the addresses of inputs: to people, and in what ffmpeg says of them.

Rather too much is taken out than too little: passwords are typed as they are, with an ``@`` or a
``/`` in them, and nobody can tell where such a one ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

HIDDEN: Final = "…"

USER: Final = re.compile(r"://(?P<secret>\S+)@")
"""User and password, up to the last ``@`` there is, which may be one of the path."""

NAMED: Final = re.compile(
    r"""[?&;,/|]
    [\w.%-]{0,40}(?:pass|pwd|token|key|secret|sign?\b|signature|auth|credential|jwt|hdn|streamid)
    [\w.%-]{0,40}=
    (?P<secret>[^\s&]+?)(?=['"]?[:,.]?(?:\s|&|$))""",
    re.IGNORECASE | re.VERBOSE,
)
"""Values in a query, or in the path of a camera that has its query there: keys and passwords of
HTTP and RTSP, the passphrase of SRT, and its stream id, in which MediaMTX and others have users
and passwords."""

STREAM_KEY: Final = re.compile(
    r"""\brtmp\w*://[^\s/]+/[^\s/?]+/
    (?!\S*[?&]listen\b)
    (?P<secret>[^\s?]+?)(?=['"]?[:,.]?(?:\s|\?|$))""",
    re.IGNORECASE | re.VERBOSE,
)
"""The name of a stream at an RTMP server is the key to publish it, by convention. Where it is we
who listen, anything is taken, and callers are to be told what to call."""


def without_secrets(text: str) -> str:
    """``text`` with what may not be shown taken out of the addresses in it."""
    shown, end = "", 0
    for first, last in sorted(_secrets(text)):  # each found in the whole: they may overlap
        if first > end:
            shown += text[end:first] + HIDDEN
        end = max(end, last)
    return shown + text[end:]


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end."""
    for pattern in (USER, NAMED, STREAM_KEY):
        for match in pattern.finditer(text):
            yield match.span("secret")
