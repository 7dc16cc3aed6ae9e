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
before it is there. What begins anew beside tracks that go on is brought to their run (``shift``).
A segmenter gives decode times, which never go back, and ``/time``'s clock::

    timeline.begin(track, timescale)                   for every init segment
    timeline.leave(track)                              when its upload is over
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

from fractions import Fraction
from math import ceil, floor

from sorgente.media.epoch import Cause, Epoch
from sorgente.media.minimum import NS, SETTLE_BOUND, nanoseconds
from sorgente.media.run import Placement, Run
from sorgente.media.voice import OVERLAP, Voice, Wraps

PRODUCTION = 10
"""Seconds from production to arrival that are believed; dash.js takes them off its latency."""
LONGEST_WAIT = Fraction(10)
"""Seconds: a chunk that is longer, as of a file in one piece, is not what players wait for."""
MPEG_WRAP = Fraction(2**33, 90_000)
"""Seconds: after 26.5 h time stamps of MPEG transport streams begin again."""
NUMBERS_SINCE, NUMBERS_PER_SECOND = 1_735_689_600, 4
"""Quarter seconds since 2025: segments of 0.25 s never outrun them, 32 bits last until 2059."""


class Timeline:
    """Wall clock and media time of a channel."""

    def __init__(self) -> None:
        self.run: Run | None = None
        """The newest; but not one that is begun beside tracks that go on, and will come to them."""
        self.epoch: Epoch | None = None
        """The newest that is announced."""
        self._announced: Run | None = None
        self._number = 0
        self._members: dict[str, tuple[Run, Voice]] = {}
        """What each track is in. A run knows its members, they do not know it: a cycle would leave
        runs that are over to the garbage collector."""
        self._awaited: set[str] = set()
        self._wraps: dict[str, Wraps] = {}
        self._sparse: set[str] = set()

    @property
    def undecided(self) -> set[Run]:
        """Runs that are not announced: the newest of the timeline, or to be brought to it."""
        return {run for run, _ in self._members.values() if not run.epochs}

    def begin(
        self, track: str, timescale: int, *, resumes: bool = False, sparse: bool = False
    ) -> None:
        """An init segment. ``resumes``: the last one again, and its timeline may go on.
        ``sparse``: its chunks come when they like, on the timeline of the others."""
        self._wraps[track] = (Fraction(2**32, timescale), MPEG_WRAP)
        (self._sparse.add if sparse else self._sparse.discard)(track)
        if not (resumes or sparse):
            self._awaited.add(track)
        if track in self._members:
            _, member = self._members[track]
            member.gone = False
            member.ended = member.ended or not resumes

    def leave(self, track: str) -> None:
        """Its upload is over; another may go on."""
        if track in self._members:
            _, member = self._members[track]
            member.gone = True

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
        others to a newer run at a ``random_access`` point."""
        now = round(arrived * NS)
        if track in self._sparse and (beside := self._beside(media_start, now)):
            run, shift = beside
            return Placement(run, media_start + shift, shift)
        start, end = nanoseconds(media_start), nanoseconds(media_end)
        run, member = self._place(track, start, end, now)
        run.note(member, start, end, now, produced)
        if run is not self.run:
            before = run
            run, member = self._bring(track, run, now, random_access=random_access)
            if run is not before:
                run.note(member, start, end, now, produced)
        shift = member.shift
        return Placement(run, media_start + shift if shift else media_start, shift)

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

    def _place(self, track: str, start: int, end: int, now: int) -> tuple[Run, Voice]:
        """The run that a chunk is of, which may be new, or no longer the newest; and the track in
        it."""
        wraps, run = self._wraps[track], self.run
        own, member = self._members.get(track, (None, None))
        cause = Cause.FIRST if run is None else Cause.INIT
        if own is not None and member is not None and not member.ended:
            shift = nanoseconds(member.shift)
            follows = member.goes_on(start + shift, end + shift, now, wraps)
            if follows is not None:
                if follows:
                    member.shift += follows
                return own, member
            cause = Cause.LEAP if start + shift > member.end else Cause.BACK
        for run in self._open_to(own if member and member.native else None, now):
            fit, before = run.fits(start, end, now, wraps), run.members.get(track)
            back = before and fit is not None and start + nanoseconds(fit) < before.end - OVERLAP
            if fit is not None and not back:
                break
        else:
            run, fit = Run(cause, now, start, self._awaited), Fraction(0)
        joined = Voice(fit, sparse=track in self._sparse)
        if member and not run.epochs:
            joined.lead = member.lead
        return self._join(track, run, joined)

    def _open_to(self, left: Run | None, now: int) -> list[Run]:
        """Runs that a track may join which begins anew, the newest first; not the one it left."""
        begun = [run for run, member in self._members.values() if member.speaks(now)]
        runs = dict.fromkeys(run for run in begun if not run.epochs)
        if self.run is not None:
            runs[self.run] = None
        return sorted((run for run in runs if run is not left), key=lambda run: -run.began)

    def _bring(self, track: str, run: Run, now: int, *, random_access: bool) -> tuple[Run, Voice]:
        """Where a track goes on that is not in the newest run: there, if that is still sent; it
        keeps its place on the wall clock, and those that were there keep theirs. Else, what it
        began is the newest. All tracks of a run go the same way."""
        (_, member), newest, begins = self._members[track], self.run, not run.epochs
        if newest is None:
            return self._renew(run), member
        if run.moved is None or run.moved[0] is not newest:
            if begins and not newest.waits_for(run, now):
                return self._renew(run), member
            known = run.may_join(newest, now) if begins else random_access
            if not known or now - newest.began < SETTLE_BOUND:
                return run, member
            away = run.away_from(newest, now)
            if begins and run.overlaps(newest, away):
                return self._renew(run), member
            run.moved = newest, away
        if not (begins or random_access):
            return run, member
        return self._join(track, newest, member.moved(run.moved[1]))

    def _beside(self, start: Fraction, now: int) -> tuple[Run, Fraction] | None:
        """The run of a sparse track, and its shift: those of the track that ``start`` is next to;
        None if there are only such."""
        there = [(run, m.shift) for run, m in self._members.values() if m.speaks(now)]
        if not there and self.run is not None and self.run.companion is not None:
            there = [(self.run, self.run.companion.shift)]
        return min(there, key=lambda at: abs(start + at[1] - Fraction(at[0].end, NS)), default=None)

    def _renew(self, run: Run) -> Run:
        self.run, run.moved = run, None
        return run

    def _join(self, track: str, run: Run, member: Voice) -> tuple[Run, Voice]:
        self._awaited.discard(track)
        if track in self._members:
            self._members[track][1].ended = True
        run.members[track] = member
        self._members[track] = run, member
        return run, member


def whole_ms(seconds: Fraction) -> Fraction:
    """Rounded up."""
    return Fraction(ceil(seconds * 1000), 1000)


def latency_target(segment: Fraction, chunk: Fraction) -> Fraction:
    """Seconds from encoder to screen that stock players hold, given a channel's durations.

    The oldest sample of a chunk waits for its end; a player plays one, has one and gets one. 0.2 s
    are for drift (0.1 s) and the network; below 0.5 s a busy browser's timers show. In steps of
    50 ms, so that a frame more or less in a chunk changes nothing. Of a chunk that is longer than
    segments, it plays one segment while it waits for all of it.
    """
    part = min(chunk, segment)
    needed = max(3 * part, part + min(chunk, LONGEST_WAIT)) + Fraction(1, 5)
    return max(Fraction(1, 2), Fraction(ceil(needed * 20), 20))


def least_target(segment: Fraction, chunk: Fraction) -> Fraction:
    """Seconds that no player can be closer than, whatever an operator asks for.

    LL: what comes in chunks is later than one of them, what comes whole twice as late as it is
    long (SHALL, both). In steps of 50 ms, as above.
    """
    if chunk >= segment:
        return segment + max(segment, min(chunk, LONGEST_WAIT))
    return Fraction(floor(chunk * 20) + 1, 20)


def least_window(segment: Fraction, target: Fraction) -> Fraction:
    """Seconds that must be kept for players ``target`` seconds behind, or they ask for what is gone
    (and TIM: the delay must leave something of the time shift).

    The segment they are in began up to one earlier; one more is for those who are late.
    """
    return target + 2 * segment
