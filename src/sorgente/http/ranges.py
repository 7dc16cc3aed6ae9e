"""``Range`` on segments (RFC 9110 §14), on growing ones too (RFC 8673).

What a range of a segment of ``size`` bytes so far is answered with (protocols §3.1):

    asked              growing                                  complete
    S-E                all of it, once E is there: 206 S-E/*    206 S-min(E, size - 1)/size
    S-, S > 0          what is there behind S: 206 S-(size-1)/* 206 S-(size-1)/size
    S-<very large>     from S to its end, as it grows:          206 S-(size-1)/size
                       206 S-<as asked>/*, chunked
    0-                 all of it, as it grows: 200              206 0-(size-1)/size
    -N                 all of it, as it grows: 200              206 of the last N bytes
    S behind the size  waits for S                              416 */size

What is asked for and not there yet is waited for as long as an early segment is. Then there is what
there is of it, if anything (RFC 9110 §15.3.7: "a server might want to send only a subset of the
data requested for reasons of its own"), else 416. A HEAD is told what is there now, which is how a
client finds the edge (RFC 8673 §2.1). Several ranges, other units, and what is no range are
ignored, as RFC 9110 §14.2 allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from sorgente.errors import RangeNotSatisfiable
from sorgente.http import wire
from sorgente.http.delivery import SegmentExchange
from sorgente.http.request import Request
from sorgente.http.whole import etag
from sorgente.media.chunk import Buffer
from sorgente.media.segment import Segment

VERY_LARGE: Final = 1 << 32
"""A last position that no segment reaches: whoever asks for it means "to the end, as it grows".
RFC 8673 advises clients to take 2^53 - 1; its examples take 999,999,999,999."""

RANGE: Final = re.compile(rb"bytes=([0-9]{0,20})-([0-9]{0,20})", re.IGNORECASE)
"""Twenty digits hold all of 64 bits; who writes more means nothing by it."""


class ByteRange(NamedTuple):
    """A range as it was asked for: ``first-last``, ``first-``, or ``-last`` for that many from the
    end."""

    first: int | None
    last: int | None

    @classmethod
    def parse(cls, value: bytes) -> ByteRange | None:
        """The one range in the value of a ``Range``; None where there is none, or several."""
        match = RANGE.fullmatch(value.strip())
        if match is None:
            return None
        first, last = (int(digits) if digits else None for digits in match.groups())
        if first is None and last is None:
            return None
        if first is not None and last is not None and last < first:
            return None
        return cls(first, last)

    def within(self, size: int) -> tuple[int, int]:
        """``(start, end)`` of what it means of ``size`` bytes that will not become more.

        Raises:
            RangeNotSatisfiable: nothing.
        """
        start = max(0, size - (self.last or 0)) if self.first is None else self.first
        end = size if self.first is None or self.last is None else min(size, self.last + 1)
        if start >= size:
            raise RangeNotSatisfiable(size)
        return start, end

    @property
    def endless(self) -> bool:
        """It means all that will ever be behind ``first``."""
        return self.last is not None and self.last >= VERY_LARGE


class RangeExchange(SegmentExchange):
    """A request for a part of a segment."""

    __slots__ = ("_asked", "_asked_of_growing", "_streams")

    def complete(self) -> None:
        """Send it, stream it, or wait for it. Raises like the whole segment's."""
        asked = ByteRange.parse(self.request.headers[b"range"])
        self._asked = asked
        self._asked_of_growing = (
            asked if asked is not None and _counts_while_growing(asked, self.request) else None
        )
        self._streams = False
        super().complete()

    # Sink

    def begin(self, content_type: str, first: Sequence[Buffer]) -> None:
        """The segment has begun, or what was waited for is there, or will never be."""
        segment, subscriber = self._kept, self._subscriber
        asked = self._asked_of_growing
        if asked is None or segment is None:
            super().begin(content_type, first)
        elif self._streams:
            as_asked = f"Content-Range: bytes {asked.first}-{asked.last}/*\r\n"
            self._begin(segment, 206, first, as_asked.encode())
        elif subscriber is not None:
            segment.leave(subscriber)
            self._serve(segment)

    # Inside

    def _follow(self, segment: Segment) -> None:
        asked = self._asked_of_growing
        if asked is None or asked.first is None:
            super()._follow(segment)
        elif self.request.method == "HEAD":
            self._send_what_there_is(segment, asked)
        elif not asked.endless:
            end = max(segment.bytes, asked.first + 1) if asked.last is None else asked.last + 1
            if segment.bytes < end:
                self._await(segment, end)
            else:
                self._send_part(segment, asked.first, end)
        elif segment.bytes <= asked.first:
            self._await(segment, asked.first + 1)
        else:
            self._streams = True
            segment.attend(self._subscribe(), asked.first)

    def _await(self, segment: Segment, count: int) -> None:
        self._segment = segment
        segment.await_bytes(self._subscribe(), count)
        self._hold()

    def _refuse(self) -> None:
        segment = self._kept
        asked = self._asked_of_growing
        if asked is None or segment is None or not segment.end:
            super()._refuse()
        else:
            self._send_what_there_is(segment, asked)

    def _send_what_there_is(self, segment: Segment, asked: ByteRange) -> None:
        self._let_go()
        try:
            start, end = asked.within(segment.bytes)
        except RangeNotSatisfiable as error:
            self.line.fail(error)
        else:
            self._send_part(segment, start, end)

    def _send_complete(self, segment: Segment) -> None:
        asked, tag = self._asked, etag(segment)
        if asked is None or self.request.headers.get(b"if-range", tag).strip() != tag:
            super()._send_complete(segment)
        elif not self._not_modified(segment):
            self._send_what_there_is(segment, asked)

    def _send_part(self, segment: Segment, start: int, end: int) -> None:
        self._let_go()
        total = b"%d" % segment.bytes if segment.complete else b"*"
        content_range = b"Content-Range: bytes %d-%d/%b\r\n" % (start, end - 1, total)
        head = self._start(segment, 206, content_range, wire.length_line(end - start))
        self._send(head, segment, start, end)


def _counts_while_growing(asked: ByteRange, request: Request) -> bool:
    """Whether a range means something of a segment whose end nobody knows yet.

    Not with a condition: a growing segment has no validator, so If-Range fails (RFC 9110 §13.1.5).
    Not the last N bytes: which these are shows at the end. And not ``0-``, except in a HEAD: by the
    letter (§14.1.2) it is what is there now, but those who send it (ffmpeg does with every request)
    want all of it, and would go on to the next segment with half of this one.
    """
    if b"if-range" in request.headers or asked.first is None:
        return False
    return asked != (0, None) or request.method == "HEAD"
