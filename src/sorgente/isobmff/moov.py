"""Parts of an init segment put together anew: what splitting and merging share.

Both write one form: no durations, since live media has none yet, and nothing that speaks of tracks
by id but ``tkhd`` and ``trex``.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from sorgente.isobmff.box import Box, boxes

_SIZE_AND_TYPE: Final = Struct(">I4s")
_U32: Final = Struct(">I")

_DURATION: Final = {b"mvhd": (16, 24), b"mdhd": (16, 24), b"tkhd": (20, 28)}
"""``duration`` in the body, in version 0 and 1 (ISO/IEC 14496-12 §8.2.2, §8.3.2, §8.4.2)."""

_TIMESCALE: Final = (12, 20)  # in mvhd
_TRACK_ID: Final = (12, 20)  # in tkhd
_NEXT_TRACK_ID: Final = (96, 108)  # in mvhd

_ABOUT_OTHERS: Final = frozenset((b"tref", b"iods"))
"""Boxes that name tracks by id: of no use where these are gone or have got other ids."""


def packed(type_: bytes, *parts: bytes) -> bytes:
    """Return a box of these parts."""
    return _SIZE_AND_TYPE.pack(8 + sum(map(len, parts)), type_) + b"".join(parts)


def file_type(major: bytes, *compatible: bytes) -> bytes:
    """Return an ``ftyp`` of these brands (§4.3)."""
    return packed(b"ftyp", major, _U32.pack(0), *compatible)


def moov_of(data: bytes) -> Box:
    """Return the last ``moov``, as ``parse_init_segment`` reads it."""
    *_, moov = (box for box in boxes(data, 0, len(data)) if box.type == b"moov")
    return moov


def track_boxes(moov: Box) -> dict[int, Box]:
    """Return the ``trak`` boxes by track id."""
    traks = (box for box in moov.children() if box.type == b"trak")
    return {_track_id(trak): trak for trak in traks}


def without_tracks(moov: Box) -> list[Box]:
    """Return what holds for the movie as a whole beside ``mvhd``: ``udta``, ``meta``, ``pssh``."""
    told = {b"mvhd", b"trak", b"mvex"} | _ABOUT_OTHERS
    return [box for box in moov.children() if box.type not in told]


def movie_header(mvhd: Box, *, next_track_id: int, timescale: int | None = None) -> bytes:
    """Return the ``mvhd`` without a duration."""
    version = mvhd.fields().u8() != 0
    patches = [(_NEXT_TRACK_ID[version], _U32.pack(next_track_id))]
    if timescale is not None:
        patches.append((_TIMESCALE[version], _U32.pack(timescale)))
    return _patched(mvhd, _no_duration(mvhd), *patches)


def track(trak: Box, track_id: int, *, edits: bytes = b"") -> bytes:
    """Return the ``trak`` under this id, without durations; ``edits`` in the place of ``edts``.

    What nobody here knows stays as it is.
    """
    parts = []
    for box in trak.children():
        if box.type == b"tkhd":
            at = _TRACK_ID[box.fields().u8() != 0]
            parts.append(_patched(box, _no_duration(box), (at, _U32.pack(track_id))))
            parts.append(edits)
        elif box.type == b"mdia":
            parts.append(packed(b"mdia", *map(_media_part, box.children())))
        elif box.type != b"edts" and box.type not in _ABOUT_OTHERS:
            parts.append(box.content)
    return packed(b"trak", *parts)


def movie_extends(trexes: Iterable[tuple[Box, int]]) -> bytes:
    """Return an ``mvex`` of these ``trex``, each for the track beside it (§8.8.1–3).

    Without an ``mehd``: nobody knows how long live media will be.
    """
    return packed(b"mvex", *(_patched(box, (4, _U32.pack(to))) for box, to in trexes))


def track_extends(moov: Box, track_id: int) -> Box:
    """Return the ``trex`` of that track, which ``parse_init_segment`` has found to be there."""
    *_, found = (
        box
        for box in moov.need(b"mvex").children()
        if box.type == b"trex" and box.fields(skip=4).u32() == track_id
    )
    return found


def _track_id(trak: Box) -> int:
    tkhd = trak.need(b"tkhd")
    return tkhd.fields(skip=_TRACK_ID[tkhd.fields().u8() != 0]).u32()


def _media_part(box: Box) -> bytes:
    return _patched(box, _no_duration(box)) if box.type == b"mdhd" else box.content


def _no_duration(header: Box) -> tuple[int, bytes]:
    version = header.fields().u8() != 0
    return _DURATION[header.type][version], bytes(8 if version else 4)


def _patched(box: Box, *patches: tuple[int, bytes]) -> bytes:
    """Return the box with fields of its body overwritten; raises MalformedBox when cut short."""
    content = bytearray(box.content)
    for at, value in patches:
        box.fields(skip=at).raw(len(value))
        start = box.body - box.start + at
        content[start : start + len(value)] = value
    return bytes(content)
