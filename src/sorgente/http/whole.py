"""``GET /live/…/{number}.m4s`` of a segment that is complete: most requests are. And what is said
of a segment in general.

The head is made once, for the first who asks: all of it but the ``Date``, and what it says of the
connection (:meth:`~.exchange.Line.answer`).
"""

from __future__ import annotations

from sorgente.http import cmsd, conditional, wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.media.segment import Segment
from sorgente.media.track import Track


class WholeExchange(Exchange):
    """A request for all of ``segment``. Caches may keep it for ``max_age`` seconds."""

    __slots__ = ("_max_age", "_segment", "_track")

    def __init__(
        self, line: Line, request: Request, segment: Segment, track: Track, max_age: int
    ) -> None:
        self.line, self.request = line, request  # super() takes longer than all the rest
        self._segment = segment
        self._track = track
        self._max_age = max_age

    def complete(self) -> None:
        """Send it, or that it is the one the other side has."""
        line, request, segment = self.line, self.request, self._segment
        known = request.headers.get(b"if-none-match")
        if known is not None and conditional.matches(known, etag(segment)):
            conditional.not_modified(line, self._said() + cmsd.AT_ONCE)
            return
        start = segment.answer
        if start is None:
            length = wire.length_line(segment.bytes)
            start = segment.answer = wire.start(200, self._said(), cmsd.AT_ONCE, length)
        if request.method == "HEAD":
            line.answer(start)
        else:
            line.answer(start, segment.whole(), segment.bytes)

    def _said(self) -> bytes:
        return label(self.line, self._segment, self._track, self._max_age)


def label(line: Line, segment: Segment, track: Track, max_age: int) -> bytes:
    """What every answer with bytes of ``segment`` says, until it is complete or gone."""
    if segment.label is None:
        timescale = track.inits.get(segment.epoch, track.init).leading_track.timescale
        first_byte_at = line.wall - (line.now - segment.began_at)
        duration = segment.duration if segment.complete else 0
        static = cmsd.static(
            cmsd.OBJECT_TYPES[track.kind],
            duration=duration * 1000 // timescale if duration else None,
            bitrate=segment.bytes * 8 * timescale // (duration * 1000) if duration else None,
            available_at=round(first_byte_at * 1000),
        )
        tag = b"ETag: %b\r\n" % etag(segment) if segment.complete else b""
        lines = media_lines(segment.content_type, max_age)
        segment.label = b"%bAccept-Ranges: bytes\r\n%b%b" % (lines, tag, static)
    return segment.label


def etag(segment: Segment) -> bytes:
    """The strong validator of a complete segment (RFC 9110 §8.8.3). A growing one has none: there
    is nothing yet that it could stand for."""
    return b'"%d-%d"' % (segment.number, segment.bytes)


def media_lines(content_type: str, max_age: int) -> bytes:
    """What every piece of media says: it is for ever what it is."""
    cache = b"public, max-age=%d, immutable" % max_age
    return wire.lines([(b"Content-Type", content_type.encode()), (b"Cache-Control", cache)])
