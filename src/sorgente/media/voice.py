"""What a track has to say about where its run is on the wall clock, and what it is taken at."""

from __future__ import annotations

from fractions import Fraction

from sorgente.media.minimum import MS, NS, UNKNOWN, Minimum, nanoseconds

LEAP = 1000 * MS
"""After a gap, chunks that come this much before they can exist are another timeline. Less is
drift; missing segments, and encoders that slept, leap together with the wall clock."""
OVERLAP = 100 * MS
"""Chunks may start so much before the last one's end: muxers guess its duration (10 fps)."""
SILENT = 5000 * MS
"""A track that has sent nothing for longer than a request is held has no say in the offset."""
Wraps = tuple[Fraction, ...]
_UNMOVED = Fraction(0)


class Voice:
    """Of a track in a run; nanoseconds on the run's timeline, unless it says otherwise."""

    def __init__(self, shift: Fraction, *, native: bool = True, sparse: bool = False) -> None:
        self.native = native
        """The track began with the run, or joined it as it is; if not, it came from another."""
        self.sparse = sparse
        """It has no say where others have: nothing is known from when it comes."""
        self.shift = shift
        """Seconds from the encoder's time stamps to the run's timeline: wraps, mostly."""
        self.ended = False
        """A new init segment came: its next chunk does not go on here."""
        self.gone = False
        """Its upload is over; another may go on."""
        self.lead: int | None = None
        """How much earlier than the slowest track it was when the epoch was announced; of a track
        that begins anew, before that."""
        self.start = self.end = self.arrived = 0
        self.delay, self.production = Minimum(), Minimum()
        self._moved = 0
        """From the timeline that these are of to the run's."""

    def note(self, start: int, end: int, now: int, produced: float | None) -> None:
        """A chunk of it."""
        self.start, self.end, self.arrived = start, end, now
        self.delay.add(now - end + self._moved, now)
        if produced is not None:
            self.production.add(round(produced * NS) - start + self._moved, now)

    def moved(self, away: Fraction) -> Voice:
        """The same in another run, whose timeline is ``away`` seconds from here."""
        member = Voice(self.shift + away, native=False)
        member.delay, member.production = self.delay, self.production
        member._moved = self._moved + nanoseconds(away)
        return member

    @property
    def offset(self) -> int:
        """From media time to the wall clock, as estimated now."""
        return self.delay.estimate - self._moved

    @property
    def made(self) -> int | None:
        """From media time to when the encoder made it, if it says so."""
        estimate = self.production.estimate
        return estimate - self._moved if estimate < UNKNOWN else None

    def speaks(self, now: int) -> bool:
        """It is there: its next chunk is not overdue."""
        silence, due = now - self.arrived, self.end - self.start + LEAP
        return not (self.ended or self.gone or self.sparse) and 0 <= silence <= min(due, SILENT)

    def goes_on(self, start: int, end: int, now: int, wraps: Wraps) -> Fraction | None:
        """Seconds to add to the time stamps of a chunk that goes on (0, or a wrap); None if it does
        not."""
        gap = start - self.end
        if gap >= -OVERLAP and start >= self.start:
            leaps = gap > LEAP and now - end < self.offset - LEAP
            return None if leaps else _UNMOVED
        longest = max(now - self.arrived, 0) + LEAP
        wrapped = (wrap for wrap in wraps if -OVERLAP <= gap + nanoseconds(wrap) <= longest)
        return next(wrapped, None)
