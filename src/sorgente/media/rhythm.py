"""How the key frames of a channel come: what the length of its segments follows from."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from statistics import median_low
from typing import Final

from sorgente.media.arrival import Arrival, picture_duration

TOO_LATE: Final = Fraction(1, 2)
"""Of a segment: as late as one may begin on an unsteady grid (DASH-IF low latency 9.X.4.5)."""

ALIKE: Final = Fraction(1, 50)
"""Seconds by which groups of one length differ: half a picture at 25 fps, for rounded times."""

SOUND_STEP: Final = Fraction(1, 10)
"""Seconds. A segment of sound is no shorter than its chunks, or numbers would be left out. They are
rounded up to these: of chunks of 4 s, some are a packet longer than others."""

LONGEST_GROUP: Final = 60
"""Seconds from one key frame to the next. Encoders left to themselves take ten at the most; one
that takes longer than this sends no more of them (intra refresh, ``-g 99999``): nobody waits."""

BREAK_SECONDS: Final = 60.0
"""A break of the rhythm counts for so long."""

BREAKS: Final = 2
"""So many, and there is no rhythm. One is a picture that was dropped, or a key frame for a scene;
two may be other settings, if a new rhythm shows."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Whether segments lie on a grid, and on which."""

    group: Fraction
    """Seconds from one key frame to the next, usually; 0 without video."""
    longest: Fraction
    """The most that was seen."""
    steady: bool

    @classmethod
    def of_sound(cls, arrivals: Iterable[Arrival]) -> Rhythm:
        """Of a channel without video: a segment may begin anywhere, but with a chunk."""
        longest = max((arrival.duration for arrival in arrivals), default=Fraction(0))
        return cls(Fraction(0), Fraction(ceil(longest / SOUND_STEP)) * SOUND_STEP, steady=True)

    @classmethod
    def of(cls, arrivals: Sequence[Arrival]) -> Rhythm | None:
        """Of chunks of one video track; None with less than two key frames.

        Pictures times how long most of them last, not the difference of their times: ffmpeg makes
        the first picture of a muxed stream longer, for the sound that comes before it (protocols
        §1.5).
        """
        starts = sorted({a.starts_at for a in arrivals if a.can_begin})
        if len(starts) < 2:
            return None
        counts = [0] * (len(starts) - 1)
        for arrival in arrivals:
            group = bisect(starts, arrival.starts_at) - 1
            if 0 <= group < len(counts):
                counts[group] += arrival.cut.sample_count
        picture = picture_duration(arrivals)
        usual, longest = median_low(counts), max(counts)
        return cls(usual * picture, longest * picture, steady=usual == longest == min(counts))

    def segment_duration(self, target: Fraction) -> Fraction:
        """Seconds. Whole ones without a rhythm: as good as any, and whole ticks of every track."""
        if not self.steady:
            return max(target, Fraction(ceil(self.longest / TOO_LATE)))
        if not self.group:
            return max(target, self.longest)
        return max(1, round(target / self.group)) * self.group


class KeyFrames:
    """What the leading track's have done lately. Times: seconds on the run's timeline."""

    def __init__(self) -> None:
        self._starts: deque[Fraction] = deque(maxlen=2)
        self._breaks: deque[float] = deque(maxlen=BREAKS + 1)

    @property
    def interval(self) -> Fraction | None:
        """Seconds between the newest two; None while there are not two."""
        return self._starts[-1] - self._starts[0] if len(self._starts) == 2 else None

    def missing(self, end: Fraction, usual: Fraction) -> Fraction | None:
        """Seconds since the newest one, if media have come up to ``end`` and others come every
        ``usual`` seconds, so that at least one is missing."""
        since = end - self._starts[-1] if self._starts else Fraction(0)
        return since if since > 2 * usual else None

    def note(self, start: Fraction) -> None:
        """One more."""
        self._starts.append(start)

    def begin(self) -> None:
        """Another run: what was says nothing about it, but for how often the rhythm broke."""
        self._starts.clear()

    def broken(self, rhythm: Rhythm, start: Fraction, now: float) -> Rhythm:
        """What ``rhythm`` has become with a key frame at ``start`` that does not fit."""
        self._breaks.append(now)
        breaks = sum(each > now - BREAK_SECONDS for each in self._breaks)
        *_, before, last = [start, start, *self._starts]
        group = start - last
        again = abs(group - (last - before)) <= ALIKE
        if again and breaks <= BREAKS:
            return Rhythm(group, group, steady=True)
        if breaks < BREAKS:
            return rhythm
        return replace(rhythm, longest=max(group, rhythm.longest), steady=False)
