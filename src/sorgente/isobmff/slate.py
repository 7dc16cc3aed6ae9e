"""Chunks of our own for a track whose encoder sends none: the last key picture, or silence.

A picture that can be decoded by itself may be shown again and again; a frame of silence is the same
few bytes for every encoder. Both decode under the track's own init segment, so players notice no
more than that nothing moves. What this makes is a *slate* (DASH-IF Live Media Ingest §6.6 has
encoders mark theirs with the brand ``slat``, and so do we).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from sorgente.isobmff import track_fragment as tf
from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitTrack
from sorgente.isobmff.moov import packed
from sorgente.isobmff.rewrite import trafs_of
from sorgente.isobmff.silence import silence_of

BRAND: Final = b"slat"

FIRST_NUMBER: Final = 1 << 31
"""Of the ``mfhd`` of slates: greater than that of any chunk before them (§8.8.5), which at 30 a
second takes two years to get there."""

_SYNC: Final = 0x02000000  # sample_depends_on = 2, sample_is_non_sync_sample = 0 (§8.8.3.1)
_TFHD_FLAGS: Final = tf.DEFAULT_BASE_IS_MOOF | tf.DEFAULT_FLAGS
_TRUN_FLAGS: Final = (
    tf.DATA_OFFSET | tf.SAMPLE_DURATION | tf.SAMPLE_SIZE | tf.SAMPLE_COMPOSITION_OFFSET
)
_VERSION_1: Final = 1 << 24

_U32_U32: Final = Struct(">II")
_U32_U64: Final = Struct(">IQ")
_U32_U32_U32: Final = Struct(">III")
_RUN_HEAD: Final = Struct(">IIi")
_RUN_ROW: Final = Struct(">IIi")


_NAL_TYPE: Final = {"avc1": (0, 0x1F), "avc3": (0, 0x1F), "hvc1": (1, 0x3F), "hev1": (1, 0x3F)}
"""How to find ``nal_unit_type`` in the first byte of a NAL unit: shift, mask."""
_IDR: Final = {"avc1": {5}, "avc3": {5}, "hvc1": {19, 20}, "hev1": {19, 20}}
"""Instantaneous decoding refresh. Others (recovery points, CRA) count their pictures on from what
was before, so one may not come twice."""
_FIRST_VCL: Final = {"avc1": {1, 5}, "avc3": {1, 5}, "hvc1": range(32), "hev1": range(32)}
_LENGTH_SIZE: Final = 4
"""Of a NAL unit's length: everybody's ``lengthSizeMinusOne`` is 3."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One access unit that needs no other. Times in ticks of the track."""

    data: bytes = field(repr=False)
    composition_offset: int = 0
    duration: int = 0
    """0: it may last as long as one likes."""


def silence(track: InitTrack) -> Sample | None:
    """A frame of silence; None where there is none, see :func:`~.silence.silence_of`."""
    silent = silence_of(track)
    if silent is None:
        return None
    return Sample(silent.frame, duration=silent.samples * track.timescale // track.sample_rate)


def key_picture(chunk: MediaChunk) -> Sample | None:
    """The first sample of a chunk of one video track; None if it cannot stand by itself: it is no
    sync sample, not an IDR picture of AVC or HEVC, or encrypted. Raises MalformedBox when it is not
    in the chunk."""
    traf = next((traf for traf in trafs_of(chunk) if traf.track.sample_count), None)
    entry = chunk.init.leading_track.sample_entry
    if traf is None or not traf.track.first_sample_sync or entry.encrypted:
        return None
    rows = next(rows for rows in map(tf.sample_rows, traf.truns()) if rows.number).columns()
    defaults = tf.fragment_header(traf.box.need(b"tfhd"), chunk.init)[3]
    size = rows[tf.SAMPLE_SIZE][0] if tf.SAMPLE_SIZE in rows else defaults.size
    offsets = array("i", rows.get(tf.SAMPLE_COMPOSITION_OFFSET, array("I", [0])).tobytes())
    start = next((run.offset for run in traf.track.runs if run.length), None)
    if start is None:
        return None  # samples, and nothing in them
    if start + size > len(chunk.data):
        raise traf.moof.malformed("does not hold the data of its first sample")
    data = chunk.data[start : start + size]
    return Sample(data, offsets[0]) if _is_refresh(entry.fourcc, data) else None


def _is_refresh(fourcc: str, data: bytes) -> bool:
    """Whether all that is decoded before a sync sample may be forgotten."""
    if fourcc not in _IDR:
        return True  # VP9, AV1: key frames are
    shift, mask = _NAL_TYPE[fourcc]
    at = 0
    while at + _LENGTH_SIZE < len(data):
        kind = data[at + _LENGTH_SIZE] >> shift & mask
        if kind in _FIRST_VCL[fourcc]:
            return kind in _IDR[fourcc]
        at += _LENGTH_SIZE + int.from_bytes(data[at : at + _LENGTH_SIZE], "big")
    return False


def slate(
    track_id: int, decode_time: int, durations: Sequence[int], sample: Sample, number: int
) -> bytes:
    """Return a CMAF chunk that shows ``sample`` once for each of ``durations`` (ticks), as the
    ``number``-th slate since the encoder's last chunk."""
    rows = b"".join(
        _RUN_ROW.pack(duration, len(sample.data), sample.composition_offset)
        for duration in durations
    )

    def moof(data_offset: int) -> bytes:
        run = _RUN_HEAD.pack(_VERSION_1 | _TRUN_FLAGS, len(durations), data_offset)
        return packed(
            b"moof",
            packed(b"mfhd", _U32_U32.pack(0, FIRST_NUMBER + number)),
            packed(
                b"traf",
                packed(b"tfhd", _U32_U32_U32.pack(_TFHD_FLAGS, track_id, _SYNC)),
                packed(b"tfdt", _U32_U64.pack(_VERSION_1, decode_time)),
                packed(b"trun", run, rows),
            ),
        )

    return b"".join(
        (
            packed(b"styp", BRAND, bytes(4), BRAND),
            moof(len(moof(0)) + 8),
            packed(b"mdat", sample.data * len(durations)),
        )
    )
