"""Which moment of the wall clock a channel's media stand for.

A sample exists at the encoder at some moment, and its chunk reaches us later. So of every chunk
*arrival − media end* is the true offset between wall clock and media time plus a delay that is
never negative, and the smallest one seen is the best estimate: jitter only ever adds. ::

    wall clock (UTC) →   settled: open()                 due: open() where a segment starts
                  │ hold │                                │
    run 1         │::::::│▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌▌│▌▌▌▌▌▌▌▌▌▌  ✕ the encoder is gone
                  └ epoch A: start = media start + offset ┘└ epoch B: its offset is A's + drift
    run 2                                    media times from 0 on: epoch C ─ └::::│▌▌▌▌▌▌▌▌

A *run* is one uninterrupted encoder timeline, shared by all tracks; an *epoch* is a run, from some
segment on, as it is announced. The offset of a run is that of its slowest track: none is announced
before it is there. A segmenter gives decode times, which never go back, and ``/time``'s clock::

    timeline.begin(track, timescale)                   for every init segment
    at = timeline.observe(track, start, end, arrived)  for every chunk
    at.run is not the track's last one?                its segment ends with its last whole chunk
    at.epoch is None?                                  hold the chunk until at.run.ready(now); then
        timeline.open(first random access point, now)  chunks held have an epoch too
    at.run.due, and a segment starts here?             timeline.open(at.start, now, last_number)
    at.presentation                                    negative before the first segment: drop it

Estimates are integers of a nanosecond, what is announced are Fractions; no floats are added up.
The whole model, and the measurements behind the constants: docs/design/timeline.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil

from sorgente.media.minimum import MS, NS, SETTLE_BOUND, UNKNOWN, Minimum

CORRECT = 75 * MS
"""Drift that asks for a new epoch. With BLOCK's lag and a segment's wait it stays below 100 ms: the
clock error dash.js puts up with (``maximumAllowedDrift``), and `latency_target` has in reserve."""
EARLY_QUIET, EARLY_FALL = 10_000 * MS, 1000 * MS
"""Media there before they are announced make nobody stall: corrected after 10 s in which no more
than 1 s was caught up. More is an upload faster than real time, which is left to end first."""
LEAP = 1000 * MS
"""After a gap, chunks that come this much before they can exist are another timeline. Less is
drift; missing segments, and encoders that slept, leap together with the wall clock."""
OVERLAP = 100 * MS
"""Chunks may start so much before the last one's end: muxers guess its duration (10 fps)."""
SILENT = 5000 * MS
"""A track that has sent nothing for longer than a request is held has no say in the offset."""
PRODUCTION = 10
"""Seconds from production to arrival that are believed; dash.js takes them off its latency."""
MPEG_WRAP = Fraction(2**33, 90_000)
"""Seconds: after 26.5 h time stamps of MPEG transport streams begin again."""
NUMBERS_SINCE, NUMBERS_PER_SECOND = 1_735_689_600, 4
"""Quarter seconds since 2025: segments of 0.25 s never outrun them, 32 bits last until 2059."""
Wraps = tuple[Fraction, ...]


class Cause(Enum):
    """Why an epoch was opened."""

    FIRST = "first chunk"
    INIT = "new init segment"
    BACK = "timeline went back"
    LEAP = "timeline leapt forward"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A run, from one of its segments on, as it is announced: a DASH period."""

    id: str
    """As in ``init-{id}.mp4``: the start number, so as unique as that."""
    cause: Cause
    media_start: Fraction
    """Seconds on the run's timeline where the first segment starts (presentationTimeOffset)."""
    start: Fraction
    """UTC seconds it stands for: whole ms, which manifests can write; rounded up, not too early."""
    start_number: int
    produced_at: Fraction
    """UTC seconds when the encoder made what ``start`` presents (``prft``); else ``start``."""
    continues: str | None = None
    """Id of the epoch before it, if that is of the same run."""

    @property
    def offset(self) -> Fraction:
        """Seconds from media time to the wall clock."""
        return self.start - self.media_start

    def wall(self, media: Fraction) -> Fraction:
        """UTC seconds of a media time."""
        return media + self.offset

    def media(self, wall: Fraction) -> Fraction:
        """Media time of a UTC second."""
        return wall - self.offset


class Member:
    """A track in a run; nanoseconds on the run's timeline, unless it says otherwise."""

    def __init__(self, shift: Fraction, *, native: bool = True, sparse: bool = False) -> None:
        self.native = native
        """The track began with the run; if not native, it goes on from an older one."""
        self.sparse = sparse
        """It has no say where others have: nothing is known from when it comes."""
        self.shift = shift
        """Seconds from the encoder's time stamps to the run's timeline: wraps, mostly."""
        self.ended = False
        """A new init segment came: its next chunk does not go on here."""
        self.lead: int | None = None
        """How much earlier than the slowest track it was when the epoch was announced."""
        self.start = self.end = self.arrived = 0
        self.delay, self.production = Minimum(), Minimum()

    def note(self, start: int, end: int, now: int, produced: float | None) -> None:
        """A chunk of it."""
        self.start, self.end, self.arrived = start, end, now
        self.delay.add(now - end, now)
        if produced is not None:
            self.production.add(round(produced * NS) - start, now)

    def goes_on(self, start: int, end: int, now: int, wraps: Wraps) -> Fraction | Cause:
        """Seconds to add to the time stamps of a chunk that goes on (0, or a wrap); or why not."""
        gap = start - self.end
        if gap >= -OVERLAP and start >= self.start:
            leaps = gap > LEAP and now - end < self.delay.estimate - LEAP
            return Cause.LEAP if leaps else Fraction(0)
        longest = max(now - self.arrived, 0) + LEAP
        wrapped = (wrap for wrap in wraps if -OVERLAP <= gap + nanoseconds(wrap) <= longest)
        return next(wrapped, Cause.BACK)


class Run:
    """One uninterrupted encoder timeline."""

    def __init__(self, cause: Cause, now: int, media: int, awaited: set[str]) -> None:
        self.cause, self._awaited = cause, awaited
        self.due = False
        """It has drifted: the next segment had better start a new epoch."""
        self.epochs: deque[Epoch] = deque(maxlen=2)
        """As announced; two, since audio may be in the older one for a moment."""
        self.members: dict[str, Member] = {}
        self.began = self._now = now
        self._first = self.end = media
        self._anchor = 0
        self._early: tuple[int, int] | None = None

    def ready(self, now: float) -> bool:
        """The offset has settled, or has to do (``now``: UTC seconds): see `Timeline.open`."""
        ns = round(now * NS)
        settled = not self._awaited and all(m.delay.settled(ns) for m in self._heeded)
        return settled or ns - self.began >= SETTLE_BOUND

    @property
    def offset(self) -> int:
        """ns from media time to the wall clock, as estimated now."""
        return max((m.delay.estimate for m in self._living), default=self.began - self._first)

    @property
    def drift(self) -> Fraction:
        """Seconds that media come later (negative: earlier) than announced, jitter apart."""
        return Fraction(self._drift, NS)

    def epoch_at(self, media: Fraction) -> Epoch | None:
        """The epoch of a media time; the oldest, if it is before them all."""
        later = (epoch for epoch in reversed(self.epochs) if epoch.media_start <= media)
        return next(later, self.epochs[0] if self.epochs else None)

    def note(self, member: Member, now: int) -> None:
        """``member`` has had a chunk."""
        self._now, self.end = now, max(self.end, member.end)
        if self.epochs:
            if member.lead is None and member.delay.settled(now):
                member.lead = max(0, self._anchor - member.delay.estimate)
            drift = self._drift
            self.due = drift > CORRECT or self._too_early(drift, now)

    def fits(self, start: int, end: int, now: int, wraps: Wraps) -> Fraction | None:
        """Seconds to add to the time stamps of a track that may belong here; None if not."""
        late = now - end - self.offset
        young = not self.epochs and self._first - LEAP <= start <= self.end + LEAP
        if young or abs(late) <= LEAP:
            return Fraction(0)
        for wrap in wraps:
            times = round(late / nanoseconds(wrap))
            if times > 0 and abs(late - times * nanoseconds(wrap)) <= LEAP:
                return times * wrap
        return None

    def announce(self, epoch: Epoch) -> None:
        """Players are told this from its start on."""
        slowest, living = self.offset, self._living
        for member in self.members.values():
            member.lead = slowest - member.delay.estimate if member in living else None
        self.epochs.append(epoch)
        self._anchor, self._early, self.due = nanoseconds(epoch.offset), None, False

    def produced_at(self, media: Fraction) -> Fraction | None:
        """UTC seconds when the encoder made ``media``, if it says so."""
        made = [m.production.estimate for m in self._living if m.production.estimate < UNKNOWN]
        return media + Fraction(max(made), NS) if made else None

    @property
    def companion(self) -> Member | None:
        """Whose time stamps are those of sparse tracks too; None if there are only such."""
        return next((member for member in self.members.values() if not member.sparse), None)

    @property
    def _heeded(self) -> list[Member]:
        return [m for m in self.members.values() if not m.sparse] or list(self.members.values())

    @property
    def _living(self) -> list[Member]:
        return [m for m in self._heeded if m.arrived >= self._now - SILENT]

    @property
    def _drift(self) -> int:
        offsets = [m.delay.estimate + m.lead for m in self._living if m.lead is not None]
        return max(offsets) - self._anchor if offsets else 0

    def _too_early(self, drift: int, now: int) -> bool:
        since, level = self._early or (now, drift)
        self._early = None if drift >= -CORRECT else (since, level)
        overtakes = -drift >= self.end - nanoseconds(self.epochs[-1].media_start)
        if self._early is None or overtakes or now - since < EARLY_QUIET:
            return False  # overtakes: the new epoch would start before this one
        if level - drift > EARLY_FALL:
            self._early = (now, drift)
        return level - drift <= EARLY_FALL


@dataclass(frozen=True, slots=True)
class Placement:
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


class Timeline:
    """Wall clock and media time of a channel."""

    def __init__(self) -> None:
        self.run: Run | None = None
        """The newest."""
        self.epoch: Epoch | None = None
        """The newest that is announced."""
        self._announced: Run | None = None
        self._number = 0
        self._members: dict[str, tuple[Run, Member]] = {}
        """What each track is in. A run knows its members, they do not know it: a cycle would leave
        runs that are over to the garbage collector."""
        self._awaited: set[str] = set()
        self._wraps: dict[str, Wraps] = {}
        self._sparse: set[str] = set()

    def begin(
        self, track: str, timescale: int, *, resumes: bool = False, sparse: bool = False
    ) -> None:
        """An init segment. ``resumes``: the last one again, and its timeline may go on.
        ``sparse``: its chunks come when they like, on the timeline of the others."""
        self._wraps[track] = (Fraction(2**32, timescale), MPEG_WRAP)
        (self._sparse.add if sparse else self._sparse.discard)(track)
        if not resumes:
            if not sparse:
                self._awaited.add(track)
            if track in self._members:
                _, member = self._members[track]
                member.ended = True

    def forget(self, track: str) -> None:
        """Nothing more comes of it."""
        self._awaited.discard(track)
        self._sparse.discard(track)
        self._wraps.pop(track, None)
        if track in self._members:
            run, _ = self._members.pop(track)
            run.members.pop(track, None)

    def observe(
        self,
        track: str,
        media_start: Fraction,
        media_end: Fraction,
        arrived: float,
        produced: float | None = None,
        *,
        random_access: bool = True,
    ) -> Placement:
        """A chunk: seconds of decode time, edit lists folded in; UTC seconds when it ``arrived``
        and its start was ``produced`` (``prft``). A track whose own timeline goes on follows
        others to a new run, at a ``random_access`` point."""
        now = round(arrived * NS)
        if track in self._sparse and self.run is not None and self.run.companion is not None:
            shift = self.run.companion.shift
            return Placement(self.run, media_start + shift, shift)
        start, end = nanoseconds(media_start), nanoseconds(media_end)
        run, member = self._place(track, start, end, now)
        if random_access:
            run, member = self._follow(track, run, member, now)
        moved = nanoseconds(member.shift)
        member.note(start + moved, end + moved, now, produced)
        run.note(member, now)
        return Placement(run, media_start + member.shift, member.shift)

    def open(self, media_start: Fraction, now: float, last_number: int = 0) -> Epoch:
        """Announce the newest run from the segment at ``media_start`` on; ``last_number``: the
        highest that a segment of the channel has had."""
        run = self.run
        assert run is not None, "nothing to announce before the first chunk"
        start = max(whole_ms(media_start + Fraction(run.offset, NS)), self._earliest(run))
        if run.epochs and not run.due:
            start = run.epochs[-1].wall(media_start)  # nothing moves: no overlap of a millisecond
        number = self.first_number(Fraction(now), last_number)
        made = run.produced_at(media_start)
        self._announced = run
        self.epoch = Epoch(
            id=str(number),
            cause=Cause.DRIFT if run.epochs else run.cause,
            media_start=media_start,
            start=start,
            start_number=number,
            produced_at=made if made and start - PRODUCTION <= made <= start else start,
            continues=run.epochs[-1].id if run.epochs else None,
        )
        run.announce(self.epoch)
        return self.epoch

    def first_number(self, wall: Fraction, last_number: int = 0) -> int:
        """Of an epoch opened at ``wall`` (UTC seconds); grows without anything kept on disk, and
        within one life of the origin even if the clock is set back."""
        clock = int((wall - NUMBERS_SINCE) * NUMBERS_PER_SECOND)
        self._number = max(clock, self._number + 1, last_number + 1)
        return self._number

    def _earliest(self, run: Run) -> Fraction:
        """Starts grow. A new run begins behind the last one, unless that is ahead of its time; if
        it has a backlog, it is announced late, which is drift and corrected as such."""
        if self.epoch is None or self._announced is None:
            return Fraction(0)
        earliest = self.epoch.start + Fraction(1, 1000)
        if run is self._announced:
            return earliest
        end = self.epoch.wall(Fraction(self._announced.end, NS))
        return max(earliest, whole_ms(min(end, Fraction(run.began, NS))))

    def _place(self, track: str, start: int, end: int, now: int) -> tuple[Run, Member]:
        """The run that a chunk is of, which may be new, or no longer the newest; and the track in
        it."""
        wraps, run = self._wraps[track], self.run
        own, member = self._members.get(track, (None, None))
        cause = Cause.FIRST if run is None else Cause.INIT
        if own is not None and member is not None and not member.ended:
            shift = nanoseconds(member.shift)
            follows = member.goes_on(start + shift, end + shift, now, wraps)
            if isinstance(follows, Fraction):
                member.shift += follows
                return own, member
            cause = follows
        fit = None
        if run is not None and not (member and own is run and member.native):
            fit = run.fits(start, end, now, wraps)
            before = run.members.get(track)
            if before and fit is not None and start + nanoseconds(fit) < before.end - OVERLAP:
                fit = None
        if run is None or fit is None:
            run, fit = Run(cause, now, start, self._awaited), Fraction(0)
        self.run = run
        return self._join(track, run, Member(fit, sparse=track in self._sparse))

    def _follow(self, track: str, run: Run, member: Member, now: int) -> tuple[Run, Member]:
        """Where another track began anew: as it is, if that fits the new run; or so that it stays
        where it was on the wall clock."""
        newest = self.run
        if newest is None or newest is run or now - newest.began < SETTLE_BOUND:
            return run, member
        away = Fraction(member.delay.estimate + (member.lead or 0) - newest.offset, NS)
        shift = member.shift + (away if abs(away) * NS > LEAP else 0)
        return self._join(track, newest, Member(shift, native=False))

    def _join(self, track: str, run: Run, member: Member) -> tuple[Run, Member]:
        self._awaited.discard(track)
        run.members[track] = member
        self._members[track] = run, member
        return run, member


def nanoseconds(seconds: Fraction) -> int:
    """Rounded down."""
    return seconds.numerator * NS // seconds.denominator


def whole_ms(seconds: Fraction) -> Fraction:
    """Rounded up."""
    return Fraction(ceil(seconds * 1000), 1000)


def latency_target(segment: Fraction, chunk: Fraction) -> Fraction:
    """Seconds from encoder to screen that stock players hold, given a channel's durations.

    The oldest sample of a chunk waits for its end; a player plays one, has one and gets one. 0.2 s
    are for drift (0.1 s) and the network; below 0.5 s a busy browser's timers show. In steps of
    50 ms, so that a frame more or less in a chunk changes nothing.
    """
    needed = 3 * min(chunk, segment) + Fraction(1, 5)
    return max(Fraction(1, 2), Fraction(ceil(needed * 20), 20))
