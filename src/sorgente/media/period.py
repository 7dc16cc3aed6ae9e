"""One epoch as it is announced: where its segments begin, and its tracks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.isobmff.fragment import parse_chunk
from sorgente.isobmff.init_segment import SWITCHING_SET, InitSegment
from sorgente.isobmff.silence import silent_init
from sorgente.isobmff.slate import Sample, key_picture, silence
from sorgente.media.arrival import Arrival, picture_duration
from sorgente.media.chunk import Chunk
from sorgente.media.epoch import Epoch
from sorgente.media.grid import OFF_GRID, Grid
from sorgente.media.rhythm import Rhythm
from sorgente.media.run import Run
from sorgente.media.segment import Segment
from sorgente.media.snapshot import PeriodSnapshot, TrackSnapshot
from sorgente.media.track import Track

UNDERSTATED: Final = 125
"""Per cent of the announced bandwidth: a segment that needs more is announced. Players choose by
it."""

AWAITED_SECONDS: Final = 60
"""Away for longer than this, an encoder is not about to come back: players that ask what is new are
told at once that nothing is. As long as an event goes on without any (``--absence``)."""

MISPLACED: Final = Fraction(1, 20)
"""Seconds that a track may leave the common grid, its segments being announced in whole ticks:
29.97 fps and 44.1 kHz part by 8 ms an hour. Half of what players put up with."""


@dataclass(slots=True)
class Member:
    """A track in a period."""

    track: Track
    init: InitSegment
    """Of this period; the track may have another by now."""
    offset: int
    """Ticks: media time at the start of the period (presentationTimeOffset)."""
    longest_chunk: int
    """Ticks."""
    bandwidth: int
    """bit/s."""
    frame_rate: Fraction | None
    segment_ticks: int
    end: int
    """Ticks: where its media, slates included, end."""
    own_end: int
    """Ticks: where what its encoder sent ends."""
    heard: InitSegment
    """What players have who followed it so far: its own, or that of a track that played it."""
    key_picture: Sample | None = None
    """The newest, of video."""
    gone: bool = False
    """Its upload is over."""
    slates: int = 0
    """Chunks of the slate it shows; once there is one, there are others until the next period."""
    cut: bool = False
    """Its encoder is there, and has sent no key frame for too long."""
    returning: bool = False
    """Its encoder is back."""

    @classmethod
    def of(
        cls,
        track: Track,
        epoch: Epoch,
        segment_duration: Fraction,
        arrivals: Sequence[Arrival],
        before: Member | None,
    ) -> Member:
        """The track, with what its first chunks (``arrivals``) tell, and what it showed ``before``
        with the same init segment."""
        facts = track.init.leading_track
        if before is not None and before.init.data != track.init.data:
            before = None
        offset = round(epoch.media_start * facts.timescale)
        cuts = [arrival.cut for arrival in arrivals]
        ticks = sum(cut.duration for cut in cuts)
        bandwidth = max(track.peak_bandwidth, facts.bitrate)
        chunks = [track.longest_chunk, *(arrival.at_once for arrival in arrivals)]
        if before is not None:
            bandwidth = max(bandwidth, before.bandwidth)
            # A track counts none that is all of its segment; and one that goes on need not wait.
            chunks.append(before.longest_chunk)
        elif ticks:
            size = sum(len(cut.data) for cut in cuts)
            bandwidth = max(bandwidth, size * 8 * facts.timescale // ticks)
        return cls(
            track=track,
            init=track.init,
            offset=offset,
            longest_chunk=max(chunks),
            bandwidth=max(bandwidth, 1),
            frame_rate=before.frame_rate if before else _frame_rate(track, arrivals),
            segment_ticks=round(segment_duration * facts.timescale),
            end=offset,
            own_end=offset,
            heard=before.heard if before and before.is_played else track.init,
            key_picture=before.key_picture if before else None,
        )

    @property
    def timescale(self) -> int:
        """Ticks per second."""
        return self.init.leading_track.timescale

    @property
    def slate(self) -> Sample | None:
        """What the track can show by itself; None: nothing, and there will be a gap."""
        return self.key_picture if self.track.is_video else silence(self.init.leading_track)

    @property
    def is_away(self) -> bool:
        """Nothing comes of its encoder; or if something does, players see it with the next period
        only."""
        return self.gone or self.slates > 0

    @property
    def is_awaited(self) -> bool:
        """Its encoder is away and may be back any moment: not that of a silence nobody sends."""
        shown = self.end - self.own_end
        lately = shown <= AWAITED_SECONDS * self.timescale
        return self.is_away and lately and self.track.init is not silent_init()

    @property
    def is_outdated(self) -> bool:
        """Its encoder is back with something else than players were told."""
        return self.track.init is not self.init and not self.track.init.compatible_with(self.init)

    @property
    def chunk_duration(self) -> Fraction:
        """Seconds: the longest chunk so far."""
        return Fraction(self.longest_chunk, self.timescale)

    @property
    def is_played(self) -> bool:
        """Players who followed it so far have the init segment of another track."""
        return self.heard.data != self.init.data

    def append(self, arrival: Arrival, init: InitSegment | None = None) -> None:
        """Put a chunk into the growing segment. ``init``: what it decodes with, if it is not of
        this track. Players that have another one get it first; who begins with a segment has the
        track's own."""
        track, init, received_at = self.track, init or self.init, arrival.chunk.received_at
        lent = init.data != self.init.data
        begins = track.growing is not None and not track.growing.end
        if init.data != self.heard.data or (lent and begins):
            track.append(Chunk.of(init.data, received_at), 0, lent=lent)
            self.heard = init
        track.append(arrival.chunk, arrival.cut.duration, at_once=arrival.at_once, lent=lent)
        self.end = arrival.cut.end_time

    def note_chunk(self, arrival: Arrival) -> None:
        """A chunk of its encoder's was placed."""
        self.own_end = arrival.cut.end_time
        if self.track.is_video and arrival.can_begin:
            media = parse_chunk(arrival.cut.data, 0, self.init)
            self.key_picture = key_picture(media)

    def note(self) -> bool:
        """Whether the track has shown something that makes what is announced of it wrong."""
        longest = max(self.longest_chunk, self.track.longest_chunk)
        peak = self.track.peak_bandwidth
        understated = peak * 100 > self.bandwidth * UNDERSTATED
        changed = understated or longest > self.longest_chunk
        self.longest_chunk = longest
        if understated:
            self.bandwidth = peak
        return changed


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

    def note(self, track: Track) -> bool:
        """Whether ``track`` has shown something that makes what is announced of it wrong."""
        member = self.members.get(track.name)
        return member is not None and member.note()

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


def _frame_rate(track: Track, arrivals: Sequence[Arrival]) -> Fraction | None:
    if not track.is_video or not arrivals:
        return None
    return (1 / picture_duration(arrivals)).limit_denominator(1001)
