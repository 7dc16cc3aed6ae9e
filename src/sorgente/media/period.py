"""One epoch as it is announced: its grid, and its tracks on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from statistics import median_low
from typing import Final, Protocol

from sorgente.isobmff.split import TrackChunk
from sorgente.media.snapshot import PeriodSnapshot, TrackSnapshot
from sorgente.media.timeline import Epoch
from sorgente.media.track import Track

OFF_GRID: Final = Fraction(1, 8)
"""Of a segment: a key frame further from the grid than this is another rhythm. Announced and real
times may differ by half a segment (DASH-IF low latency, 9.X.4.5); players like it less."""


DEFAULT_PICTURE: Final = Fraction(1, 25)
"""Seconds, of an encoder that never says."""


class Arrival(Protocol):
    """A chunk that waits for its period."""

    @property
    def track(self) -> Track:
        """Whose it is."""

    @property
    def cut(self) -> TrackChunk:
        """What is known of it."""


@dataclass(slots=True)
class Member:
    """A track in a period."""

    track: Track
    offset: int
    """Ticks: media time at the start of the period (presentationTimeOffset)."""
    longest_chunk: int
    """Ticks."""
    bandwidth: int
    """bit/s."""
    frame_rate: Fraction | None
    segment_ticks: int = 0

    @classmethod
    def of(cls, track: Track, epoch: Epoch, arrivals: Sequence[Arrival]) -> Member:
        """The track, with what its first chunks tell."""
        facts = track.init.leading_track
        own = [arrival for arrival in arrivals if arrival.track is track]
        cuts = [arrival.cut for arrival in own]
        ticks = sum(c.duration for c in cuts)
        size = sum(len(c.data) for c in cuts)
        measured = size * 8 * facts.timescale // ticks if ticks else 0
        rate = 1 / picture_duration(own) if track.is_video and ticks else None
        return cls(
            track=track,
            offset=round(epoch.media_start * facts.timescale),
            longest_chunk=max([track.longest_chunk, *(c.duration for c in cuts)]),
            bandwidth=max(measured, track.peak_bandwidth, facts.bitrate, 1),
            frame_rate=rate.limit_denominator(1001) if rate else None,
        )

    def time_of(self, number: int, period: Period) -> int:
        """Ticks: where segment ``number`` starts."""
        return self.offset + (number - period.epoch.start_number) * self.segment_ticks


def picture_duration(arrivals: Sequence[Arrival]) -> Fraction:
    """Seconds: how long a picture lasts in most chunks of one video track."""
    timescale = arrivals[0].track.timescale
    each = [
        Fraction(arrival.cut.duration, arrival.cut.sample_count * timescale)
        for arrival in arrivals
        if arrival.cut.duration
    ]
    return median_low(each or [DEFAULT_PICTURE])


class Period:
    """``group``: seconds from one key frame to the next, 0 without video."""

    def __init__(
        self, epoch: Epoch, group: Fraction, segment_target: Fraction, members: list[Member]
    ) -> None:
        self.epoch = epoch
        self.id = epoch.id
        self.group = group
        groups = max(1, round(segment_target / group)) if group else 1
        self.segment_duration = groups * group or segment_target
        self.members = {member.track.name: member for member in members}
        self.ended_at: Fraction | None = None
        """UTC, seconds; None while it goes on, or nobody knows."""
        for member in members:
            timescale = member.track.timescale
            member.segment_ticks = round(self.segment_duration * timescale)
        videos = [member.track for member in members if member.track.is_video]
        self.leading = (videos or [member.track for member in members])[0]

    @property
    def chunk_duration(self) -> Fraction:
        """Seconds: the longest chunk of all tracks."""
        return max(self._chunk_seconds(member) for member in self.members.values())

    def leader_of(self, alive: Sequence[Track]) -> Track | None:
        """Whose segments decide where a new period may begin: the leading track, or who is left."""
        left = [member.track for member in self.members.values() if member.track in alive]
        if self.leading in left:
            return self.leading
        return next((track for track in left if track.is_video), left[0] if left else None)

    def number_of(self, start: Fraction, cut: TrackChunk, track: Track) -> int:
        """The segment a chunk belongs to, or would open; below the first number, none."""
        return self.epoch.start_number + self._index_of(start, cut, track)

    def _index_of(self, start: Fraction, cut: TrackChunk, track: Track) -> int:
        since = start - self.epoch.media_start
        if track.is_video:
            near = self._nearest(start)
            return floor(since / self.segment_duration) if near is None else near
        timescale = track.timescale
        half = Fraction(cut.duration, 2 * timescale)
        return floor((since + min(half, self.segment_duration / 2)) / self.segment_duration)

    def off_grid(self, start: Fraction) -> bool:
        """Whether ``start`` is too far from where a segment should begin."""
        return self._nearest(start) is None

    def _nearest(self, start: Fraction) -> int | None:
        """The segment that begins at ``start``, or thereabouts."""
        since = (start - self.epoch.media_start) / self.segment_duration
        index = floor(since + Fraction(1, 2))
        return index if abs(since - index) <= OFF_GRID else None

    def note_chunk(self, track: Track) -> bool:
        """Whether a chunk longer than announced makes the announcement wrong."""
        member = self.members[track.name]
        if track.longest_chunk <= member.longest_chunk:
            return False
        member.longest_chunk = track.longest_chunk
        return True

    def number_due(self, utc: Fraction) -> int:
        """The latest segment that a player may ask for: the one after that of ``utc``."""
        return self.epoch.start_number + floor((utc - self.epoch.start) / self.segment_duration) + 1

    def end_before(self, following: Epoch) -> None:
        """Another period follows. One of the same timeline follows at once; if the encoder was
        away, this one ends with what there is of it: a longer one would promise segments that never
        were, and Shaka asks for them for ever."""
        same = following.continues == self.id
        self.ended_at = following.start if same else min(following.start, self.media_end)

    @property
    def media_end(self) -> Fraction:
        """UTC, seconds: where the longest of its tracks ends."""
        ends = []
        for member in self.members.values():
            own = [s for s in member.track.segments.values() if s.epoch == self.id]
            if own:
                timescale = member.track.timescale
                last = own[-1]
                # Not a tick behind the grid: that would promise one more segment.
                ticks = last.time - member.offset + min(last.duration, member.segment_ticks)
                ends.append(Fraction(ticks, timescale))
        return self.epoch.start + max(ends, default=Fraction(0))

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

    def _chunk_seconds(self, member: Member) -> Fraction:
        return Fraction(member.longest_chunk, member.track.timescale)

    def _track(self, member: Member) -> TrackSnapshot:
        track, facts = member.track, member.track.init.leading_track
        return TrackSnapshot(
            name=track.name,
            kind=track.kind,
            codec=facts.codec,
            timescale=facts.timescale,
            language=facts.language,
            bandwidth=member.bandwidth,
            width=facts.width,
            height=facts.height,
            frame_rate=member.frame_rate,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            roles=facts.roles,
            init_name=f"init-{self.id}.mp4",
            start_number=self.epoch.start_number,
            presentation_time_offset=member.offset,
            segment_duration=member.segment_ticks,
            chunk_duration=self._chunk_seconds(member),
        )
