"""The client side of HTTP for tools that measure: every answer with the times its pieces came at.

aiohttp, because it hands out bytes as they come in, fast enough for hundreds of players, and says
how a body ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import aiohttp

from sorgente import __version__
from sorgente.tools.errors import OriginLost, UnusableArgument

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 10.0
"""Without a byte: longer than any origin holds a request, longer than a chunk takes."""
MAX_BODY: Final = 64 << 20
"""Bytes that are kept of one answer."""
PAGE: Final = "https://player.example"
"""The ``Origin`` a browser would send: some origins answer it alone with CORS headers."""

OnData = Callable[[bytes, float], None]
"""Takes a piece of a body, and when it came."""


@dataclass(slots=True)
class Answer:
    """What came back. Times are those of the clock of the :class:`Web`."""

    url: str
    """After redirects."""
    status: int
    headers: Mapping[str, str]
    """By any case of the name."""
    asked_at: float
    head_at: float
    first_at: float | None = None
    """First byte of the body."""
    ended_at: float = 0.0
    size: int = 0
    body: bytes = field(default=b"", repr=False)
    """Unless it was taken piece by piece."""
    broken: str = ""
    """Why it is not whole; empty: it ended as HTTP says it should."""

    @property
    def ok(self) -> bool:
        """It is what was asked for, and whole."""
        return self.status in (200, 206) and not self.broken


def check_url(url: str) -> str:
    """``url``, with a scheme.

    Raises:
        UnusableArgument
    """
    full = url if "://" in url else f"http://{url}"
    if not full.startswith(("http://", "https://")) or len(full.split("/", 3)[2]) == 0:
        raise UnusableArgument(f"not an address of HTTP: {url}")
    return full


class Web:
    """Connections that are kept, as a player keeps them.

    ``clock`` is in seconds and only grows.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            ),
            headers={"User-Agent": f"sorgente/{__version__}", "Origin": PAGE},
        )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        on_data: OnData | None = None,
    ) -> Answer:
        """One request, and all of its answer. With ``on_data`` the body goes there.

        An answer that breaks off is an answer; none at all is OriginLost.
        """
        assert self._session is not None, "entered"
        asked = self.clock()
        try:
            async with self._session.request(method, url, headers=headers) as response:
                answer = Answer(
                    str(response.url), response.status, response.headers, asked, self.clock()
                )
                await self._read(response, answer, on_data)
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OriginLost(f"{url}: {_words(error)}") from error

    async def _read(
        self, response: aiohttp.ClientResponse, answer: Answer, on_data: OnData | None
    ) -> None:
        kept = bytearray()
        try:
            async for data in response.content.iter_any():
                now = self.clock()
                answer.first_at = now if answer.first_at is None else answer.first_at
                answer.size += len(data)
                if on_data is not None:
                    on_data(data, now)
                elif answer.size > MAX_BODY:
                    answer.broken = f"over {MAX_BODY} bytes"
                    break
                else:
                    kept += data
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            answer.broken = _words(error)
        answer.ended_at = self.clock()
        answer.body = bytes(kept)


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte for {SILENCE_SECONDS:.0f} s"
    return str(error) or type(error).__name__
