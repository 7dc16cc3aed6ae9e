"""Programs of the operator's that the origin calls by HTTP: receivers of hooks, and the one behind
``--authorize-url``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import aiohttp

MAX_LENGTH: Final = 2048
"""Characters: more than any program's, and a log line can still be read."""

VISIBLE: Final = re.compile(r"[!-~]+")

IDLE_SECONDS: Final = 1.0
"""For which an idle connection is used again. Servers close theirs after 2 s (gunicorn) or 5 s
(uvicorn, Node), and a POST on a connection that is just being closed is lost."""


class OutboundUrl:
    """An http(s) URL. What is shown of it is the server: paths, queries and user names of such URLs
    are often secrets."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is none; its line does not hold it."""
        if not VISIBLE.fullmatch(text) or len(text) > MAX_LENGTH:
            raise ValueError(f"a URL is visible ASCII, {MAX_LENGTH} characters at most")
        try:
            parts = urlsplit(text)
            named = parts.hostname and parts.port != 0
        except ValueError:
            named = False
        if not named or parts.scheme not in ("http", "https") or parts.fragment:
            raise ValueError("the URL is http://… or https://…, with a host, and no fragment")
        self.text = text

    def __str__(self) -> str:
        parts = urlsplit(self.text)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"

    def __repr__(self) -> str:
        return f"OutboundUrl({self})"


def open_session(connections: int, timeout: float | None) -> aiohttp.ClientSession:
    """To call one program with: ``connections`` at a time at most, ``timeout`` seconds for a call.

    No cookies, no proxies of the environment, no .netrc, nothing unpacked. aiohttp bounds the heads
    of answers (8190 bytes a line).
    """
    import aiohttp  # 0.2 s that few need

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout),
        auto_decompress=False,
        trust_env=False,
    )
