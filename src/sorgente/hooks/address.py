"""Where a receiver is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MAX_LENGTH: Final = 2048
"""Characters: more than any receiver's, and a log line can still be read."""

VISIBLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, repr=False)
class HookUrl:
    """An http(s) URL. What is shown of it is the server: paths, queries and user names of such URLs
    are often secrets."""

    text: str

    def __post_init__(self) -> None:
        """Raises ValueError for what is none; its line does not hold it."""
        if not VISIBLE.fullmatch(self.text) or len(self.text) > MAX_LENGTH:
            raise ValueError(f"a hook's URL is visible ASCII, {MAX_LENGTH} characters at most")
        try:
            parts = urlsplit(self.text)
            named = parts.hostname and parts.port != 0
        except ValueError:
            named = False
        if not named or parts.scheme not in ("http", "https") or parts.fragment:
            raise ValueError("a hook's URL is http://… or https://…, with a host, and no fragment")

    def __str__(self) -> str:
        parts = urlsplit(self.text)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"

    def __repr__(self) -> str:
        return f"HookUrl({self})"
