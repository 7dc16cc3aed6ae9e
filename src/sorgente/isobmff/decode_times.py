"""Decode times and durations of one track, repaired.

ffmpeg's ``frag_every_frame`` with sound and picture in one stream writes chunks of duration 0.
One would think that the next decode time tells how long they are. It does not: what they say is
right for their *end*, the decode time is late by the duration that is missing, and two chunks
in a row may claim the same one. So a chunk without a duration that leaves a gap of about one
sample behind the chunk before it fills that gap. When there is no gap, it lasts as long as the
sample before it, and should that have been too much, the next chunk begins where it ends.
Whatever is reported is also written into the ``tfdt`` and the sample durations.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sorgente.isobmff.track_fragment import TrackFragment

NEGATIVE: Final = 1 << 31
"""A duration from here on is a negative number in 32 unsigned bits."""


class Place(msgspec.Struct, frozen=True):
    """Where a chunk lies on the timeline of its track."""

    start: int
    duration: int
    each: int | None = None
    """What every sample duration is to be instead of what the chunk says."""


class DecodeTimes:
    """Of the chunks of one track, in order."""

    __slots__ = ("_each", "_end", "_guessed", "_told")

    def __init__(self) -> None:
        self._each = 0  # how long a sample was when it was last known
        self._told = 0  # decode time of the chunk before, as the encoder said it
        self._end: int | None = None  # where that chunk ends
        self._guessed = False  # ends later than the encoder said

    def place(self, track: TrackFragment, told: int) -> Place:
        """Return where the next chunk lies; ``told`` is its decode time by its own word."""
        known = 0 < track.duration < NEGATIVE
        end = told + track.duration if known else told
        start = self._start(told, known, track.sample_count)
        if known and start == told:
            place = Place(told, track.duration)
            self._each = track.duration // track.sample_count or 1
        else:
            each = max(0, end - start) // track.sample_count or self._each
            place = Place(start, each * track.sample_count, each)
        self._told, self._end = told, place.start + place.duration
        self._guessed = self._end > end
        return place

    def _start(self, told: int, known: bool, count: int) -> int:
        """The end of the chunk before, where that is the better word for it."""
        if self._end is None:
            return told
        overlaps = self._guessed and self._told <= told < self._end
        fills_gap = not known and 0 < told - self._end <= 2 * self._each * count
        return self._end if overlaps or fills_gap else told
