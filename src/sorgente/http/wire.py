"""What goes on the wire around the media: status lines, header blocks, complete small responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from sorgente import __version__

Header = tuple[bytes, bytes]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

CORS: Final = (
    # On everything, errors included: a page of another origin has to see what went wrong
    # (protocols §3.3). Named one by one, as the wildcard does not count with credentials.
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: Date, Age, ETag, Content-Length, Content-Range,"
    b" Accept-Ranges, CMSD-Static, CMSD-Dynamic, Sorgente-Pictures\r\n"
    # Without it a player's ResourceTiming reads zeros.
    b"Timing-Allow-Origin: *\r\n"
)
PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"Access-Control-Allow-Methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (
        b"Access-Control-Allow-Headers",
        b"Range, If-Range, Content-Type, Accept, If-None-Match, Authorization,"
        b" CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status",
    ),
    (b"Access-Control-Max-Age", b"86400"),
)
NO_STORE: Final[Header] = (b"Cache-Control", b"no-store")
WITHOUT_BODY: Final = frozenset({204, 304})
"""Statuses of answers that have none. They say no ``Content-Length`` either: with a 204 it must not
be there, with a 304 it would be that of the 200 (RFC 9110 §8.6)."""
TEXT: Final[Header] = (b"Content-Type", b"text/plain; charset=utf-8")

CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"

_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}
# An uploaded body may be anything, a page with a script too: no browser is to guess.
_SERVER: Final = b"Server: sorgente/%b\r\nX-Content-Type-Options: nosniff\r\n" % (
    __version__.encode()
)
_ALWAYS: Final = _SERVER + CORS


class DateHeader:
    """The ``Date`` header, made once a second (RFC 9110 §6.6.1), by the clock of ``/time``: some
    players find the live edge by it."""

    __slots__ = ("_last", "_second", "_utc")

    def __init__(self, utc: Callable[[float], float]) -> None:
        """``utc``: seconds since 1970, at a moment of the clock that only grows."""
        self._utc = utc
        self._second = -1
        self._last = b""

    def last(self, now: float) -> bytes:
        """The header line for ``now``, as the last one of a head."""
        second = int(self._utc(now))
        if second != self._second:
            self._second = second
            self._last = b"Date: %b\r\n\r\n" % formatdate(second, usegmt=True).encode()
        return self._last


def lines(headers: Sequence[Header]) -> bytes:
    """Headers as they go on the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def start(status: int, *lines: bytes) -> bytes:
    """How a response head begins: the headers every response has, and ``lines``. What depends on
    when and to whom it goes comes behind it, so it can be kept."""
    return b"".join((_STATUS_LINES[status], _ALWAYS, *lines))


def length_line(size: int) -> bytes:
    """``Content-Length``."""
    return b"Content-Length: %d\r\n" % size
