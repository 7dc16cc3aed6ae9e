"""One uninterrupted encoder timeline, and what its tracks say of where it is on the wall clock.

Its offset is that of its slowest track: none is announced before it is there. See
:mod:`~.timeline`.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import msgspec

from sorgente.media.epoch import Cause, Epoch
from sorgente.media.minimum import MS, NS, SETTLE_BOUND, nanoseconds
from sorgente.media.voice import LEAP, OVERLAP, SILENT, Voice, Wraps

CORRECT = 75 * MS
"""Drift that asks for a new epoch. With BLOCK's lag and a segment's wait it stays below 100 ms: the
clock error dash.js puts up with (``maximumAllowedDrift``), and `latency_target` has in reserve."""
EARLY_QUIET, EARLY_FALL = 10_000 * MS, 1000 * MS
"""Media there before they are announced make nobody stall: corrected after 10 s in which no more
than 1 s was caught up. More is an upload faster than real time, which is left to end first."""


class Run:
    """One uninterrupted encoder timeline."""

    def __init__(self, cause: Cause, now: int, media: int, awaited: set[str]) -> None:
        self.cause, self._awaited = cause, awaited
        self.due = False
        """It has drifted: the next segment had better start a new epoch."""
        self.epochs: deque[Epoch] = deque(maxlen=2)
        """As announced; two, since audio may be in the older one for a moment."""
        self.members: dict[str, Voice] = {}
        self.began = self._now = now
        self._first = self.end = media
        self._anchor = 0
        self._early: tuple[int, int] | None = None
        self.moved: tuple[Run, Fraction] | None = None
        """The run that its tracks go on in, and seconds from its timeline to that one's."""

    def ready(self, now: float) -> bool:
        """The offset has settled, or has to do (``now``: UTC seconds): see `Timeline.open`."""
        ns = round(now * NS)
        settled = not self._awaited and all(m.delay.settled(ns) for m in self._heeded)
        return settled or ns - self.began >= SETTLE_BOUND

    def may_join(self, other: Run, now: int) -> bool:
        """Its offset is known well enough to bring it to ``other``, which has gone on since it
        began. A burst that is followed by a pause has settled, and has to be looked at again."""
        doubtful = any(member.delay.doubtful for member in self._living)
        if doubtful and now - self.began < 2 * SETTLE_BOUND:
            return False
        return other._now >= self.began and self.ready(now / NS)

    @property
    def offset(self) -> int:
        """ns from media time to the wall clock, as estimated now."""
        return max((m.offset for m in self._living), default=self.began - self._first)

    @property
    def drift(self) -> Fraction:
        """Seconds that media come later (negative: earlier) than announced, jitter apart."""
        return Fraction(self._drift, NS)

    def epoch_at(self, media: Fraction) -> Epoch | None:
        """The epoch of a media time; the oldest, if it is before them all."""
        if len(self.epochs) == 1:
            return self.epochs[0]
        later = (epoch for epoch in reversed(self.epochs) if epoch.media_start <= media)
        return next(later, self.epochs[0] if self.epochs else None)

    def note(self, member: Voice, start: int, end: int, now: int, produced: float | None) -> None:
        """``member`` has had a chunk, of ``start`` to ``end`` by its time stamps."""
        moved = nanoseconds(member.shift)
        member.note(start + moved, end + moved, now, produced)
        self._now, self.end = now, max(self.end, member.end)
        if self.epochs:
            if member.lead is None and member.delay.settled(now):
                member.lead = max(0, self._anchor - member.offset)
            drift = self._drift
            self.due = drift > CORRECT or self._too_early(drift, now)

    def fits(self, start: int, end: int, now: int, wraps: Wraps) -> Fraction | None:
        """Seconds to add to the time stamps of a track that may belong here; None if not."""
        late = now - end - self.offset
        if not self.epochs and self._first - LEAP <= start <= self.end + LEAP:
            return Fraction(0)
        if (known := self._nearest(Fraction(late, NS), now)) is not None:
            return known
        for wrap in wraps:
            times = round(late / nanoseconds(wrap))
            if times > 0 and abs(late - times * nanoseconds(wrap)) <= LEAP:
                return times * wrap
        return None

    def waits_for(self, newcomer: Run, now: int) -> bool:
        """Whether tracks that are not in ``newcomer`` are there, so that it has to come to them."""
        others = self.members.keys() - newcomer.members.keys()
        return any(self.members[name].speaks(now) for name in others)

    def away_from(self, other: Run, now: int) -> Fraction:
        """Seconds from this timeline to that of ``other``: the same, if a track of ``other`` seems
        to have the same clock; else so that both stay where they are on the wall clock."""
        away = Fraction(self._level - other._level, NS)
        known = other._nearest(away, now)
        return away if known is None else known

    def overlaps(self, other: Run, away: Fraction) -> bool:
        """Whether a track has sent ``other`` media already for where it is now: it was too fast."""
        moved = nanoseconds(away)
        pairs = ((other.members.get(name), member) for name, member in self.members.items())
        return any(old and new.start + moved < old.end - OVERLAP for old, new in pairs)

    def announce(self, epoch: Epoch) -> None:
        """Players are told this from its start on."""
        slowest, living = self.offset, self._living
        for member in self.members.values():
            member.lead = slowest - member.offset if member in living else None
        self.epochs.append(epoch)
        self._anchor, self._early, self.due = nanoseconds(epoch.offset), None, False

    def produced_at(self, media: Fraction) -> Fraction | None:
        """UTC seconds when the encoder made ``media``, if it says so."""
        made = [member.made for member in self._living if member.made is not None]
        return media + Fraction(max(made), NS) if made else None

    @property
    def _levels(self) -> list[int]:
        """ns from media time to the wall clock, of tracks that are as late as the latest."""
        return [
            member.offset + (member.lead or 0)
            for member in self._living
            if member.lead is not None or not self.epochs
        ]

    @property
    def _level(self) -> int:
        """ns: that of the latest."""
        levels = self._levels
        return max(levels) if levels else self.offset

    def _nearest(self, shift: Fraction, now: int) -> Fraction | None:
        """What is added to the time stamps of a track that is there, or nothing, if ``shift`` is
        nearly that: they are of one clock."""
        known = [Fraction(0), *(m.shift for m in self.members.values() if m.speaks(now))]
        nearest = min(known, key=lambda each: abs(each - shift))
        return nearest if abs(nearest - shift) * NS <= LEAP else None

    @property
    def companion(self) -> Voice | None:
        """Whose time stamps are those of sparse tracks too; None if there are only such."""
        return next((member for member in self.members.values() if not member.sparse), None)

    @property
    def _heeded(self) -> list[Voice]:
        return [m for m in self.members.values() if not m.sparse] or list(self.members.values())

    @property
    def _living(self) -> list[Voice]:
        return [m for m in self._heeded if m.arrived >= self._now - SILENT]

    @property
    def _drift(self) -> int:
        levels = self._levels if self.epochs else []
        return max(levels) - self._anchor if levels else 0

    def _too_early(self, drift: int, now: int) -> bool:
        since, level = self._early or (now, drift)
        self._early = None if drift >= -CORRECT else (since, level)
        overtakes = -drift >= self.end - nanoseconds(self.epochs[-1].media_start)
        if self._early is None or overtakes or now - since < EARLY_QUIET:
            return False  # overtakes: the new epoch would start before this one
        if level - drift > EARLY_FALL:
            self._early = (now, drift)
        return level - drift <= EARLY_FALL


class Placement(msgspec.Struct, frozen=True):
    """Where a chunk belongs."""

    run: Run
    start: Fraction
    """Seconds on the run's timeline, which its time stamps have to say if ``shift`` is not 0."""
    shift: Fraction

    @property
    def epoch(self) -> Epoch | None:
        """None: hold the chunk, its run is not announced yet."""
        return self.run.epoch_at(self.start)

    @property
    def presentation(self) -> Fraction | None:
        """Seconds since the epoch's start."""
        return self.start - self.epoch.media_start if self.epoch else None
