"""CMAF tracks put together to one progressive stream: the way back from ``split``.

The chunks of all tracks, one after the other in decode-time order, are a legal fragmented MP4:
a ``moof`` may well hold a single track (ISO/IEC 14496-12 §8.8.4). Only ids and numbers change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import lcm
from struct import Struct
from typing import Final

from sorgente.isobmff import moov as movie
from sorgente.isobmff.box import Box, boxes
from sorgente.isobmff.init_segment import InitSegment, InitTrack, parse_init_segment

BRANDS: Final = (b"iso6", b"iso6", b"mp41")
"""The major one first. No ``cmfc``: a CMAF track is one track."""

_NORMAL_RATE: Final = 0x10000  # media_rate of an edit, 16.16
_MAX_U32: Final = (1 << 32) - 1
_U32: Final = Struct(">I")
_EDIT: Final = Struct(">QqI")  # segment_duration, media_time, media_rate of version 1, §8.6.6


def merge_inits(inits: Sequence[InitSegment]) -> InitSegment:
    """Return one init segment of these tracks, with the ids 1, 2, 3, … in this order.

    The movie timescale becomes one that all of them can be told in, so that empty edits last as
    long as they did. What holds for a movie as a whole comes from the first, ``pssh`` from all.
    Raises ValueError when there are none, or one has more than one track.
    """
    if not inits or any(len(init.tracks) != 1 for init in inits):
        raise ValueError("only init segments of one track each can be merged")
    timescale = _common([init.movie_timescale for init in inits])
    moovs = [movie.moov_of(init.data) for init in inits]
    traks, trexes = [], []
    for track_id, (init, moov) in enumerate(zip(inits, moovs, strict=True), start=1):
        [track] = init.tracks
        edits = _edits(track, init.movie_timescale, timescale)
        traks.append(movie.track(moov.need(b"trak"), track_id, edits=edits))
        trexes.append((movie.track_extends(moov, track.track_id), track_id))
    header = movie.movie_header(
        moovs[0].need(b"mvhd"), next_track_id=len(inits) + 1, timescale=timescale
    )
    shared = dict.fromkeys(_shared(moovs))  # each once
    merged = movie.packed(b"moov", header, *traks, movie.movie_extends(trexes), *shared)
    return parse_init_segment(movie.file_type(*BRANDS) + merged)


def only(merged: InitSegment, track_ids: Collection[int]) -> bytes:
    """Return the bytes of a merged init segment without any other tracks; ids stay as they are."""
    moov = movie.moov_of(merged.data)
    traks = movie.track_boxes(moov)
    kept = [track.track_id for track in merged.tracks if track.track_id in track_ids]
    trexes = movie.movie_extends((movie.track_extends(moov, kept_id), kept_id) for kept_id in kept)
    others = [box.content for box in movie.without_tracks(moov)]
    parts = (moov.need(b"mvhd").content, *(traks[kept_id].content for kept_id in kept))
    return movie.file_type(*BRANDS) + movie.packed(b"moov", *parts, trexes, *others)


def renumbered(data: bytes, track_id: int, sequence_number: int) -> bytes:
    """Return a chunk of a single track under this id and number.

    ``data`` is as ``TrackSplitter`` or ``relocated`` give it: legal at any place of a stream.
    ``sequence_number`` counts on from ``moof`` to ``moof``. The ``mdat`` is copied once.
    Raises MalformedBox.
    """
    track, head = _U32.pack(track_id), bytearray()
    for box in boxes(data, 0, len(data)):
        if box.type == b"mdat":
            # The last box of a chunk (ISO/IEC 23000-19 §7.3.2.3).
            return b"".join((head, memoryview(data)[box.start :]))
        head += memoryview(data)[box.start : box.end]
        if box.type == b"moof":
            number = _U32.pack(sequence_number & _MAX_U32)
            sequence_number += 1
            for mfhd in (one for one in box.unfold() if one.type == b"mfhd"):
                _overwrite(head, mfhd, number)
        for named in _boxes_with_id(box):
            _overwrite(head, named, track)
    return bytes(head)


def _boxes_with_id(box: Box) -> Iterator[Box]:
    """Full boxes that begin with the id of a track: of the box itself, and in it."""
    if box.type in (b"prft", b"sidx"):
        yield box
    elif box.type == b"moof":
        yield from (traf.need(b"tfhd") for traf in box.children() if traf.type == b"traf")


def _overwrite(head: bytearray, box: Box, value: bytes) -> None:
    """Write the first field of a full box; everything lies where it lay before."""
    box.fields(skip=4).raw(len(value))
    head[box.body + 4 : box.body + 8] = value


def _common(timescales: Sequence[int]) -> int:
    """A timescale in which all the others can be told, exactly if 32 bits allow."""
    least = lcm(*timescales)
    return least if least <= _MAX_U32 else max(timescales)


def _edits(track: InitTrack, old: int, new: int) -> bytes:
    """Return an edit list that does the same in another movie timescale (§8.6.6).

    Empty when it does nothing, as after ``split_init``.
    """
    edit = track.edit_list
    entries = [(0, edit.media_time)]
    if edit.empty_duration:
        entries.insert(0, ((edit.empty_duration * new + old // 2) // old, -1))
    if entries == [(0, 0)]:
        return b""
    rows = (_EDIT.pack(duration, time, _NORMAL_RATE) for duration, time in entries)
    elst = movie.packed(b"elst", _U32.pack(1 << 24), _U32.pack(len(entries)), *rows)
    return movie.packed(b"edts", elst)


def _shared(moovs: Sequence[Box]) -> Iterator[bytes]:
    for moov in moovs:
        for box in movie.without_tracks(moov):
            if moov is moovs[0] or box.type == b"pssh":
                yield box.content
