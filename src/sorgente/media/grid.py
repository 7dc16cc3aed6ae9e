"""Where the segments of a period begin: segment *k* covers *[k·d, (k+1)·d)* from its start.

So numbers and a duration say it all, the manifest stays as it is, and players know the next segment
before it is there. What *d* is depends on how key frames come:

    steady      a whole number of groups of pictures: every segment starts on the grid
    unsteady    two of the longest groups: a segment starts with the first key frame behind the
                grid, at most half a segment late (DASH-IF low latency 9.X.4.5 allows as much);
                the segment before it grows until then, so players notice nothing. Sound is cut
                where pictures are: Shaka lets no type be a segment ahead of the others

The other way for key frames that come as they like is to list every segment (SegmentTimeline). It
was tried. Nobody knows how long the one that grows is going to be; and Shaka Player takes the end
of what is listed for the live edge, and adds ``availabilityTimeOffset`` (``notifyTimeRange``), so
it starts seconds from where it should be. See docs/design/timeline.md.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from math import floor
from typing import Final

from sorgente.media.arrival import Arrival
from sorgente.media.epoch import Epoch
from sorgente.media.rhythm import TOO_LATE, Rhythm

OFF_GRID: Final = Fraction(1, 8)
"""Of a segment: a key frame further from a steady grid than this is another rhythm; and half a
group, where groups are so short that the one before would do as well."""

NEARLY: Final = Fraction(1, 10)
"""Seconds that a segment may lack when it is called full: half a chunk of a slate."""

REMEMBERED_CUTS: Final = 16
"""Sound that comes later than so many segments of the picture is cut where it may."""


class Grid:
    """``duration``: seconds of every segment, nominally."""

    def __init__(self, epoch: Epoch, rhythm: Rhythm, target: Fraction) -> None:
        self.duration = rhythm.segment_duration(target)
        self._steady = rhythm.steady
        # Where sound leads, slates of pictures begin on ticks of their own clock.
        half = rhythm.group / self.duration / 2
        self._near = min(OFF_GRID, half) if half else OFF_GRID
        self._epoch = epoch
        self._start = epoch.media_start.as_integer_ratio()
        self._each = self.duration.as_integer_ratio()
        self._last: int | None = None
        """Number; None while the period goes on."""
        self._cuts: deque[tuple[int, Fraction]] = deque(maxlen=REMEMBERED_CUTS)
        """Numbers of the leading track's segments, and where they began."""

    def begins(self, arrival: Arrival) -> int | None:
        """The number of the segment that a chunk begins; None if it begins none."""
        if not arrival.can_begin:
            return None
        number = self.number_at(arrival)
        if number < self._epoch.start_number:
            return None
        growing = arrival.track.growing
        if growing is None or growing.epoch != self._epoch.id:
            # What is complete is final: what is left of it, if anything, comes too late.
            return number if number > arrival.track.last_number else None
        behind_the_end = self._last is not None and number > self._last
        return None if number <= growing.number or behind_the_end else number

    def number_at(self, arrival: Arrival) -> int:
        """The number of the segment that a chunk lies in, by its time alone."""
        if arrival.track.is_video:
            return self.number_of(arrival.presented_at)
        middle = self._middle_of(arrival)
        if self._steady:
            return self._epoch.start_number + self._index_at(*middle)
        return self._cut_at(Fraction(*middle))

    def _middle_of(self, arrival: Arrival) -> tuple[int, int]:
        """Seconds on the run's timeline, as a ratio: see `_index_at`. At most half a segment from
        where the chunk starts."""
        (start, per), (longest, per_longest) = arrival.starts_at.as_integer_ratio(), self._each
        ticks, timescale = arrival.cut.duration, arrival.track.timescale
        if ticks * per_longest > longest * timescale:
            ticks, timescale = longest, per_longest
        return 2 * start * timescale + ticks * per, 2 * per * timescale

    def _index_at(self, seconds: int, per: int) -> int:
        """The segment that ``seconds / per`` lies in, by time alone. Asked for every chunk of
        sound, and a Fraction takes a gcd for every step on the way: 1 µs in place of 8."""
        (start, per_start), (each, per_each) = self._start, self._each
        return (seconds * per_start - start * per) * per_each // (per * per_start * each)

    def _cut_at(self, middle: Fraction) -> int:
        """The segment that sound is in where the picture cuts as it likes."""
        first = self._epoch.start_number
        cut = next((number for number, cut in reversed(self._cuts) if cut <= middle), first - 1)
        return max(cut, first + floor(self._since(middle) - TOO_LATE))  # it may be gone

    def completes(self, number: int, end: Fraction, duration: Fraction) -> bool:
        """Whether a chunk that ends at ``end`` on the run's timeline fills segment ``number``: one
        as long, behind it, would begin another. Known only where segments end on the grid."""
        following = number - self._epoch.start_number + 1
        slack = min(duration / 2, NEARLY)
        return self._steady and self._since(end + slack) >= following

    def opened(self, number: int, start: Fraction) -> None:
        """The leading track began a segment at ``start`` on the run's timeline."""
        self._cuts.append((number, start))

    def strays(self, start: Fraction) -> bool:
        """Whether ``start`` (on the run's timeline) is too far from where a segment should be."""
        if self._steady:
            return self._nearest(start) is None
        since = self._since(start)
        return since - floor(since) > TOO_LATE

    def number_due(self, elapsed: Fraction) -> int:
        """The latest segment that a player may ask for, so many seconds after the period's start:
        the one after that of now."""
        return self._epoch.start_number + floor(elapsed / self.duration) + 1

    def end_at(self, start: Fraction) -> None:
        """Another period goes on from ``start`` on the run's timeline."""
        self._last = self.number_of(start) - 1

    def number_of(self, start: Fraction) -> int:
        """The number of the segment that a picture at ``start`` on the run's timeline lies in."""
        near = self._nearest(start) if self._steady else None
        return self._epoch.start_number + (floor(self._since(start)) if near is None else near)

    def _nearest(self, start: Fraction) -> int | None:
        """The segment that begins at ``start``, or thereabouts."""
        since = self._since(start)
        index = floor(since + Fraction(1, 2))
        return index if abs(since - index) <= self._near else None

    def _since(self, start: Fraction) -> Fraction:
        """Segments since the period's start."""
        return (start - self._epoch.media_start) / self.duration
