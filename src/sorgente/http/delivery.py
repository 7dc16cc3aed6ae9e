"""``GET /live/{channel}/{track}/…``: init segments, and segments, also while they grow.

asked ─▶ complete: sent, with its length, a strong tag and for ever (protocols §3.1, §3.2)
    ├──▶ growing:  followed: all there is in one write, then a chunk a frame, to its end
    ├──▶ next:     held until its first chunk is there, then followed
    └──▶ 404, 410, or an empty segment (see ``media.track``)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.errors import Gone, NotFound, Overloaded
from sorgente.http import cmsd, conditional, wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.http.whole import WholeExchange, etag, label, media_lines
from sorgente.media.chunk import LAST_FRAME, Buffer, framed, plain
from sorgente.media.presentation import Presentation
from sorgente.media.segment import Segment
from sorgente.media.subscriber import Subscriber
from sorgente.media.track import Absence, Track

EMPTY_SEGMENT: Final = b"\0\0\0\x14stypmsdh\0\0\0\0msdh"
"""A ``styp`` box and nothing behind it (ISO/IEC 14496-12 §8.16.2)."""

GONE_MAX_AGE: Final = 60
"""Seconds that caches may keep a 410 (RFC 9110 §15.5.11: it is meant to be kept). What has left the
window does not come back; but an archive may stand behind it one day (design §8)."""

CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """What segment requests keep to."""

    hold_seconds: float
    """How long a request waits from the time its segment should be there. Shaka gives a request up
    after 5 s without a byte, and asks again."""
    held: int
    """How many may wait, per channel."""
    stall_seconds: float
    max_age: int
    """Seconds that caches may keep a segment: longer than the window, as it never changes."""


class SegmentExchange(Exchange):
    """A request for one segment. It is its subscriber's sink while the segment grows."""

    __slots__ = ("_follows", "_number", "_presentation", "_rules", "_segment", "_since",
                 "_subscriber", "_track", "write", "writelines")  # fmt: skip

    write: Callable[[Buffer], None]
    writelines: Callable[[Sequence[Buffer]], None]

    def __init__(
        self,
        line: Line,
        request: Request,
        presentation: Presentation,
        track: Track,
        number: int,
        rules: DeliveryRules,
    ) -> None:
        super().__init__(line, request)
        self._presentation = presentation
        self._track = track
        self._number = number
        self._rules = rules
        self._segment: Segment | None = None
        self._subscriber: Subscriber | None = None
        self._follows = False
        """Its head has gone out."""
        self._since: float | None = None
        """Since when it had to wait."""

    # Exchange

    def complete(self) -> None:
        """Send it, follow it, or wait for it.

        Raises:
            NotFound, Gone: it is not there, and will not be.
            Overloaded: too many wait already.
        """
        kept = self._track.segments.get(self._number)
        if kept is not None and kept.end:
            self._serve(kept)  # no need to ask what is due
            return
        match self._presentation.find(self._track, self._number, self.line.now):
            case Segment() as found:
                self._serve(found)
            case Absence.NEXT:
                self._wait()
            case Absence.EMPTY:
                self._send_empty()
            case Absence.GONE:
                raise _gone(f"segment {self._number} has left the window")
            case Absence.UNKNOWN:
                raise NotFound(f"there is no segment {self._number}")

    def lost(self, why: str) -> None:
        """The player is gone."""
        segment, subscriber = self._segment, self._subscriber
        self._let_go()
        if subscriber is None:
            return
        if segment is None:
            self._track.let_go(self._number, subscriber)
        else:
            segment.leave(subscriber)

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

    @property
    def _kept(self) -> Segment | None:
        """What is asked for, if any of it is there."""
        return self._track.segments.get(self._track.newest_number(self._number))

    def _serve(self, segment: Segment) -> None:
        if segment.complete:
            self._send_complete(segment)
        else:
            self._follow(segment)

    def _wait(self) -> None:
        if self.request.method == "HEAD":
            raise NotFound(f"segment {self._number} is not there yet")
        if self._presentation.held >= self._rules.held:
            raise Overloaded(f"{self._rules.held} requests wait for segments already")
        self._track.hold(self._number, self._subscribe(), self._refuse)
        self._hold()

    def _hold(self) -> None:
        """From now on it waits, if it does not already."""
        if self._since is None:
            self._since = self.line.now
            # Shaka asks for the next segment as soon as it joins, however long the segments are.
            early = self._presentation.due_in(self._number, self.line.now)
            self.line.set_deadline(early + self._rules.hold_seconds)

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
        if not line.writable:
            self.paused()  # perhaps by the response before it, when it was nobody's

    def _subscribe(self) -> Subscriber:
        self.write, self.writelines = self.line.send, self.line.writelines
        self._subscriber = Subscriber(self, framed if self.request.version == "1.1" else plain)
        return self._subscriber

    def _let_go(self) -> None:
        self._segment = self._subscriber = None

    def _refuse(self) -> None:
        """It will not come; or not in time."""
        self._let_go()
        found = self._presentation.find(self._track, self._number, self.line.now)
        if found is Absence.EMPTY:
            self._send_empty()
        else:
            self.line.fail(NotFound(f"segment {self._number} did not come"))

    def _send_empty(self) -> None:
        """A segment without media: legal, and the only answer after which Shaka goes on to the next
        period (it asks again for ever what it was promised and does not get)."""
        content_type = self._track.init.content_type.encode()
        self.line.reply(200, EMPTY_SEGMENT, [(b"Content-Type", content_type), wire.NO_STORE])

    def _send_complete(self, segment: Segment) -> None:
        max_age = self._rules.max_age
        WholeExchange(self.line, self.request, segment, self._track, max_age).complete()

    def _not_modified(self, segment: Segment) -> bool:
        """Whether the player has it; then it is told so."""
        known = self.request.headers.get(b"if-none-match")
        if known is None or not conditional.matches(known, etag(segment)):
            return False
        self.line.answer(self._start(segment, 304))
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
        waited = cmsd.AT_ONCE
        if self._since is not None:
            waited = cmsd.dynamic(self.line.now - self._since)
        said = label(self.line, segment, self._track, self._rules.max_age)
        return wire.start(status, said, waited, *lines)


class InitExchange(Exchange):
    """A request for the init segment of a track in an epoch."""

    __slots__ = ("_epoch", "_rules", "_track")

    def __init__(
        self, line: Line, request: Request, track: Track, epoch: str, rules: DeliveryRules
    ) -> None:
        super().__init__(line, request)
        self._track = track
        self._epoch = epoch
        self._rules = rules

    def complete(self) -> None:
        """Send it.

        Raises:
            NotFound
        """
        init = self._track.inits.get(self._epoch)
        if init is None:
            raise NotFound(f"{self._track.name} has no init segment of epoch {self._epoch}")
        tag = b'"init-%b-%d"' % (self._epoch.encode(), len(init.data))
        lines = media_lines(init.content_type, self._rules.max_age)
        lines += b"ETag: %b\r\n%b%b" % (tag, cmsd.static("i"), cmsd.AT_ONCE)
        conditional.answer(self.line, self.request, tag, lines, init.data)


def _gone(why: str) -> Gone:
    error = Gone(why)
    error.headers = ((b"Cache-Control", b"public, max-age=%d" % GONE_MAX_AGE),)
    return error
