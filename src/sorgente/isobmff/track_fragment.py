"""One ``traf``: when its samples are shown, which are random access points, where their bytes lie.

ISO/IEC 14496-12 §8.8.6–8.8.8, §8.8.12. A field of a sample is, the first that is there: its own in
``trun``; for the flags of the first sample, ``first_sample_flags``; the default in ``tfhd``; the
default in ``trex``.
"""

from __future__ import annotations

import sys
from array import array
from enum import Enum
from itertools import accumulate, islice, repeat
from operator import add
from typing import Final, NamedTuple

import msgspec

from sorgente.isobmff.box import Box
from sorgente.isobmff.init_segment import InitSegment, InitTrack

MAX_SAMPLES: Final = 1 << 20
"""Samples in one run that spends no byte on any of them: an hour of AAC in one run is 168,750."""

# tf_flags, §8.8.7.1
BASE_DATA_OFFSET: Final = 0x1
SAMPLE_DESCRIPTION_INDEX: Final = 0x2
DEFAULT_DURATION: Final = 0x8
DEFAULT_SIZE: Final = 0x10
DEFAULT_FLAGS: Final = 0x20
DEFAULT_BASE_IS_MOOF: Final = 0x020000

# tr_flags, §8.8.8.1
DATA_OFFSET: Final = 0x1
FIRST_SAMPLE_FLAGS: Final = 0x4
SAMPLE_DURATION: Final = 0x100
SAMPLE_SIZE: Final = 0x200
SAMPLE_FLAGS: Final = 0x400
SAMPLE_COMPOSITION_OFFSET: Final = 0x800

_PER_SAMPLE: Final = (SAMPLE_DURATION, SAMPLE_SIZE, SAMPLE_FLAGS, SAMPLE_COMPOSITION_OFFSET)
_ROW_FIELDS: Final = sum(_PER_SAMPLE)
_IS_NON_SYNC: Final = 0x10000  # sample_is_non_sync_sample, §8.8.3.1


class DataBase(Enum):
    """What ``data_offset`` of a run counts from (§8.8.7.1)."""

    ABSOLUTE = "base_data_offset"
    """A byte of the upload: true at one place only."""

    MOOF = "default-base-is-moof"

    IMPLICIT = "implicit"
    """The ``moof`` for its first ``traf``, the end of the data before it for the others."""


class DataRun(NamedTuple):
    """Bytes of the samples of one ``trun``: where in ``MediaChunk.data``, how many.

    As the encoder says it; nobody has checked that they are there.
    """

    offset: int
    length: int


class TrackFragment(msgspec.Struct, frozen=True):
    """Samples of one track in one ``moof``. Times in ticks of the track."""

    track_id: int
    base_decode_time: int
    duration: int
    """Sum of the sample durations. ffmpeg gets the last one wrong at times, even 0: what the next
    ``base_decode_time`` says is better."""

    sample_count: int
    first_sample_sync: bool
    later_sample_sync: bool
    """Whether any sample behind the first is a sync sample."""

    composition_offset: int
    """Earliest composition time of its samples, less ``base_decode_time``; may be negative."""

    base: DataBase
    base_offset: int
    """What the data offsets count from, as a place in ``MediaChunk.data``."""

    runs: tuple[DataRun, ...]
    """One per ``trun``, those without samples too."""

    @property
    def any_sample_sync(self) -> bool:
        """Whether any of its samples is a sync sample."""
        return self.first_sample_sync or self.later_sample_sync

    @property
    def earliest_time(self) -> int:
        """The earliest composition time of its samples, before the edit list."""
        return self.base_decode_time + self.composition_offset

    @property
    def data_end(self) -> int:
        """Where the data ends that a following implicit ``traf`` goes on from."""
        return self.runs[-1].offset + self.runs[-1].length if self.runs else self.base_offset


class Defaults(NamedTuple):
    """``tfhd`` over ``trex``; flags None: nobody said anything that can be believed."""

    duration: int
    size: int
    flags: int | None


class SampleRows(NamedTuple):
    """A ``trun`` as it is written (§8.8.8.2)."""

    version: int
    flags: int
    number: int
    data_offset: int | None
    first_sample_flags: int | None
    table: bytes
    """A row of 32-bit fields for every sample; empty where all fields are defaults."""

    @property
    def width(self) -> int:
        """Bytes of a row."""
        return 4 * (self.flags & _ROW_FIELDS).bit_count()

    def columns(self) -> dict[int, array[int]]:
        """The fields that there are, by their flag."""
        words: array[int] = array("I", self.table)
        if sys.byteorder == "little":
            words.byteswap()
        there = [flag for flag in _PER_SAMPLE if self.flags & flag]
        return {flag: words[at :: len(there)] for at, flag in enumerate(there)}


class _Samples(NamedTuple):
    """What one or more ``trun`` say about their samples, all together."""

    number: int
    duration: int
    size: int
    first_sync: bool
    later_sync: bool
    earliest: int  # of decode time + composition offset, from the start of the run

    def followed_by(self, later: _Samples) -> _Samples:
        """Both as one."""
        if not self.number or not later.number:
            return self if self.number else later
        return _Samples(
            number=self.number + later.number,
            duration=self.duration + later.duration,
            size=self.size + later.size,
            first_sync=self.first_sync,
            later_sync=self.later_sync or later.first_sync or later.later_sync,
            earliest=min(self.earliest, self.duration + later.earliest),
        )


def parse_traf(traf: Box, moof_start: int, implicit_base: int, init: InitSegment) -> TrackFragment:
    """Read one ``traf`` of a ``moof`` that begins at ``moof_start`` of the data of the chunk.

    ``implicit_base`` is where data begins if ``tfhd`` says nothing. Raises MalformedBox, also for
    a track that the init segment does not have and for a missing ``tfdt``.
    """
    tfhd = tfdt = None
    truns = []
    for box in traf.unfold():
        if box.type == b"trun":
            truns.append(box)
        elif box.type == b"tfhd" and tfhd is None:
            tfhd = box
        elif box.type == b"tfdt" and tfdt is None:
            tfdt = box
        elif box.type in (b"tfhd", b"tfdt"):
            raise box.malformed("is there twice")
    if tfhd is None:
        raise traf.malformed("has no 'tfhd'")
    if tfdt is None:
        raise traf.malformed("has no 'tfdt', which CMAF requires (ISO/IEC 23000-19 §7.5.16)")
    track, base, base_offset, defaults = fragment_header(tfhd, init)
    if base is DataBase.MOOF:
        base_offset = moof_start
    elif base is DataBase.IMPLICIT:
        base_offset = implicit_base
    else:
        base_offset -= traf.position
    runs, samples = _runs(truns, base_offset, defaults)
    return TrackFragment(
        track_id=track.track_id,
        base_decode_time=_decode_time(tfdt),
        duration=samples.duration,
        sample_count=samples.number,
        first_sample_sync=samples.first_sync,
        later_sample_sync=samples.later_sync,
        composition_offset=samples.earliest,
        base=base,
        base_offset=base_offset,
        runs=runs,
    )


def fragment_header(tfhd: Box, init: InitSegment) -> tuple[InitTrack, DataBase, int, Defaults]:
    """Return the track, what data offsets count from, ``base_data_offset``, the defaults."""
    fields = tfhd.fields()
    flags = fields.u32() & 0xFFFFFF
    track_id = fields.u32()
    track = init.by_id.get(track_id)
    if track is None:
        raise tfhd.malformed(f"is of track {track_id}, which the init segment does not have")
    base, base_offset = DataBase.IMPLICIT, 0
    if flags & BASE_DATA_OFFSET:
        base, base_offset = DataBase.ABSOLUTE, fields.u64()
    elif flags & DEFAULT_BASE_IS_MOOF:
        base = DataBase.MOOF
    if flags & SAMPLE_DESCRIPTION_INDEX:
        fields.skip(4)
    duration, size = track.defaults.duration, track.defaults.size
    sample_flags: int | None = track.defaults.flags
    if flags & DEFAULT_DURATION:
        duration = fields.u32()
    if flags & DEFAULT_SIZE:
        size = fields.u32()
    if flags & DEFAULT_FLAGS:
        sample_flags = fields.u32()
    elif track.kind == "video" and not sample_flags:
        sample_flags = None
    return track, base, base_offset, Defaults(duration, size, sample_flags)


def _decode_time(tfdt: Box) -> int:
    """Return ``baseMediaDecodeTime`` (§8.8.12)."""
    fields = tfdt.fields()
    version, _ = fields.version_and_flags()
    return fields.u64() if version else fields.u32()


def is_sync(flags: int | None) -> bool:
    """Whether sample flags say that decoding can start here (§8.8.3.1).

    None stands for a picture of which neither ``trun`` nor ``tfhd`` said anything and ``trex``
    says 0. By the letter that is a sync sample, but writers that leave all of them out have not
    thought of it: a player that starts on it may show rubbish, so it is no place to start.
    """
    return flags is not None and not flags & _IS_NON_SYNC


def _runs(
    truns: list[Box], base_offset: int, defaults: Defaults
) -> tuple[tuple[DataRun, ...], _Samples]:
    """Return where the data of the runs lies, and their samples one after the other."""
    runs = []
    total = _NO_SAMPLES
    at = base_offset
    for trun in truns:
        offset, samples = _run(trun, defaults)
        if offset is not None:
            at = base_offset + offset
        runs.append(DataRun(at, samples.size))
        at += samples.size
        total = total.followed_by(samples)
    return tuple(runs), total


def sample_rows(trun: Box) -> SampleRows:
    """Read a ``trun``; raises MalformedBox when it has not the rows it says it has."""
    fields = trun.fields()
    version, flags = fields.version_and_flags()
    count = fields.u32()
    offset = fields.i32() if flags & DATA_OFFSET else None
    first_flags = fields.u32() if flags & FIRST_SAMPLE_FLAGS else None
    length = 4 * (flags & _ROW_FIELDS).bit_count() * count
    if length > fields.left or (not flags & _ROW_FIELDS and count > MAX_SAMPLES):
        raise trun.malformed(f"says it has {count} samples")
    return SampleRows(version, flags, count, offset, first_flags, fields.raw(length))


def _run(trun: Box, defaults: Defaults) -> tuple[int | None, _Samples]:
    """Return ``data_offset`` if there is one, and the samples."""
    rows = sample_rows(trun)
    offset, count = rows.data_offset, rows.number
    if not count:
        return offset, _NO_SAMPLES
    first_flags = defaults.flags if rows.first_sample_flags is None else rows.first_sample_flags
    if not rows.table:
        return offset, _uniform(count, first_flags, defaults)
    columns = rows.columns()
    durations = columns.get(SAMPLE_DURATION)
    sizes = columns.get(SAMPLE_SIZE)
    offsets = columns.get(SAMPLE_COMPOSITION_OFFSET)
    if offsets is not None:
        # Unsigned in version 0 by the letter, but what has the upper bit set is QuickTime's -1.
        offsets = array("i", offsets.tobytes())
    first_sync, later_sync = _sync(count, columns.get(SAMPLE_FLAGS), first_flags, defaults.flags)
    return offset, _Samples(
        number=count,
        duration=count * defaults.duration if durations is None else sum(durations),
        size=count * defaults.size if sizes is None else sum(sizes),
        first_sync=first_sync,
        later_sync=later_sync,
        earliest=0 if offsets is None else _earliest(offsets, durations, defaults.duration),
    )


def _uniform(count: int, first_flags: int | None, defaults: Defaults) -> _Samples:
    """Samples that are all alike take no memory to count."""
    return _Samples(
        number=count,
        duration=count * defaults.duration,
        size=count * defaults.size,
        first_sync=is_sync(first_flags),
        later_sync=count > 1 and is_sync(defaults.flags),
        earliest=0,
    )


def _sync(
    count: int, sample_flags: array[int] | None, first: int | None, default: int | None
) -> tuple[bool, bool]:
    """Whether the first sample is sync, whether one behind it is."""
    if sample_flags is not None:
        later = islice(sample_flags, 1, None)
        return is_sync(sample_flags[0]), any(not flags & _IS_NON_SYNC for flags in later)
    return is_sync(first), count > 1 and is_sync(default)


def _earliest(offsets: array[int], durations: array[int] | None, duration: int) -> int:
    """Return the least decode time + composition offset, from the decode time of the first."""
    decode_times = accumulate(durations or repeat(duration, len(offsets)), initial=0)
    earliest: int = min(map(add, decode_times, offsets))
    return earliest


_NO_SAMPLES: Final = _Samples(0, 0, 0, False, False, 0)
