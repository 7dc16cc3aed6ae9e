from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import boxes
from sorgente.isobmff.init_segment import InitSegment, parse_init_segment
from sorgente.isobmff.track_fragment import (
    MAX_SAMPLES,
    DataBase,
    DataRun,
    TrackFragment,
    parse_traf,
)
from tests.support.boxes import (
    AUDIO,
    NON_SYNC,
    SYNC,
    VIDEO,
    box,
    full,
    init_segment,
    u32,
    u64,
)

INIT = parse_init_segment(init_segment(replace(VIDEO, trex=(100, 10, NON_SYNC)), AUDIO))
SILENT = parse_init_segment(init_segment(VIDEO, AUDIO))
"""trex says 0 for everything, as ffmpeg's does."""


def read(*parts: bytes, init: InitSegment = INIT, position: int = 0) -> TrackFragment:
    data = box(b"traf", *parts)
    return parse_traf(next(boxes(data, 0, len(data), position)), 0, 500, init)


def tfhd(track_id: int = 1, flags: int = 0x020000, *fields: bytes) -> bytes:
    return full(b"tfhd", 0, flags, u32(track_id), *fields)


def tfdt(time: int = 0) -> bytes:
    return full(b"tfdt", 1, 0, u64(time))


def trun(flags: int, count: int, *words: int, version: int = 0) -> bytes:
    return full(b"trun", version, flags, u32(count, *words))


@pytest.mark.parametrize(
    ("header", "expected"), [(full(b"tfdt", 0, 0, u32(5)), 5), (tfdt(1 << 40), 1 << 40)]
)
def test_decode_time(header: bytes, expected: int) -> None:
    track = read(tfhd(), header, trun(0, 1))
    assert track.base_decode_time == expected


@pytest.mark.parametrize(
    ("parts", "duration", "size"),
    [
        ([tfhd(), tfdt(), trun(0, 3)], 300, 30),
        ([tfhd(1, 0x020018, u32(7, 8)), tfdt(), trun(0, 3)], 21, 24),
        ([tfhd(1, 0x02001A, u32(9, 7, 8)), tfdt(), trun(0, 3)], 21, 24),
        ([tfhd(1, 0x020018, u32(7, 8)), tfdt(), trun(0x100, 2, 1, 2)], 3, 16),
        ([tfhd(1, 0x020018, u32(7, 8)), tfdt(), trun(0x200, 2, 1, 2)], 14, 3),
        ([tfhd(), tfdt(), trun(0x300, 2, 1, 2, 3, 4), trun(0x300, 1, 5, 6)], 9, 12),
        ([tfhd(), trun(0, 3), tfdt()], 300, 30),
    ],
)
def test_precedence_of_durations_and_sizes(
    parts: Sequence[bytes], duration: int, size: int
) -> None:
    track = read(*parts)
    assert track.duration == duration
    assert sum(run.length for run in track.runs) == size


@pytest.mark.parametrize(
    ("parts", "init", "first", "some"),
    [
        ([tfhd(), tfdt(), trun(0, 2)], INIT, False, False),
        ([tfhd(1, 0x020020, u32(SYNC)), tfdt(), trun(0, 1)], INIT, True, True),
        ([tfhd(1, 0x020020, u32(NON_SYNC)), tfdt(), trun(0x4, 2, SYNC)], INIT, True, True),
        ([tfhd(1, 0x020020, u32(SYNC)), tfdt(), trun(0x4, 1, NON_SYNC)], INIT, False, False),
        ([tfhd(1, 0x020020, u32(SYNC)), tfdt(), trun(0x4, 2, NON_SYNC)], INIT, False, True),
        ([tfhd(), tfdt(), trun(0x400, 2, SYNC, NON_SYNC)], INIT, True, True),
        ([tfhd(), tfdt(), trun(0x400, 2, NON_SYNC, SYNC)], INIT, False, True),
        ([tfhd(), tfdt(), trun(0x400, 1, NON_SYNC), trun(0x400, 1, SYNC)], INIT, False, True),
        ([tfhd(), tfdt(), trun(0, 0), trun(0x400, 1, SYNC)], INIT, True, True),
        # Sizes per sample, flags by default: the long way.
        ([tfhd(), tfdt(), trun(0x204, 2, SYNC, 5, 5)], INIT, True, True),
        ([tfhd(1, 0x020020, u32(SYNC)), tfdt(), trun(0x204, 2, NON_SYNC, 5, 5)], INIT, False, True),
        # Nobody says anything: believed for sound, not for pictures.
        ([tfhd(2), tfdt(), trun(0, 1)], SILENT, True, True),
        ([tfhd(1), tfdt(), trun(0, 1)], SILENT, False, False),
        ([tfhd(1, 0x020020, u32(0)), tfdt(), trun(0, 1)], SILENT, True, True),
        ([tfhd(1), tfdt(), trun(0x400, 1, 0)], SILENT, True, True),
        ([tfhd(1), tfdt(), trun(0x4, 1, 0)], SILENT, True, True),
    ],
)
def test_sync_samples(
    parts: Sequence[bytes], init: InitSegment, first: bool, some: bool
) -> None:  # fmt: skip
    track = read(*parts, init=init)
    assert (track.first_sample_sync, track.any_sample_sync) == (first, some)


@pytest.mark.parametrize(
    ("truns", "later"),
    [
        ([trun(0x4, 1, SYNC)], False),
        ([trun(0x4, 2, SYNC)], False),
        ([trun(0x4, 2, SYNC), trun(0x4, 1, SYNC)], True),
        ([trun(0x4, 2, SYNC), trun(0x400, 2, NON_SYNC, SYNC), trun(0, 1)], True),
        ([trun(0, 0), trun(0x400, 2, SYNC, NON_SYNC)], False),
        ([trun(0x400, 3, SYNC, NON_SYNC, SYNC)], True),
    ],
)
def test_sync_samples_behind_the_first(truns: Sequence[bytes], later: bool) -> None:
    assert read(tfhd(), tfdt(), *truns).later_sample_sync == later


@pytest.mark.parametrize(
    ("truns", "earliest"),
    [
        ([trun(0, 3)], 0),
        ([trun(0x800, 3, 300, 0, 0)], 100),
        ([trun(0x800, 3, 50, 700, 700, version=1)], 50),
        ([trun(0x800, 3, 0, 300, -250, version=1)], -50),
        ([trun(0x800, 2, 0, -300, version=0)], -200),
        ([trun(0x900, 2, 10, 500, 10, 600)], 500),
        ([trun(0, 1), trun(0x800, 1, -150, version=1)], -50),
        ([trun(0x800, 1, 500), trun(0x800, 1, 600)], 500),
        ([trun(0, 0), trun(0x800, 1, 500)], 500),
    ],
)
def test_earliest_composition_time(truns: Sequence[bytes], earliest: int) -> None:
    track = read(tfhd(), tfdt(1000), *truns)
    assert track.composition_offset == earliest
    assert track.earliest_time == 1000 + earliest


def test_where_the_data_lies() -> None:
    first, second = trun(0x1, 2, 100), trun(0, 1)
    track = read(tfhd(), tfdt(), first, second, position=3000)
    assert (track.base, track.base_offset) == (DataBase.MOOF, 0)
    assert track.runs == (DataRun(100, 20), DataRun(120, 10))
    assert track.data_end == 130

    track = read(tfhd(1, 0x1, u64(3050)), tfdt(), first, second, position=3000)
    assert (track.base, track.base_offset) == (DataBase.ABSOLUTE, 50)
    assert track.runs == (DataRun(150, 20), DataRun(170, 10))

    track = read(tfhd(1, 0), tfdt(), trun(0x1, 1, -7), second, position=3000)
    assert (track.base, track.base_offset) == (DataBase.IMPLICIT, 500)
    assert track.runs == (DataRun(493, 10), DataRun(503, 10))


@pytest.mark.parametrize("parts", [[tfhd(1, 0x030000)], [tfhd(), trun(0x1, 0, 8)], [tfhd()]])
def test_fragment_without_samples(parts: list[bytes]) -> None:
    track = read(*parts, tfdt(7))
    assert (track.base_decode_time, track.sample_count, track.duration) == (7, 0, 0)
    assert not track.first_sample_sync
    assert not track.any_sample_sync
    assert track.data_end == sum(8 for _ in track.runs)


def test_samples_that_take_no_bytes_are_counted_without_memory() -> None:
    track = read(tfhd(), tfdt(), trun(0, MAX_SAMPLES))
    assert (track.sample_count, track.duration) == (MAX_SAMPLES, 100 * MAX_SAMPLES)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([tfdt()], "'traf' .* has no 'tfhd'"),
        ([tfhd()], "has no 'tfdt', which CMAF requires"),
        ([tfhd(), tfhd(), tfdt()], "'tfhd' .* is there twice"),
        ([tfhd(), tfdt(), tfdt()], "'tfdt' .* is there twice"),
        ([tfhd(9), tfdt()], "is of track 9, which the init segment does not have"),
        ([tfhd(1, 0x020008), tfdt()], "'tfhd' .* ends inside"),
        ([tfhd(), full(b"tfdt", 1, 0, u32(0))], "'tfdt' .* ends inside"),
        ([tfhd(), tfdt(), trun(0, MAX_SAMPLES + 1)], f"says it has {MAX_SAMPLES + 1} samples"),
        ([tfhd(), tfdt(), trun(0x200, 0xFFFFFFFF, 1)], "says it has 4294967295 samples"),
        ([tfhd(), tfdt(), trun(0x300, 2, 1, 2, 3)], "says it has 2 samples"),
        ([tfhd(), tfdt(), full(b"trun", 0, 0x1, u32(1))], "'trun' .* ends inside"),
    ],
)
def test_contradictions_are_refused(parts: Sequence[bytes], message: str) -> None:
    with pytest.raises(MalformedBox, match=message):
        read(*parts)
