"""One timeline out of two uploads.

ffmpeg starts every upload at decode time 0 (movenc writes ``tfdt`` relative to its first packet),
so an encoder that comes back would send its players back in time. A splice shifts everything the
new upload says by one constant, chosen so that it starts where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from types import MappingProxyType

from sorgente.isobmff.fragment import Fragment
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.rewrite import retimed
from sorgente.isobmff.upload import MediaChunk

UNSHIFTED: Mapping[int, int] = MappingProxyType({})


class Progress:
    """How far a relay's media has come, in its own, continued, time."""

    def __init__(self, init: InitSegment) -> None:
        self.timescales = {track.track_id: track.timescale for track in init.tracks}
        self.sequence_number = 0
        """The last ``mfhd.sequence_number`` relayed."""
        self._ends: dict[int, int] = {}

    def note(self, fragment: Fragment, shifts: Mapping[int, int] = UNSHIFTED) -> None:
        """``fragment`` has been relayed, moved by ``shifts`` (ticks per track id)."""
        self.sequence_number = max(self.sequence_number, fragment.sequence_number)
        for track in fragment.tracks:
            end = track.base_decode_time + track.duration + shifts.get(track.track_id, 0)
            self._ends[track.track_id] = max(end, self._ends.get(track.track_id, 0))

    def precedes(self, fragment: Fragment) -> bool:
        """Whether ``fragment`` is all behind what has been relayed."""
        return all(
            track.base_decode_time >= self._ends.get(track.track_id, 0) for track in fragment.tracks
        )

    @property
    def end(self) -> Fraction:
        """Seconds: where the longest track stops."""
        return max(
            (Fraction(end, self.timescales[track]) for track, end in self._ends.items()),
            default=Fraction(0),
        )


class Splice:
    """Moves the chunks of one upload behind what its :class:`Progress` has already."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shifts: dict[int, int] | None = None

    def apply(self, chunk: MediaChunk) -> bytes:
        """The chunk on the continued timeline, with sequence numbers that go on too."""
        progress = self._progress
        if self._shifts is None:
            self._shifts = self._measure(chunk.fragment)
        progress.sequence_number += 1
        data = retimed(chunk, shifts=self._shifts, sequence_number=progress.sequence_number)
        progress.note(chunk.fragment, self._shifts)
        return data

    def _measure(self, first: Fragment) -> dict[int, int]:
        """One shift in seconds for all tracks keeps them in step; rounded up, so that no track
        overlaps what it has already."""
        timescales = self._progress.timescales
        starts = (
            Fraction(track.base_decode_time, timescales[track.track_id]) for track in first.tracks
        )
        shift = self._progress.end - min(starts, default=Fraction(0))
        return {track: ceil(shift * timescale) for track, timescale in timescales.items()}
