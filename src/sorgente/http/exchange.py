"""One request and its response: what the connection tells a handler, what a handler may ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sorgente.errors import OriginError, RequestTimeout
from sorgente.http import wire
from sorgente.http.request import Request
from sorgente.media.chunk import Buffer


class Line(Protocol):
    """The connection, as its current exchange sees it."""

    close_after: bool
    """Close once the response is over."""

    peer_host: str
    """Address of the other side, without its port."""

    @property
    def now(self) -> float:
        """Seconds of a clock that only grows."""

    @property
    def wall(self) -> float:
        """UTC as the machine has it, seconds since 1970: what tokens expire by."""

    @property
    def writable(self) -> bool:
        """The other side takes more at once."""

    def takes(self, now: float) -> bool:
        """Whether the other side, which takes no more at once, takes it bit by bit."""

    def send(self, data: Buffer, /) -> None:
        """Send, on the shortest way: for what goes to every player."""

    def write(self, data: Buffer, /) -> None:
        """Send."""

    def writelines(self, data: Sequence[Buffer], /) -> None:
        """Send several pieces, in one system call where the platform can."""

    def head(self, status: int, headers: Sequence[wire.Header]) -> bytes:
        """A response head as this connection needs it."""

    def head_of(self, start: bytes) -> bytes:
        """The same, of one that has begun (:func:`wire.start`)."""

    def reply(self, status: int, body: bytes, headers: Sequence[wire.Header] = ()) -> None:
        """Send a complete response; the exchange is over."""

    def answer(self, start: bytes, body: Sequence[Buffer] = (), size: int = 0) -> None:
        """Send a complete response, whose head has begun (:func:`wire.start`) and whose body, of
        ``size`` bytes, is left out for a HEAD; the exchange is over."""

    def fail(self, error: OriginError) -> None:
        """Send ``error`` as a complete response; the exchange is over."""

    def finish(self) -> None:
        """The response is complete; the exchange is over."""

    def abort(self) -> None:
        """Drop the connection at once, so that the response does not look complete."""

    def set_deadline(self, seconds: float | None) -> None:
        """Call ``expired`` in this many seconds, or never."""

    def rest_body(self, seconds: float) -> None:
        """Take no more of the request body for so long."""

    def hold_body(self) -> None:
        """Take no more of it until ``take_body``; what has been read by now still comes."""

    def take_body(self) -> None:
        """Take more of it again."""

    def expect_nothing(self) -> None:
        """The exchange has become endless while it was under way."""


class Exchange:
    """A handler's side of one request. All calls come from the connection, in this order:
    ``start``, ``body`` …, ``complete``; then or in between ``paused``/``resumed``, ``expired``; and
    ``lost`` if the connection goes before the exchange is over."""

    __slots__ = ("line", "request")

    half_close_ok = False
    """Go on when the other side closes its sending half. Players do not, they are just gone."""

    endless = False
    """Once the request is complete, nothing more is expected of the other side."""

    def __init__(self, line: Line, request: Request) -> None:
        self.line = line
        self.request = request

    @property
    def is_told(self) -> bool:
        """The journal has, or will have, a line about how it ends."""
        return False

    def start(self) -> None:
        """The head is here.

        Raises:
            OriginError: becomes the response.
        """

    def body(self, data: bytes) -> None:
        """A piece of the body. May raise like ``start``."""

    def complete(self) -> None:
        """The request is complete. May raise like ``start``."""

    def lost(self, why: str) -> None:
        """The connection is gone."""

    def paused(self) -> None:
        """The other side takes no more for now."""

    def resumed(self) -> None:
        """The other side takes more again."""

    def expired(self) -> None:
        """The deadline has passed: to begin with, that for the request to be complete.

        Raises:
            RequestTimeout
        """
        raise RequestTimeout("the request was not complete in time")


class FailedExchange(Exchange):
    """Answers with an error, once a request that is known to have no body is complete: so the
    connection can go on."""

    __slots__ = ("_error",)

    def __init__(self, line: Line, request: Request, error: OriginError) -> None:
        super().__init__(line, request)
        self._error = error.with_traceback(None)  # its frames hold what holds it

    def complete(self) -> None:
        """Answer."""
        self.line.fail(self._error)
