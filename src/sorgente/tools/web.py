"""The client side of HTTP for tools that measure: every answer with the times its pieces came at.

aiohttp, because it hands out bytes as they come in, fast enough for hundreds of players, and says
how a body ended.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit
from weakref import WeakSet

import aiohttp

from sorgente import __version__
from sorgente.tools.errors import OriginLost, UnusableArgument
from sorgente.tools.reach import ReachSettings
from sorgente.tools.target import PORTS, authorization
from sorgente.tools.trust import distrust, trust

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 10.0
"""Without a byte: longer than any origin holds a request, longer than a chunk takes."""
MAX_LINE: Final = 200
"""Characters of why an origin refuses: what else it has is a page."""
KNOCK_SECONDS: Final = 2.0
"""For a status. Who holds requests for longer waits for an encoder, and is to be waited for."""
GOODBYE_SECONDS: Final = 1.0
"""For connections to be closed; it takes milliseconds."""
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

    @property
    def told(self) -> str:
        """The status, and why, where it says so in plain text."""
        line = ""
        if self.headers.get("Content-Type", "").startswith("text/plain"):
            line = self.body.decode("utf-8", "replace").strip().partition("\n")[0][:MAX_LINE]
        shown = "".join(each for each in line if each.isprintable())
        return f"status {self.status}" + (f": {shown}" if shown else "")


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be looked at, and how to get in."""

    url: str
    """Without a user and a password: it stands in reports."""
    authorization: str = field(default="", repr=False)
    """For that host alone; secret."""
    tls: ssl.SSLContext | None = None
    """Whom to believe; None: whom this machine does."""


def parse_place(url: str, reach: ReachSettings) -> Place:
    """The place at ``url``, which may have no scheme, and a user and a password.

    Raises:
        UnusableArgument
    """
    full = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full)
        usable = parts.scheme in PORTS and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise UnusableArgument(f"not an address of HTTP: {full.rpartition('@')[2]}")
    return Place(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        authorization(reach.token, parts.username, parts.password),
        trust(reach.cacert, insecure=reach.insecure) if parts.scheme == "https" else None,
    )


class Web:
    """Connections that are kept, as a player keeps them, to ``place`` and where it leads.

    ``clock`` is in seconds and only grows.
    """

    def __init__(self, clock: Callable[[], float], place: Place) -> None:
        self.clock = clock
        self._home = _home(place.url)
        self._tls: ssl.SSLContext | bool = place.tls or True
        self._authorized = {"Authorization": place.authorization} if place.authorization else {}
        self._session: aiohttp.ClientSession | None = None
        self._sockets: WeakSet[socket.socket] = WeakSet()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls, socket_factory=self._socket),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
            ),
            headers={"User-Agent": f"sorgente/{__version__}", "Origin": PAGE},
        )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        assert self._session is not None, "entered"
        await self._session.close()
        # Of requests that were cancelled, TLS would wait for the other side's goodbye when there is
        # no event loop any more (uvloop: EBUSY).
        end = self.clock() + GOODBYE_SECONDS
        while self.clock() < end and (open_ := [s for s in self._sockets if s.fileno() >= 0]):
            for each in open_:
                with suppress(OSError):  # nobody is at the other end
                    each.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(0.01)

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
        lines = self._with_authorization(url, headers)
        try:
            async with self._session.request(method, url, headers=lines) as response:
                answer = Answer(
                    str(response.url), response.status, response.headers, asked, self.clock()
                )
                await self._read(response, answer, on_data)
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OriginLost(f"{url}: {words(error)}") from error

    async def knock(self, url: str) -> Answer | None:
        """What is at ``url``, without its body if it is 200; None: it makes who asks wait.

        Raises OriginLost.
        """
        assert self._session is not None, "entered"
        lines = self._with_authorization(url, None)
        asked, waiting = self.clock(), asyncio.timeout(KNOCK_SECONDS)
        try:
            async with waiting, self._session.get(url, headers=lines) as response:
                head = response.status, response.headers
                answer = Answer(str(response.url), *head, asked, self.clock())
                if answer.status != 200:
                    answer.body = await response.content.read(MAX_LINE)
                response.close()
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if waiting.expired():
                return None
            raise OriginLost(f"{url}: {words(error)}") from error

    def _with_authorization(
        self, url: str, headers: Mapping[str, str] | None
    ) -> Mapping[str, str] | None:
        if self._authorized and _home(url) == self._home:
            return {**self._authorized, **(headers or {})}
        return headers

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        made = socket.socket(*address[:3])
        self._sockets.add(made)
        return made

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
            answer.broken = words(error)
        answer.ended_at = self.clock()
        answer.body = bytes(kept)


def _home(url: str) -> tuple[str, str]:
    """Where a secret may go: the same scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def words(error: BaseException) -> str:
    """What a request failed of, for people; without the address."""
    if (distrusted := distrust(error)) is not None:
        return f"{distrusted} (--cacert FILE, --insecure)"
    if isinstance(error, TimeoutError):
        return f"no byte for {SILENCE_SECONDS:.0f} s"
    if isinstance(error, aiohttp.ClientConnectorError) and (why := error.os_error).errno:
        return f"cannot connect: {os.strerror(why.errno) if why.errno > 0 else why.strerror}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was closed before its end"
    return str(error) or type(error).__name__
