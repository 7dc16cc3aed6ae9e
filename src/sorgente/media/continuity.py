"""How far a track that comes in objects has come: which chunks are new.

Two encoders may send the same segments, and one encoder sends a segment again when its connection
broke (DASH-IF Ingest §6). The first whole chunk wins, by decode time: what is not after all that
came is dropped. It is no repetition, but an encoder whose clock has begun anew, when nothing new
has come for as long as encoders send things again; or, of one that sends nothing again, when its
init segment came again, and then what came first, or what is longer ago than that: ffmpeg begins at
0 whenever it is started.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Final

from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitSegment

RESENT_SEGMENTS: Final = 3
"""An encoder that was away for less sends what it could not send; then it goes on with what is
live (DASH-IF Ingest §5)."""

SHORTEST_OBJECT: Final = Fraction(1)
LONGEST_OBJECT: Final = Fraction(10)
"""Seconds that a segment is taken to have. A body may be far longer, and means nothing then."""

OVERLAP: Final = Fraction(1, 10)
"""Seconds that a chunk may begin before the end of the last: muxers guess how long the last sample
of a chunk is. As much as :mod:`~.timeline` bears."""


class Verdict(Enum):
    """What a chunk is to what came before it."""

    NEW = "goes on"
    REPEATED = "was here already"
    RESTARTED = "begins again"


class Continuity:
    """What is known of a track; outlives the bodies, and the encoders, it came from."""

    def __init__(self) -> None:
        self.init: InitSegment | None = None
        """In force."""
        self.longest_object = SHORTEST_OBJECT
        """Seconds of media in one body."""
        self._first = 0
        """Ticks: of the first chunk since the encoder's clock began."""
        self._start: int | None = None
        self._end = 0
        """Ticks: of the last new chunk."""
        self._advanced_at = 0.0
        self._begins_again = False

    def begin(self, init: InitSegment) -> None:
        """An init segment unlike the last: nothing can have been here already."""
        self.init = init
        self._start = None
        self._begins_again = False

    def begin_again(self) -> None:
        """An init segment came, perhaps the same again, of an encoder that sends it to begin
        with."""
        self._begins_again = True

    def judge(self, media: MediaChunk, now: float) -> Verdict:
        """What ``media`` is; remembered, unless it is a repetition."""
        lead = media.init.leading_track
        track = media.track(lead.track_id)
        if track is None:
            return Verdict.NEW
        start, verdict = track.base_decode_time, Verdict.NEW
        overlap = int(OVERLAP * lead.timescale)
        if self._start is not None and not (start > self._start and start >= self._end - overlap):
            again = RESENT_SEGMENTS * self.longest_object
            far_back = self._end - start > again * lead.timescale
            restarted = self._begins_again and (start <= self._first or far_back)
            if now - self._advanced_at < again and not restarted:
                return Verdict.REPEATED
            verdict = Verdict.RESTARTED
        if self._start is None or verdict is Verdict.RESTARTED:
            self._first = start
        self._begins_again = False
        self._start, self._end = start, start + track.duration
        self._advanced_at = now
        return verdict

    def note_object(self, ticks: int) -> None:
        """A body has brought so much that was new."""
        if self.init is not None:
            seconds = Fraction(ticks, self.init.leading_track.timescale)
            self.longest_object = max(self.longest_object, min(seconds, LONGEST_OBJECT))
