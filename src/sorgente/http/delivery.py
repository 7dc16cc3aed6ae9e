"""``GET /live/{channel}/…``: manifests, init segments, and segments, also while they grow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.errors import Gone, NotFound, Overloaded, RangeNotSatisfiable
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.media.chunk import LAST_FRAME, Buffer, framed, plain
from sorgente.media.presentation import Presentation
from sorgente.media.segment import Segment
from sorgente.media.subscriber import Subscriber
from sorgente.media.track import Absence, Track

EMPTY_SEGMENT: Final = b"\0\0\0\x14stypmsdh\0\0\0\0msdh"
"""A ``styp`` box and nothing behind it (ISO/IEC 14496-12 §8.16.2)."""

RANGE: Final = re.compile(rb"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """What segment requests keep to."""

    hold_seconds: float
    """How long an early request waits. Shaka gives up after 5 s without a byte."""
    held: int
    """How many may wait, per channel."""
    stall_seconds: float
    max_age: int
    """Seconds that caches may keep a segment: longer than the window, as it never changes."""


class SegmentExchange(Exchange):
    """A request for one segment. It is its subscriber's sink while the segment grows."""

    __slots__ = ("_number", "_presentation", "_rules", "_segment", "_subscriber", "_track")

    endless = False

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

    # Exchange

    def complete(self) -> None:
        """Send it, follow it, or wait for it.

        Raises:
            NotFound, Gone: it is not there, and will not be.
            Overloaded: too many wait already.
            RangeNotSatisfiable
        """
        found = self._presentation.find(self._track, self._number, self.line.now)
        match found:
            case Absence.GONE:
                raise Gone(f"segment {self._number} has left the window")
            case Absence.UNKNOWN:
                raise NotFound(f"there is no segment {self._number}")
            case Absence.NEXT:
                self._wait()
            case Absence.EMPTY:
                self._send_empty()
            case Segment() if found.complete:
                self._send_complete(found)
            case Segment():
                self._follow(found)

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
        self.line.set_deadline(self._rules.stall_seconds)
        if self._segment is not None and self._subscriber is not None:
            self._segment.pause(self._subscriber)

    def resumed(self) -> None:
        """The player takes more again."""
        self.line.set_deadline(None)
        if self._segment is not None and self._subscriber is not None:
            self._segment.resume(self._subscriber)

    def expired(self) -> None:
        """It waited, or stalled, for too long."""
        if self._subscriber is None:
            super().expired()
        held = self._segment is None
        self.lost("expired")
        if held:
            self._refuse()
        else:
            self.line.abort()

    # Sink

    def begin(self, content_type: str, first: Sequence[Buffer]) -> None:
        """Send the head and what there is, in one write."""
        self.line.set_deadline(None)
        found = self._track.segments.get(self._number)
        self._segment = found
        headers = self._media_headers(content_type)
        if self.request.version == "1.1":
            headers.append((b"Transfer-Encoding", b"chunked"))
        else:
            self.line.close_after = True
        self.line.writelines([self.line.head(200, headers), *first])

    def write(self, data: Buffer, /) -> None:
        """Send one chunk."""
        self.line.send(data)

    def writelines(self, data: Sequence[Buffer], /) -> None:
        """Send several."""
        self.line.writelines(data)

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

    def _wait(self) -> None:
        if self.request.method == "HEAD":
            raise NotFound(f"segment {self._number} is not there yet")
        if self._presentation.held >= self._rules.held:
            raise Overloaded(f"{self._rules.held} requests wait for segments already")
        self._subscriber = self._subscribe()
        self._track.hold(self._number, self._subscriber, self._refuse)
        self.line.set_deadline(self._rules.hold_seconds)

    def _follow(self, segment: Segment) -> None:
        if self.request.method == "HEAD":
            self.line.write(self.line.head(200, self._media_headers(segment.content_type)))
            self.line.finish()
            return
        self._subscriber = self._subscribe()
        segment.attend(self._subscriber)

    def _subscribe(self) -> Subscriber:
        return Subscriber(self, framed if self.request.version == "1.1" else plain)

    def _refuse(self) -> None:
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

    def _let_go(self) -> None:
        self._segment = self._subscriber = None

    def _media_headers(self, content_type: str) -> list[wire.Header]:
        return media_headers(content_type, self._rules.max_age)

    def _send_complete(self, segment: Segment) -> None:
        headers = self._media_headers(segment.content_type)
        etag = b'"%d-%d"' % (segment.number, segment.bytes)
        headers += [(b"ETag", etag), (b"Accept-Ranges", b"bytes")]
        if self.request.header(b"if-none-match") == etag:
            self.line.reply(304, b"", headers)
            return
        start, end, status = 0, segment.bytes, 200
        wanted = _range(self.request.header(b"range"), segment.bytes)
        if wanted is not None:
            (start, end), status = wanted, 206
            content_range = b"bytes %d-%d/%d" % (start, end - 1, segment.bytes)
            headers.append((b"Content-Range", content_range))
        headers.append((b"Content-Length", b"%d" % (end - start)))
        head = self.line.head(status, headers)
        body = [] if self.request.method == "HEAD" else segment.slice(start, end)
        self.line.writelines([head, *body])
        self.line.finish()


def media_headers(content_type: str, max_age: int) -> list[wire.Header]:
    """What every piece of media says: it is for ever what it is."""
    cache = b"public, max-age=%d, immutable" % max_age
    return [(b"Content-Type", content_type.encode()), (b"Cache-Control", cache)]


def _range(value: bytes | None, size: int) -> tuple[int, int] | None:
    """The bytes asked for as ``(start, end)``, or None for all of them.

    Several ranges, and other units, are ignored, as RFC 9110 §14.2 allows.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    match = None if value is None else RANGE.fullmatch(value.strip())
    if match is None or match.group(0) == b"bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return start, end


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
        headers = media_headers(init.content_type, self._rules.max_age)
        self.line.reply(200, init.data, headers)
