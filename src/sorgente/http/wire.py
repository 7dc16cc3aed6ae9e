"""What goes on the wire around the media: status lines, header blocks, complete small responses."""

from __future__ import annotations

from collections.abc import Sequence
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
    b" Accept-Ranges, CMSD-Static, CMSD-Dynamic\r\n"
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
TEXT: Final[Header] = (b"Content-Type", b"text/plain; charset=utf-8")

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
    """The ``Date`` header, made once a second (RFC 9110 §6.6.1)."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self, wall: float) -> bytes:
        """The header line for ``wall``, UTC seconds since 1970."""
        second = int(wall)
        if second != self._second:
            self._second = second
            self._line = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line


def lines(headers: Sequence[Header]) -> bytes:
    """Headers as they go on the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def head(status: int, date: bytes, *lines: bytes) -> bytes:
    """A response head with the headers every response has; ``date`` is a line of
    :class:`DateHeader`."""
    return b"".join((_STATUS_LINES[status], date, _ALWAYS, *lines, b"\r\n"))


def connection_line(version: str, keep_alive: bool) -> bytes:
    """What has to be said about the connection: only what is not the version's default
    (RFC 9112 §9.3)."""
    if not keep_alive:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if version == "1.0" else b""
