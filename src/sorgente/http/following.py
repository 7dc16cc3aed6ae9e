"""Requests for media that may still grow: followed, a chunk a frame, to its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.http import cmsd, conditional, wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.http.whole import etag
from sorgente.media.chunk import LAST_FRAME, Buffer, framed, plain
from sorgente.media.segment import Segment
from sorgente.media.subscriber import Subscriber

CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """What requests for segments keep to."""

    hold_seconds: float
    """How long a request waits from the time its segment should be there. Shaka gives a request up
    after 5 s without a byte, and asks again."""
    held: int
    """How many may wait, per channel."""
    stall_seconds: float
    max_age: int
    """Seconds that caches may keep a segment: longer than the window, as it never changes."""


class FollowingExchange(Exchange, ABC):
    """A request for what a segment holds, whatever that is known by. It is its subscriber's sink
    while the segment grows."""

    __slots__ = ("_follows", "_rules", "_segment", "_since", "_subscriber", "write", "writelines")

    write: Callable[[Buffer], None]
    writelines: Callable[[Sequence[Buffer]], None]

    def __init__(self, line: Line, request: Request, rules: DeliveryRules) -> None:
        super().__init__(line, request)
        self._rules = rules
        self._segment: Segment | None = None
        self._subscriber: Subscriber | None = None
        self._follows = False
        """Its head has gone out."""
        self._since: float | None = None
        """Since when it had to wait."""

    # What it is known by

    @property
    @abstractmethod
    def _kept(self) -> Segment | None:
        """What is asked for, if any of it is there."""

    @abstractmethod
    def _label(self, segment: Segment) -> bytes:
        """The lines that say what ``segment`` is."""

    @abstractmethod
    def _refuse(self) -> None:
        """It will not come; or not in time."""

    @abstractmethod
    def _send_complete(self, segment: Segment) -> None:
        """Send all that was asked for of ``segment``; the exchange is over."""

    # Exchange

    def paused(self) -> None:
        """The player takes no more for now."""
        if self._follows and self._segment is not None and self._subscriber is not None:
            self.line.set_deadline(self._rules.stall_seconds)
            self._segment.pause(self._subscriber)

    def resumed(self) -> None:
        """The player takes more again."""
        if self._follows and self._segment is not None and self._subscriber is not None:
            self.line.set_deadline(None)
            self._segment.resume(self._subscriber)

    def expired(self) -> None:
        """It waited, or took nothing, for too long."""
        segment, subscriber = self._segment, self._subscriber
        if subscriber is None:
            super().expired()
        elif self._follows and self.line.takes(self.line.now):
            self.line.set_deadline(self._rules.stall_seconds)
        elif self._follows and segment is not None:
            segment.stalled(subscriber)
            self._let_go()
            self.line.abort()
        else:
            self.lost("expired")
            self._refuse()

    # Sink, with write and writelines, which are the line's

    def begin(self, content_type: str, first: Sequence[Buffer]) -> None:
        """Send the head and what there is, in one write."""
        segment = self._kept
        assert segment is not None, "it has just begun"
        self._begin(segment, 200, first)

    def end(self) -> None:
        """The segment is complete."""
        self._let_go()
        if self.request.version == "1.1":
            self.line.send(LAST_FRAME)
        self.line.finish()

    def abort(self) -> None:
        """It left the window before this player had it."""
        self._let_go()
        self.line.abort()

    # Inside

    def _serve(self, segment: Segment) -> None:
        if segment.complete:
            self._send_complete(segment)
        else:
            self._follow(segment)

    def _follow(self, segment: Segment) -> None:
        if self.request.method == "HEAD":
            self.line.answer(self._start(segment, 200))
        else:
            segment.attend(self._subscribe())

    def _begin(
        self, segment: Segment, status: int, first: Sequence[Buffer], content_range: bytes = b""
    ) -> None:
        """Follow ``segment`` from here on."""
        line, framing = self.line, CHUNKED
        self._segment = segment
        self._follows = True
        line.set_deadline(None)
        if self.request.version != "1.1":
            line.close_after, framing = True, b""
        head = line.head_of(self._start(segment, status, content_range, framing))
        line.writelines([head, *first])

    def _subscribe(self) -> Subscriber:
        self.write, self.writelines = self.line.send, self.line.writelines
        self._subscriber = Subscriber(self, framed if self.request.version == "1.1" else plain)
        return self._subscriber

    def _let_go(self) -> None:
        self._segment = self._subscriber = None

    def _not_modified(self, segment: Segment) -> bool:
        """Whether the player has it; then it is told so."""
        known = self.request.headers.get(b"if-none-match")
        if known is None or not conditional.matches(known, etag(segment)):
            return False
        conditional.not_modified(self.line, self._label(segment) + self._waited)
        return True

    def _send(self, head: bytes, segment: Segment, start: int, end: int) -> None:
        """Send bytes ``start`` … ``end - 1``, which are there, behind a head that has begun; the
        exchange is over."""
        if self.request.method == "HEAD":
            self.line.answer(head)
        else:
            self.line.answer(head, segment.slice(start, end), end - start)

    def _start(self, segment: Segment, status: int, *lines: bytes) -> bytes:
        """How the head of an answer about ``segment`` begins."""
        return wire.start(status, self._label(segment), self._waited, *lines)

    @property
    def _waited(self) -> bytes:
        """The line that says how long."""
        since = self._since
        return cmsd.AT_ONCE if since is None else cmsd.dynamic(self.line.now - since)
