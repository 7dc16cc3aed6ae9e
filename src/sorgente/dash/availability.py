"""How long before its end a segment may be asked for: ``availabilityTimeOffset``.

DASH says a segment is available at SAST, when its last byte is there; one that is sent while it
grows is worth asking for as soon as its first chunk is, ``segment − chunk`` earlier. Smaller is
safer (the request comes later), so the offset is rounded *down*, to the millisecond: the first
chunk is never asked for before it can be whole, and never a millisecond later than needed.

Shaka has one live edge for all periods: now − the longest segment + the smallest offset. So a
period that is over, where all is there anyway, is given the offset that goes with the longest
segment of the MPD. Its own, with shorter segments, would keep Shaka late by the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import floor
from typing import Final

from sorgente.media.snapshot import TrackSnapshot

STEP: Final = Fraction(1, 1000)
NO_TIME: Final = Fraction(0)


def segment_length(track: TrackSnapshot) -> Fraction:
    """Seconds: the longest segment, the nominal one included.

    Where segments are listed, the list itself says when one may be asked for first (it shows the
    one in progress and nothing behind it), so the offset may be that of the longest.
    """
    ticks = max([track.segment_duration, *(entry.duration for entry in track.segments or ())])
    return Fraction(ticks, track.timescale)


def set_offset(
    tracks: Sequence[TrackSnapshot],
    period: Sequence[TrackSnapshot],
    target: Fraction,
    longest: Fraction = NO_TIME,
) -> Fraction | None:
    """The offset of an adaptation set; None where the whole period comes without chunks.

    ``longest``: of the MPD's segments, where the period is over.

    LL: the same for all Representations of a set, > 0 and < the segment. Shaka has low latency on
    only if *every* Representation, those of text included, has an offset, and takes the smallest of
    all for its live edge. So a set whose segments are one chunk each (subtitles), or whose chunks
    are not known yet, borrows the smallest of the others: it is asked for early, and the origin
    holds the request (design §3 rule 6).
    """
    own = _known(tracks, longest)
    if own:
        return min(own)
    shortest = min(max(longest, segment_length(track)) for track in tracks)
    others = _known(period, longest)
    if others:
        return min(*others, _down(shortest - STEP)) or None
    if all(track.chunk_duration >= segment_length(track) for track in period):
        return None  # LL "Segment Adaptation Set": neither offset nor Resync
    # The first second of a channel: nobody knows yet how long chunks are, and Shaka keeps the least
    # offset it ever saw. So a guess, that of chunks half as long as the target (LL: "segment −
    # offset < target"); asked too early the origin holds, asked too late is latency.
    return _down(shortest - min(shortest, target) / 2) or None


def _known(tracks: Iterable[TrackSnapshot], longest: Fraction) -> list[Fraction]:
    offsets = (
        _down(max(longest, segment_length(track)) - track.chunk_duration)
        for track in tracks
        if 0 < track.chunk_duration < segment_length(track)
    )
    return [offset for offset in offsets if offset > 0]


def _down(seconds: Fraction) -> Fraction:
    return max(Fraction(0), floor(seconds / STEP) * STEP)
