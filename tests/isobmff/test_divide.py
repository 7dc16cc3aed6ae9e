"""Chunks divided: what an independent reader finds in the parts is what it finds in the chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.isobmff import divide
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import InitSegment, parse_init_segment
from sorgente.isobmff.rewrite import trafs_of
from sorgente.isobmff.split import TrackSplitter
from tests.isobmff.sample_tables import TABLES, Table, children, is_sync, samples_of
from tests.support.boxes import (
    NON_SYNC,
    STYP,
    SYNC,
    VIDEO,
    Sample,
    TrafSpec,
    box,
    chunk,
    emsg,
    full,
    init_segment,
    mdat,
    moof,
    prft,
    u32,
    u64,
)
from tests.support.corpus import corpus_file
from tests.support.uploads import chunks_of, init_of, units_of

INIT = parse_init_segment(init_segment(VIDEO))
I_PICTURE = Sample(b"key frame", 512)
P_PICTURE = Sample(b"picture", 512, NON_SYNC)
INSIDE = [P_PICTURE, P_PICTURE, I_PICTURE, P_PICTURE]


def of(kinds: str) -> list[Sample]:
    """A sample for every letter: I is a sync sample."""
    kind = {"I": I_PICTURE, "P": P_PICTURE}
    return [
        replace(kind[one], payload=b"%s %d " % (one.encode(), at)) for at, one in enumerate(kinds)
    ]


def read(data: bytes, init: InitSegment = INIT) -> MediaChunk:
    return parse_chunk(data, 0, init)


def starts(data: bytes, init: InitSegment = INIT) -> list[int]:
    [traf] = trafs_of(read(data, init))
    return divide.part_starts(traf, init)


def parts_of(data: bytes, init: InitSegment = INIT, number: int = 1) -> list[bytes]:
    return divide.divided(read(data, init), starts(data, init), number)


# --- any sample table -------------------------------------------------------------------------


@given(table=TABLES)
def test_the_parts_of_any_chunk_have_its_samples(table: Table) -> None:
    before = STYP + prft(1, 1 << 63, 0) + emsg()
    data, init = table.built(before), table.init
    samples = samples_of(data, table.trex)
    at = starts(data, init) if samples else [0]
    parts = parts_of(data, init, 41) if len(at) > 1 else [data]
    if samples and any(map(is_sync, samples)) and not is_sync(samples[0]):
        assert len(parts) > 1, "a segment could not begin here"
    told = [samples_of(part, table.trex) for part in parts]
    assert [one for part in told for one in part] == samples
    assert [part[0] for part in told[1:]] == [samples[number] for number in at[1:]]
    for earlier, later in pairwise(told):
        assert is_sync(later[0])
        assert not is_sync(earlier[-1])
    for group in told if len(told) > 1 else []:
        assert not any(is_sync(b) and not is_sync(a) for a, b in pairwise(group))
    if len(parts) > 1:
        assert parts[0].startswith(before)
        for number, part in enumerate(parts, start=41):
            types = [type_ for type_, *_ in children(part)]
            assert types == [b"styp", b"prft", b"emsg"] * (number == 41) + [b"moof", b"mdat"]
            parsed = read(part, init)
            assert parsed.fragment.sequence_number == number
            assert parsed.fragment.is_relocatable
            *_, (_, payload, _) = children(part)
            assert payload == b"".join(one.payload for one in samples_of(part, table.trex))


@pytest.mark.parametrize(
    "files",
    [
        ("zero-3.84s/video-500Kbps/init_org.cmfv", "zero-3.84s/video-500Kbps/0.cmfv"),
        ("chunked/video_init.mp4", "chunked/3_chunked.m4s"),
        ("codecs/init.mp4", "codecs/1.m4s"),
        ("codecs/hvc1_init.mp4", "codecs/hvc1_seg_1.m4s"),
        ("codecs/av1_multitile_init.mp4", "codecs/av1_multitile_seg.m4s"),
        ("muxed/main_1.mp4",),
    ],
)
def test_chunks_of_other_packagers_divided_anywhere(files: tuple[str, ...]) -> None:
    """They begin with their key frames already; so they are cut where it comes."""
    units = units_of(b"".join(corpus_file(f"cmaf/{name}") for name in files))
    init, splitter = init_of(units), TrackSplitter(init_of(units))
    video = init.leading_track
    trex = (video.defaults.duration, video.defaults.size, video.defaults.flags)
    wholes = [whole for one in chunks_of(units) for whole in splitter.split(one)]
    assert wholes
    for whole in [each.data for each in wholes if each.track_id == video.track_id]:
        samples = samples_of(whole, trex)
        at = sorted({0, len(samples) // 3, len(samples) // 2})
        parts = divide.divided(read(whole, init), at, 1)
        assert len(parts) == len(at) > 1
        assert [one for part in parts for one in samples_of(part, trex)] == samples


# --- where ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("P", [0]),
        ("I", [0]),
        ("IPPP", [0]),
        ("PPPP", [0]),
        ("PPIP", [0, 2]),
        ("PPPI", [0, 3]),
        ("PIPPIPPIP", [0, 1, 4, 7]),
        # All of them are: a segment may begin at any chunk.
        ("IIII", [0]),
        ("PIII", [0, 1]),
        ("IIPPIIPP", [0]),
        # Whole groups of pictures.
        ("IPPIPPIPP", [0]),
        ("IPIPP", [0]),
        # The last group goes on in the next chunk.
        ("IPPIP", [0, 3]),
        ("IPPIPPI", [0, 3, 6]),
        ("IPPPIPPPIPP", [0, 4, 8]),
    ],
)
def test_where_chunks_are_divided(kinds: str, expected: list[int]) -> None:
    assert starts(chunk(TrafSpec(samples=of(kinds)))) == expected


def test_every_group_of_a_stream_begins_a_chunk_or_none_has_to() -> None:
    """Groups and chunks of any length: segments find their key frames, all of them or, where
    chunks are whole groups, those that chunks begin with."""
    for group in range(1, 14):
        for length in range(1, 14):
            begins = set()
            for first in range(0, group * length, length):
                kinds = "".join("P" if at % group else "I" for at in range(first, first + length))
                inside = starts(chunk(TrafSpec(samples=of(kinds))))
                begins |= {first + at for at in inside if kinds[at] == "I"}
            step = length if length % group == 0 else group
            assert begins == set(range(0, group * length, step))


def test_more_key_frames_than_anybody_needs_stay_together() -> None:
    data = chunk(TrafSpec(samples=of("PI" * 200)))
    assert len(starts(data)) == divide.MAX_PARTS
    parts = parts_of(data)
    assert len(parts) == divide.MAX_PARTS
    assert sum(len(samples_of(part)) for part in parts) == 400


def test_what_nobody_sends_is_not_looked_at_sample_by_sample() -> None:
    samples = [P_PICTURE] * (divide.MAX_DIVIDED_SAMPLES - 1) + [I_PICTURE]
    assert starts(chunk(TrafSpec(samples=samples))) == [0, len(samples) - 1]
    assert starts(chunk(TrafSpec(samples=[P_PICTURE, *samples]))) == [0]
    tables = sdtp(bytes(len(INSIDE))) * (divide.MAX_TRAF_BOXES - 3)
    assert starts(with_boxes(INSIDE, tables)) == [0, 2]
    assert starts(with_boxes(INSIDE, tables, sdtp(b""))) == [0]


# --- what is around the samples ---------------------------------------------------------------


def test_numbers_of_32_bits_begin_again() -> None:
    parts = parts_of(chunk(TrafSpec(samples=of("PIPI"))), number=0xFFFFFFFE)
    numbers = [read(part).fragment.sequence_number for part in parts]
    assert numbers == [0xFFFFFFFE, 0xFFFFFFFF, 0]


def test_key_systems_are_told_in_every_part() -> None:
    pssh = full(b"pssh", 0, 0, bytes(16), u32(0))
    [first, second] = parts_of(with_boxes(INSIDE, in_moof=pssh))
    for part in (first, second):
        [(_, body, _)] = [one for one in children(part) if one[0] == b"moof"]
        assert [type_ for type_, *_ in children(body)] == [b"mfhd", b"pssh", b"traf"]
        assert pssh in body
    assert samples_of(first) + samples_of(second) == samples_of(with_boxes(INSIDE))


def with_boxes(samples: Sequence[Sample], *in_traf: bytes, in_moof: bytes = b"") -> bytes:
    """A chunk with more boxes in it; ``saio`` with the offset 0 gets that of ``senc``."""

    def build(data: int, senc: int) -> bytes:
        rows = [u32(one.duration, len(one.payload), one.flags, one.offset) for one in samples]
        trun = full(b"trun", 1, 0xF01, u32(len(samples), data), *rows)
        tables = [
            one[:-4] + u32(senc) if one[4:8] == b"saio" and one.endswith(bytes(4)) else one
            for one in in_traf
        ]
        traf = box(b"traf", full(b"tfhd", 0, 0x020000, u32(1)), full(b"tfdt", 0, 0, u32(7)), trun,
                   *tables)  # fmt: skip
        return box(b"moof", full(b"mfhd", 0, 0, u32(1)), in_moof, traf)

    head = build(0, 0)
    return build(len(head) + 8, head.find(b"senc") + 12) + mdat(TrafSpec(samples=samples))


def sdtp(rows: bytes) -> bytes:
    return full(b"sdtp", 0, 0, rows)


def sbgp(*runs: tuple[int, int], version: int = 0) -> bytes:
    grouping = b"rap " + (u32(9) if version else b"")
    return full(b"sbgp", version, 0, grouping, u32(len(runs)), *(u32(*run) for run in runs))


SGPD = full(b"sgpd", 1, 0, b"rap ", u32(1, 1), b"\x80")
SAIO = full(b"saio", 0, 0, u32(1, 0))


def senc(*entries: bytes) -> bytes:
    return full(b"senc", 0, 2, u32(len(entries)), *entries)


def saiz(*sizes: int, default: int = 0, typed: bool = False, count: int | None = None) -> bytes:
    kind = b"cenc" + u32(0) if typed else b""
    told = len(sizes) if count is None else count
    return full(b"saiz", 0, typed, kind, bytes([default]), u32(told), bytes(sizes))


@given(
    runs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=5),
    kinds=st.text("IP", min_size=5, max_size=12),
    version=st.sampled_from([0, 1]),
    sizes=st.lists(st.integers(1, 9), min_size=12, max_size=12) | st.integers(1, 9),
    typed=st.booleans(),
)
def test_what_is_told_of_samples_goes_with_them(
    runs: list[tuple[int, int]],
    kinds: str,
    version: int,
    sizes: list[int] | int,
    typed: bool,
) -> None:
    count = len(kinds)
    if sum(length for length, _ in runs) > count:
        runs = []
    each = [sizes] * count if isinstance(sizes, int) else sizes[:count]
    entries = [bytes([65 + at]) * size for at, size in enumerate(each)]
    table = (
        saiz(default=sizes, typed=typed, count=count)
        if isinstance(sizes, int)
        else saiz(*each, typed=typed)
    )
    saio = full(b"saio", 0, 1, b"cenc", u32(0, 1, 0)) if typed else SAIO
    rows = bytes(range(100, 100 + count))
    tables = [sdtp(rows), sbgp(*runs, version=version), SGPD, saio, senc(*entries), table]
    data = with_boxes(of(kinds), *tables)
    samples = samples_of(data)
    assert [one.auxiliary for one in samples] == entries
    assert bytes(one.dependency or 0 for one in samples) == rows
    parts = parts_of(data) if len(starts(data)) > 1 else [data]
    assert [one for part in parts for one in samples_of(part)] == samples
    assert len(parts) == len(starts(data))
    assert all(SGPD in part for part in parts)


OUTSIDE = replace(I_PICTURE, payload=b"x" * 999)


@pytest.mark.parametrize(
    "tables",
    [
        [full(b"subs", 0, 0, u32(0))],
        [box(b"uuid", bytes(16), b"who knows")],
        [sdtp(b"123")],
        [full(b"sbgp", 0, 0, b"rap ", u32(3, 2, 1))],
        [sbgp(*[(1, 1)] * 5)],
        [saiz(1, 1, 1, 1)],
        [senc(*[b"1"] * 4), SAIO],
        [senc(*[b"1"] * 4), saiz(1, 1, 1, 1), saiz(1, 1, 1, 1), SAIO],
        [senc(*[b"1"] * 4), saiz(1, 1, 1, 2), SAIO],
        [senc(*[b"1"] * 3), saiz(1, 1, 1), SAIO],
        [senc(*[b"1"] * 4), saiz(1, 1, 1, 1), full(b"saio", 0, 0, u32(1, 9))],
        [senc(*[b"1"] * 4), saiz(1, 1, 1, 1), full(b"saio", 0, 0, u32(2, 9, 0))],
        [senc(*[b"1"] * 4), saiz(1, 1, 1, 1), full(b"saio", 0, 0, u32(9, 9))],
        [full(b"sgpd", 1, 0, bytes(divide.MAX_SHARED_BYTES))],
    ],
)  # fmt: skip
def test_tables_that_cannot_be_taken_apart_leave_the_chunk_whole(tables: list[bytes]) -> None:
    data = with_boxes(INSIDE, *tables)
    assert starts(data) == [0, 2]
    assert parts_of(data) == [data]


def run_of(offset: int, *sizes: int, time: int = 0) -> bytes:
    """A chunk whose samples of these sizes begin at ``offset``, the second a sync sample."""
    rows = [u32(size, SYNC if at == 1 else NON_SYNC) for at, size in enumerate(sizes)]
    trun = full(b"trun", 0, 0x601, u32(len(sizes), offset), *rows)
    tfhd = full(b"tfhd", 0, 0x020008, u32(1, 512))
    traf = box(b"traf", tfhd, full(b"tfdt", 1, 0, u64(time)), trun)
    return box(b"moof", full(b"mfhd", 0, 0, u32(1)), traf)


HEAD = len(run_of(0, 1, 1))


@pytest.mark.parametrize(
    "data",
    [
        with_boxes(INSIDE, in_moof=box(b"free")),
        moof(TrafSpec(samples=INSIDE), gap=len(emsg()) + 8)
        + emsg()
        + mdat(TrafSpec(samples=INSIDE)),
        run_of(HEAD + 8, 4, 5) + box(b"mdat", b"12345678"),
        run_of(HEAD + 7, 4, 4) + box(b"mdat", b"12345678"),
        run_of(-8, 4, 4) + box(b"mdat", b"12345678"),
        run_of(HEAD + 8, 4, 4, time=(1 << 64) - 1) + box(b"mdat", b"12345678"),
    ],
)
def test_what_is_no_plain_chunk_stays_whole(data: bytes) -> None:
    assert len(starts(data)) == 2
    assert parts_of(data) == [data]


def test_samples_in_the_mdat_twice_are_not_copied_twice() -> None:
    def build(offset: int) -> bytes:
        runs = [full(b"trun", 0, 0x601, u32(1, offset, 8, flags)) for flags in (NON_SYNC, SYNC)]
        traf = box(b"traf", full(b"tfhd", 0, 0x020000, u32(1)), full(b"tfdt", 0, 0, u32(0)), *runs)
        return box(b"moof", full(b"mfhd", 0, 0, u32(1)), traf)

    data = build(len(build(0)) + 8) + box(b"mdat", b"12345678")
    assert len(starts(data)) == 2
    assert parts_of(data) == [data]
