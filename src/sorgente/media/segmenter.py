"""Puts what arrives into segments, and into what stands in for it where nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sorgente.media.arrival import Arrival
from sorgente.media.attendance import Attendance
from sorgente.media.epoch import Epoch
from sorgente.media.failover import Failover
from sorgente.media.period import Period
from sorgente.media.rhythm import KeyFrames
from sorgente.media.segment import Segment
from sorgente.media.sparse import first_open, passed
from sorgente.media.track import Track


class Segmenter:
    """Of one presentation. Where it says so, it returns whether what is announced of a track is
    wrong now."""

    def __init__(
        self,
        periods: Sequence[Period],
        attendance: Attendance,
        key_frames: KeyFrames,
        failover: Failover,
    ) -> None:
        """``periods``: those of the presentation, oldest first, as it opens and forgets them."""
        self._periods = periods
        self._attendance = attendance
        self._key_frames = key_frames
        self._failover = failover

    def period_of(self, epoch: Epoch | None) -> Period | None:
        """Where an epoch is played; None: it is not announced, or forgotten."""
        if epoch is None:
            return None
        return next((p for p in reversed(self._periods) if p.epoch is epoch), None)

    def put(self, arrival: Arrival, period: Period, utc: float, now: float) -> bool:
        """Place a chunk that has just come; return as the class says. Where players were told that
        there is nothing, none comes: it goes where they have yet to look, unless the period is
        over."""
        number = period.begins(arrival)
        if number is not None and arrival.track.is_sparse:
            clock = Fraction(utc)
            if passed(number, self._periods, clock):
                if period is not self._periods[-1]:
                    return False
                number = first_open(period, clock)
        return self._place(arrival, period, number, now)

    def put_waiting(self, arrival: Arrival, now: float) -> bool:
        """Place a chunk that has waited for a period, if it has one now; return as the class
        says."""
        period = self.period_of(arrival.epoch)
        if period is None or arrival.track.name not in period.members:
            return False
        return self._place(arrival, period, period.begins(arrival), now)

    def note_object(self, track: Track) -> bool:
        """The encoder of ``track`` sends objects as a whole; return as the class says."""
        track.needs.note_object(track.last_object)
        member = self._periods[-1].members.get(track.name) if self._periods else None
        return member is not None and member.note()

    def stand_in(self, utc: Fraction, now: float) -> None:
        """Fill up what does not come."""
        if self._periods and self._periods[-1].ended_at is None:
            self._failover.fill(self._periods[-1], utc, now)

    def leave(self, track: Track) -> None:
        """Its upload, or its timeline, is over: a slate follows if there can be one, or its segment
        closes at its last whole chunk."""
        member = self._periods[-1].members.get(track.name) if self._periods else None
        if member is not None and member.slate is not None:
            member.gone = True
        elif track not in self._failover.played:
            track.close(cut_short=True)

    def announced_ticks(self, track: Track, segment: Segment) -> int | None:
        """How long players were told that ``segment`` is; None: they were not."""
        period = next((p for p in reversed(self._periods) if p.id == segment.epoch), None)
        member = None if period is None else period.members.get(track.name)
        return None if member is None else member.segment_ticks

    def cut(self, track: Track) -> None:
        """End its growing segment at its last whole chunk, though none comes that begins another.
        What stands in for it does so under a later number, and who asks for one in between is told
        that there is nothing in it."""
        growing = track.growing
        track.close()
        newest = self._periods[-1]
        member = newest.members.get(track.name)
        if growing is None or member is None or growing.epoch != newest.id:
            return
        member.end = max(member.end, newest.time_of(member, growing.number + 1))
        slate = member.slate
        shown = member.end if slate is None else member.end + slate.composition_offset
        track.skip_to(newest.grid.number_of(Fraction(shown, member.timescale)))
        member.gone |= slate is not None
        member.cut = True

    def cut_abandoned(self) -> bool:
        """End the segments that only grow by what stands in for encoders that are gone, of which
        less can be kept. Returns whether there is one."""
        members = self._periods[-1].members.values() if self._periods else ()
        abandoned = [each.track for each in members if each.gone and each.track.growing is not None]
        for track in abandoned:
            self.cut(track)
        return bool(abandoned)

    def close_if_full(self, track: Track) -> None:
        """Whole segments are over when they are here, not when the next one begins."""
        last, growing = self._attendance.delivered(track), track.growing
        period = None if last is None else self.period_of(last.at.epoch)
        if last is None or period is None or growing is None or growing.epoch != period.id:
            return
        if period.grid.completes(growing.number, last.ends_at, last.duration):
            track.close()

    def pass_by(self, utc: Fraction) -> None:
        """Let nobody wait for what sparse tracks do not say."""
        for track in self._attendance.sparse if self._periods else ():
            growing = track.growing
            if growing is not None and passed(growing.number, self._periods, utc):
                track.close()
            track.refuse(below=first_open(self._periods[-1], utc))

    def _place(self, arrival: Arrival, period: Period, number: int | None, now: float) -> bool:
        """Put a chunk into segment ``number``, which it begins, or into the growing one."""
        track, cut = arrival.track, arrival.cut
        if number is not None:
            period.open(arrival, number)
        elif track.growing is None:
            return False  # nothing to start a segment with
        if track is period.leading and cut.random_access:
            self._key_frames.note(arrival.presented_at)
        member = period.members[track.name]
        member.append(arrival)
        member.note_chunk(arrival)
        self._failover.hear(arrival, member.init, now)
        return member.note()
