"""The media chunk, the unit that is relayed: a ``moof``, its ``mdat``, and what stands before.

ISO/IEC 23000-19 §7.3.2.3; ISO/IEC 14496-12 §8.8.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sorgente.isobmff.box import Box, boxes
from sorgente.isobmff.emsg import EventMessage, parse_emsg
from sorgente.isobmff.init_segment import InitSegment, brands
from sorgente.isobmff.prft import ProducerReferenceTime, parse_prft
from sorgente.isobmff.track_fragment import DataBase, TrackFragment, parse_traf

LAST_SEGMENT: Final = "lmsg"
FILLER: Final = "slat"


class Fragment(msgspec.Struct, frozen=True):
    """What the boxes of a chunk say."""

    sequence_number: int
    """Of the first ``mfhd``. Per fragment with some encoders, per segment with others: no number
    to count segments by."""

    tracks: tuple[TrackFragment, ...]
    """One per ``traf``, of all ``moof`` in order; a track may come twice, or not at all."""

    moofs: tuple[tuple[int, int], ...]
    """Start and end of each ``moof`` in the data of the chunk; nearly always one."""

    reference_times: tuple[ProducerReferenceTime, ...] = ()
    events: tuple[EventMessage, ...] = ()

    brands: tuple[str, ...] = ()
    """Of the ``styp`` of the chunk, the major one first; empty when there is none."""

    open_ended: bool = False
    """The ``mdat`` has size 0: it reached to the end of the upload."""

    @property
    def is_last(self) -> bool:
        """The segment is the last of its track (``lmsg``, ISO/IEC 23009-1 §6.3.4.2)."""
        return LAST_SEGMENT in self.brands

    @property
    def is_filler(self) -> bool:
        """The encoder had no input, and sends something instead (``slat``, DASH-IF Ingest §6)."""
        return FILLER in self.brands

    @property
    def is_relocatable(self) -> bool:
        """Whether its bytes mean the same wherever they stand in a stream."""
        return not self.open_ended and all(
            track.base is not DataBase.ABSOLUTE for track in self.tracks
        )


class MediaChunk(msgspec.Struct, frozen=True):
    """Everything since the unit before it, up to and including the ``mdat`` after a ``moof``."""

    data: bytes
    position: int
    """Where ``data[0]`` lies in the upload."""

    fragment: Fragment
    init: InitSegment
    """What the chunk is to be read with."""

    boxes: tuple[Box, ...]
    """At the top level."""

    def track(self, track_id: int) -> TrackFragment | None:
        """The first fragment of that track that has samples."""
        for track in self.fragment.tracks:
            if track.track_id == track_id and track.sample_count:
                return track
        return None

    @property
    def random_access(self) -> bool:
        """Whether a player can start here: the leading track begins with a sync sample."""
        leading = self.track(self.init.leading_track.track_id)
        return leading is not None and leading.first_sample_sync

    @property
    def contains_random_access(self) -> bool:
        """Whether the leading track has a sync sample somewhere in here."""
        leading = self.init.leading_track.track_id
        return any(
            track.any_sample_sync for track in self.fragment.tracks if track.track_id == leading
        )


def parse_chunk(data: bytes, position: int, init: InitSegment) -> MediaChunk:
    """Read the boxes of a chunk that begins at ``position`` of the upload; raises MalformedBox."""
    sequence_number: int | None = None
    tracks: list[TrackFragment] = []
    moofs = []
    reference_times = []
    events = []
    styp: tuple[str, ...] = ()
    open_ended = False
    top = tuple(boxes(data, 0, len(data), position))
    for box in top:
        if box.type == b"moof":
            number = _movie_fragment(box, init, tracks)
            sequence_number = number if sequence_number is None else sequence_number
            moofs.append((box.start, box.end))
        elif box.type == b"mdat":
            open_ended = data[box.start : box.start + 4] == b"\0\0\0\0"
        elif box.type == b"prft":
            reference_times.append(parse_prft(box))
        elif box.type == b"emsg":
            events.append(parse_emsg(box))
        elif box.type == b"styp":
            styp += brands(box)
    fragment = Fragment(
        sequence_number=sequence_number or 0,
        tracks=tuple(tracks),
        moofs=tuple(moofs),
        reference_times=tuple(reference_times),
        events=tuple(events),
        brands=styp,
        open_ended=open_ended,
    )
    return MediaChunk(data, position, fragment, init, top)


def _movie_fragment(moof: Box, init: InitSegment, tracks: list[TrackFragment]) -> int:
    """Append the ``traf`` boxes of one ``moof`` to ``tracks``; return its sequence number."""
    sequence_number: int | None = None
    implicit_base = moof.start
    for box in moof.unfold():
        if box.type == b"traf":
            track = parse_traf(box, moof.start, implicit_base, init)
            tracks.append(track)
            implicit_base = track.data_end
        elif box.type == b"mfhd":
            sequence_number = box.fields(skip=4).u32()
    if sequence_number is None:
        raise moof.malformed("has no 'mfhd'")
    return sequence_number
