"""One epoch as it is announced: where its segments begin, and its tracks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Final

from sorgente.isobmff.init_segment import SWITCHING_SET
from sorgente.media.arrival import Arrival
from sorgente.media.epoch import Epoch
from sorgente.media.grid import OFF_GRID, Grid
from sorgente.media.member import Member
from sorgente.media.rhythm import Rhythm
from sorgente.media.run import Run
from sorgente.media.segment import Segment
from sorgente.media.snapshot import PeriodSnapshot, TrackSnapshot
from sorgente.media.track import Track

MISPLACED: Final = Fraction(1, 20)
"""Seconds that a track may leave the common grid, its segments being announced in whole ticks:
29.97 fps and 44.1 kHz part by 8 ms an hour. Half of what players put up with."""


class Period:
    """``rhythm`` decides how its segments are laid out, see :mod:`~.grid`."""

    def __init__(
        self,
        run: Run,
        epoch: Epoch,
        rhythm: Rhythm,
        target: Fraction,
        arrivals: Sequence[Arrival],
        tracks: Sequence[Track],
        before: Period | None = None,
    ) -> None:
        """``target``: seconds of a segment; ``before``: the period that this one follows."""
        self.run = run
        self.epoch = epoch
        self.id = epoch.id
        self.rhythm = rhythm
        self.grid = Grid(epoch, rhythm, target)
        self.ended_at: Fraction | None = None
        """UTC, seconds; None while it goes on, or nobody knows."""
        self.following: Epoch | None = None
        """What comes after it."""
        self.members: dict[str, Member] = {
            track.name: Member.of(
                track,
                epoch,
                self.segment_duration,
                [arrival for arrival in arrivals if arrival.track is track],
                None if before is None else before.members.get(track.name),
            )
            for track in tracks
        }
        self.leading = _leader(tracks)

    @property
    def segment_duration(self) -> Fraction:
        """Seconds."""
        return self.grid.duration

    @property
    def chunk_duration(self) -> Fraction:
        """Seconds: the longest chunk of all tracks that players wait for."""
        members = self.members.values()
        heeded = [member for member in members if not member.track.is_sparse] or members
        return max(member.chunk_duration for member in heeded)

    # Segments

    def leader_of(self, alive: Collection[Track]) -> Track | None:
        """Whose segments decide where a new period may begin: the leading track, or who is left."""
        left = [member.track for member in self.members.values() if member.track in alive]
        if self.leading in left:
            return self.leading
        dense = [track for track in left if not track.is_sparse]
        return _leader(dense) if dense else None

    @property
    def shows_slates(self) -> bool:
        """There is no telling them from what encoders send: until the next period."""
        return any(member.slates for member in self.members.values())

    @property
    def is_interrupted(self) -> bool:
        """An encoder is away, and the period goes on."""
        awaited = any(member.is_awaited for member in self.members.values())
        return awaited and self.ended_at is None

    def stand_ins(self, others: Collection[Track]) -> list[Track]:
        """Tracks that show slates, or can, while there is no other of their kind."""
        kinds = {track.kind for track in others}
        return [
            member.track
            for member in self.members.values()
            if member.track.kind not in kinds and member.slate is not None
        ]

    def begins(self, arrival: Arrival) -> int | None:
        """The number of the segment that a chunk begins; None if it begins none."""
        return self.grid.begins(arrival)

    def open(self, arrival: Arrival, number: int) -> Segment:
        """Begin segment ``number``."""
        track = arrival.track
        if track is self.leading:
            self.grid.opened(number, arrival.presented_at)
        return track.open(number, self.id, self.time_of(self.members[track.name], number))

    def take_over(self, before: Period, tracks: Collection[Track], promised: int) -> list[Track]:
        """Go on where ``before`` would have begun another segment, with those of ``tracks`` that
        stay as they are. Returns these; none, if this one begins elsewhere.

        Players learn of a new period when they look. Until then they ask the old one for what
        follows, all numbers up to ``promised``; and what is theirs already may be ahead of the
        leading track. So old numbers from here on stand for new ones: Shaka, given nothing for one,
        looks for what comes after it, a whole segment behind the start of the new period.
        """
        first = before.number_after(tracks)
        if first is None or before.run is not self.run:
            return []
        if abs(self.epoch.start - before.starts_at(first)) > before.segment_duration * OFF_GRID:
            return []
        stay = [track for track in tracks if self.stays(track, before)]
        for track in stay:
            member, old = self.members[track.name], before.members[track.name]
            moved = track.renumber(first, promised, self.epoch.start_number)
            for segment in moved:
                segment.epoch, segment.time = self.id, self.time_of(member, segment.number)
            if moved:
                member.end, member.own_end = old.end, old.own_end
        return stay

    def number_after(self, following: Collection[Track]) -> int | None:
        """Of the segment that would come next, if the period went on with these."""
        leading = self.leader_of(following)
        return None if leading is None else leading.last_number + 1

    def stays(self, track: Track, before: Period) -> bool:
        """Whether ``track`` is what it was in the period before."""
        old = before.members.get(track.name)
        return old is not None and old.init.data == track.init.data and not track.is_sparse

    def time_of(self, member: Member, number: int) -> int:
        """Ticks: where segment ``number`` begins, nominally."""
        return member.offset + (number - self.epoch.start_number) * member.segment_ticks

    def misplaced(self, start: Fraction) -> bool:
        """Whether some track has left the common grid, seconds ``start`` into the run."""
        segments = (start - self.epoch.media_start) / self.segment_duration
        return any(
            abs(self.segment_duration - Fraction(member.segment_ticks, member.timescale)) * segments
            > MISPLACED
            for member in self.members.values()
        )

    def number_due(self, utc: Fraction) -> int:
        """The latest segment that a player may ask for by the clock."""
        return self.grid.number_due(utc - self.epoch.start)

    def starts_at(self, number: int) -> Fraction:
        """UTC, seconds: where segment ``number`` begins, nominally."""
        return self.epoch.start + (number - self.epoch.start_number) * self.segment_duration

    # Its end

    def end_before(self, following: Epoch) -> None:
        """Another period follows: at once, if the event was not over in between.

        If the encoder was away and there are no slates, this one promises segments that never were;
        it must all the same: dash.js waits out a gap between periods, second by second
        (``GapController``).
        """
        self.following = following
        if following.continues == self.id:
            self.grid.end_at(following.media_start)
        if self.ended_at is None:
            self.ended_at = following.start

    def end(self, *, with_slates: bool) -> None:
        """Nothing follows: it ends where the longest of its tracks does. Without slates, unless
        there is nothing else left: players make nothing of a period that is empty."""
        end = self._reach(with_slates=with_slates)
        if end <= self._oldest_kept:
            end = self._reach(with_slates=True)
        self.ended_at = self.epoch.start + end

    def _reach(self, *, with_slates: bool) -> Fraction:
        """Seconds from its start to the end of the longest of its tracks."""
        ends = [Fraction(0)]
        for member in self.members.values():
            own = self._segments(member)
            if own:
                # Not a tick behind the grid: that would promise one more segment.
                limit = own[-1].time + member.segment_ticks
                end = min(limit, member.end if with_slates else member.own_end)
                ends.append(Fraction(end - member.offset, member.timescale))
        return max(ends)

    @property
    def _oldest_kept(self) -> Fraction:
        """Seconds from its start to where all tracks have something left."""
        starts = [Fraction(0)]
        for member in self.members.values():
            own = self._segments(member)
            if own:
                starts.append(Fraction(own[0].time - member.offset, member.timescale))
        return max(starts)

    # What a manifest shows

    def snapshot(self) -> PeriodSnapshot:
        """For a manifest."""
        epoch = self.epoch
        return PeriodSnapshot(
            id=self.id,
            start=epoch.start,
            end=self.ended_at,
            produced_at=epoch.produced_at,
            tracks=tuple(self._track(member) for member in self.members.values()),
            continues=epoch.continues,
        )

    def _track(self, member: Member) -> TrackSnapshot:
        track, facts = member.track, member.init.leading_track
        own = self._segments(member)
        return TrackSnapshot(
            name=track.name,
            kind=track.kind,
            codec=facts.codec,
            timescale=facts.timescale,
            language=facts.language,
            bandwidth=member.bandwidth,
            width=facts.width,
            height=facts.height,
            sample_aspect_ratio=facts.sample_aspect_ratio,
            frame_rate=member.frame_rate,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            roles=tuple(role for role in facts.roles if role[0] != SWITCHING_SET),
            switching_set=track.switching_set,
            event_schemes=track.event_schemes,
            init_name=f"init-{self.id}.mp4",
            start_number=self.epoch.start_number,
            first_number=own[0].number if own else None,
            presentation_time_offset=member.offset,
            segment_duration=member.segment_ticks,
            chunk_duration=member.chunk_duration,
        )

    def _segments(self, member: Member) -> list[Segment]:
        kept = member.track.segments.values()
        return [segment for segment in kept if segment.epoch == self.id and segment.end]


def _leader(tracks: Sequence[Track]) -> Track:
    """Whose segments the others follow: pictures before sound, and sound before the rest."""
    return min(tracks, key=lambda track: (not track.is_video, track.is_sparse))
