"""Chunks on their way into segments."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import median_low
from typing import Final

import msgspec
from msgspec.structs import replace

from sorgente.isobmff.fragment import parse_chunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.rewrite import retimed
from sorgente.isobmff.split import TrackChunk
from sorgente.media.chunk import Chunk
from sorgente.media.epoch import Epoch
from sorgente.media.run import Placement
from sorgente.media.track import Track

DEFAULT_PICTURE: Final = Fraction(1, 25)
"""Seconds, of an encoder that never says."""


class Arrival(msgspec.Struct, frozen=True):
    """A chunk of a track, where it belongs."""

    track: Track
    at: Placement
    cut: TrackChunk
    chunk: Chunk
    at_once: int = 0
    """Ticks of its track that came with it: more than its own, where a chunk was divided; 0 for
    what we made ourselves."""

    @property
    def starts_at(self) -> Fraction:
        """Seconds on the run's timeline: when it is decoded."""
        return self.at.start

    @property
    def presented_at(self) -> Fraction:
        """The same for the earliest of its samples to be presented: with B-frames, later.

        Periods and segments are laid out by this, as players cut off what is presented outside of
        a period, and have a gap where there is nothing in it.
        """
        reordered = self.cut.earliest_time - self.cut.decode_time
        if not reordered:
            return self.at.start
        return self.at.start + Fraction(reordered, self.track.timescale)

    @property
    def epoch(self) -> Epoch | None:
        """What players are told of it; None: hold it, its run is not announced yet."""
        return self.at.run.epoch_at(self.presented_at)

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(self.cut.duration, self.track.timescale)

    @property
    def ends_at(self) -> Fraction:
        """Seconds on the run's timeline."""
        return self.starts_at + self.duration

    @property
    def can_begin(self) -> bool:
        """Whether a segment can start with it."""
        return self.cut.random_access


def moved(cut: TrackChunk, init: InitSegment, seconds: Fraction) -> TrackChunk:
    """Return the chunk at another place of its track's timeline.

    Raises MalformedBox if a decode time leaves its 64 bits.
    """
    ticks = round(seconds * init.leading_track.timescale)
    media = parse_chunk(cut.data, 0, init)
    return replace(
        cut,
        data=retimed(media, shifts={cut.track_id: ticks}),
        decode_time=cut.decode_time + ticks,
        earliest_time=cut.earliest_time + ticks,
    )


def picture_duration(arrivals: Sequence[Arrival]) -> Fraction:
    """Seconds: how long a picture lasts in most chunks of one video track."""
    each = [a.duration / a.cut.sample_count for a in arrivals if a.cut.duration]
    return median_low(each or [DEFAULT_PICTURE])
