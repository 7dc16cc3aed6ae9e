"""Answers for one client alone.

What is sent to whoever has shown a token in a header or in the query says ``private`` where it else
says ``public``. To a shared cache, ``public`` would mean that it may give the answer to a request
with an ``Authorization`` to anybody (RFC 9111 §3.5); and a query is what many caches are told to
leave out of their keys, as CMCD is in it. The token in front of a path is for those that are to
cache: for them, another token is another address, until somebody tells them otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sorgente.errors import OriginError
from sorgente.http import wire
from sorgente.http.exchange import Line
from sorgente.media.chunk import Buffer

PUBLIC: Final = b"Cache-Control: public"
PRIVATE: Final = b"Cache-Control: private"


class PrivateLine:
    """A :class:`~.exchange.Line` whose answers no shared cache may keep."""

    __slots__ = ("_line", "abort", "expect_nothing", "finish", "hold_body", "peer_host",
                 "rest_body", "send", "set_deadline", "take_body", "takes", "write",
                 "writelines")  # fmt: skip

    def __init__(self, line: Line) -> None:
        self._line = line
        # What does not say anything about caching is the line's own: chunks take no longer.
        self.send, self.write, self.writelines = line.send, line.write, line.writelines
        self.expect_nothing = line.expect_nothing
        self.finish, self.abort = line.finish, line.abort
        self.peer_host, self.takes = line.peer_host, line.takes
        self.set_deadline, self.rest_body = line.set_deadline, line.rest_body
        self.hold_body, self.take_body = line.hold_body, line.take_body

    @property
    def close_after(self) -> bool:
        """Close once the response is over."""
        return self._line.close_after

    @close_after.setter
    def close_after(self, close: bool) -> None:
        self._line.close_after = close

    @property
    def now(self) -> float:
        """Seconds of a clock that only grows."""
        return self._line.now

    @property
    def wall(self) -> float:
        """UTC, seconds since 1970."""
        return self._line.wall

    @property
    def writable(self) -> bool:
        """The other side takes more at once."""
        return self._line.writable

    def head(self, status: int, headers: Sequence[wire.Header]) -> bytes:
        """A response head."""
        return _private(self._line.head(status, headers))

    def head_of(self, start: bytes) -> bytes:
        """The same, of one that has begun."""
        return self._line.head_of(_private(start))

    def reply(self, status: int, body: bytes, headers: Sequence[wire.Header] = ()) -> None:
        """Send a complete response."""
        said = [(name, _private_value(name, value)) for name, value in headers]
        self._line.reply(status, body, said)

    def answer(self, start: bytes, body: Sequence[Buffer] = (), size: int = 0) -> None:
        """Send a complete response, whose head has begun."""
        self._line.answer(_private(start), body, size)

    def fail(self, error: OriginError) -> None:
        """Send ``error``."""
        self._line.fail(error)


def _private(head: bytes) -> bytes:
    return head.replace(PUBLIC, PRIVATE, 1)


def _private_value(name: bytes, value: bytes) -> bytes:
    if name != b"Cache-Control":
        return value
    return value.replace(b"public", b"private", 1)
