"""A track in a period: what is announced of it, and how far it has come there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.isobmff.fragment import parse_chunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.silence import silent_init
from sorgente.isobmff.slate import Sample, key_picture, silence
from sorgente.media.arrival import Arrival, picture_duration
from sorgente.media.chunk import Chunk
from sorgente.media.epoch import Epoch
from sorgente.media.needs import Needs
from sorgente.media.track import Track

UNDERSTATED: Final = 125
"""Per cent of the announced bandwidth: a segment that needs more is announced. Players choose by
it."""

AWAITED_SECONDS: Final = 60
"""Away for longer than this, an encoder is not about to come back: players that ask what is new are
told at once that nothing is. As long as an event goes on without any (``--absence``)."""


@dataclass(slots=True)
class Member:
    """A track in a period."""

    track: Track
    init: InitSegment
    """Of this period; the track may have another by now."""
    needs: Needs
    """Likewise."""
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
        # None counts that is all of its segment; and a track that goes on need not wait.
        chunk = track.needs.chunk_after(before.longest_chunk if before else 0)
        bandwidth = max(track.needs.bandwidth, facts.bitrate)
        if before is not None:
            bandwidth = max(bandwidth, before.bandwidth)
        elif ticks:
            size = sum(len(cut.data) for cut in cuts)
            bandwidth = max(bandwidth, size * 8 * facts.timescale // ticks)
        return cls(
            track=track,
            init=track.init,
            needs=track.needs,
            offset=offset,
            longest_chunk=max([chunk, *(arrival.at_once for arrival in arrivals)]),
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
        """Seconds: the longest chunk lately."""
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
        begins = track.growing is not None and not track.growing.end
        if init.data != self.heard.data or (begins and init.data != self.init.data):
            track.append(Chunk.of(init.data, received_at), 0)
            self.heard = init
        track.append(arrival.chunk, arrival.cut.duration)
        self.end = arrival.cut.end_time

    def note_chunk(self, arrival: Arrival) -> None:
        """A chunk of its encoder's was placed."""
        self.needs.note_chunk(arrival.cut.duration, arrival.at_once)
        self.own_end = arrival.cut.end_time
        if self.track.is_video and arrival.can_begin:
            media = parse_chunk(arrival.cut.data, 0, self.init)
            self.key_picture = key_picture(media)

    def note(self) -> bool:
        """Whether the track has shown something that makes what is announced of it wrong."""
        longest = self.needs.chunk_after(self.longest_chunk)
        peak = self.needs.bandwidth
        understated = peak * 100 > self.bandwidth * UNDERSTATED
        changed = understated or longest != self.longest_chunk
        self.longest_chunk = longest
        if understated:
            self.bandwidth = peak
        return changed


def _frame_rate(track: Track, arrivals: Sequence[Arrival]) -> Fraction | None:
    if not track.is_video or not arrivals:
        return None
    return (1 / picture_duration(arrivals)).limit_denominator(1001)
