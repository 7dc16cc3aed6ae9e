"""Chunks divided: what an independent reader finds in the parts is what it finds in the chunk."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.isobmff import divide
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import InitSegment, parse_init_segment
from sorgente.isobmff.rewrite import trafs_of
from sorgente.isobmff.split import TrackSplitter
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
    large_box,
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


# --- an independent reader --------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What a chunk says of a sample, by the letter of ISO/IEC 14496-12."""

    time: int
    duration: int
    flags: int | None
    """None: neither trun nor tfhd says anything, and trex says 0."""
    offset: int
    payload: bytes
    dependency: int | None = None
    group: int = 0
    auxiliary: bytes = b""


def children(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Type, body, and where the body begins."""
    at = 0
    while at < len(data):
        size, type_ = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        yield type_, data[at + head : at + size], at + head
        at += size


def words(data: bytes, at: int, count: int) -> list[int]:
    return list(struct.unpack_from(f">{count}I", data, at))


def samples_of(data: bytes, trex: tuple[int, int, int] = (0, 0, 0)) -> list[Read]:
    [(moof_body, moof_at)] = [(body, at) for type_, body, at in children(data) if type_ == b"moof"]
    [(traf, traf_at)] = [(body, at) for type_, body, at in children(moof_body) if type_ == b"traf"]
    boxes = [(type_, body, moof_at + traf_at + at) for type_, body, at in children(traf)]
    by_type = {type_: body for type_, body, _ in boxes}
    flags, _ = words(by_type[b"tfhd"], 0, 2)
    assert flags & 0x020001 == 0x020000, "offsets count from the moof"
    defaults: list[int | None] = [*trex]
    at = 12 if flags & 2 else 8
    for column, flag in enumerate((0x8, 0x10, 0x20)):
        if flags & flag:
            [defaults[column]] = words(by_type[b"tfhd"], at, 1)
            at += 4
    if not flags & 0x20 and not trex[2]:
        defaults[2] = None
    wide = by_type[b"tfdt"][0]
    (time,) = struct.unpack_from(">Q" if wide else ">I", by_type[b"tfdt"], 4)
    found: list[Read] = []
    position = 0
    for run in (body for type_, body, _ in boxes if type_ == b"trun"):
        flags, count = words(run, 0, 2)
        at = 8
        if flags & 1:
            (offset,) = struct.unpack_from(">i", run, at)
            position = moof_at - 8 + offset
            at += 4
        first = None
        if flags & 4:
            [first] = words(run, at, 1)
            at += 4
        for number in range(count):
            row = dict(zip((0x100, 0x200, 0x400, 0x800), (*defaults, 0), strict=True))
            if first is not None and not number:
                row[0x400] = first
            for flag in (each for each in row if flags & each):
                [row[flag]] = words(run, at, 1)
                at += 4
            size = row[0x200]
            offset = row[0x800] or 0
            if run[0] == 1 and offset >> 31:
                offset -= 1 << 32  # signed in version 1
            payload = data[position : position + (size or 0)]
            assert len(payload) == size
            found.append(Read(time, row[0x100] or 0, row[0x400], offset, payload))
            time += row[0x100] or 0
            position += size or 0
    return with_tables(found, data, boxes, moof_at - 8)


def with_tables(
    found: list[Read], data: bytes, boxes: list[tuple[bytes, bytes, int]], base: int
) -> list[Read]:
    """The same with what sdtp, sbgp and senc say of them."""
    by_type = {type_: (body, at) for type_, body, at in boxes}
    if b"sdtp" in by_type:
        rows, _ = by_type[b"sdtp"]
        assert len(rows) == 4 + len(found)
        found = [replace(one, dependency=row) for one, row in zip(found, rows[4:], strict=True)]
    if b"sbgp" in by_type:
        body, _ = by_type[b"sbgp"]
        at = 12 if body[0] else 8
        [count] = words(body, at, 1)
        assert len(body) == at + 4 + 8 * count
        groups = [group for n in range(count) for length, group in [words(body, at + 4 + 8 * n, 2)]
                  for _ in range(length)]  # fmt: skip
        assert len(groups) <= len(found)
        groups += [0] * (len(found) - len(groups))
        found = [replace(one, group=group) for one, group in zip(found, groups, strict=True)]
    if b"saiz" in by_type:
        saiz, saio = by_type[b"saiz"][0], by_type[b"saio"][0]
        at = 12 if saiz[3] & 1 else 4
        default, [count] = saiz[at], words(saiz, at + 1, 1)
        sizes = [default] * count if default else list(saiz[at + 5 :])
        assert len(sizes) == count == len(found)
        at = 12 if saio[3] & 1 else 4
        assert words(saio, at, 1) == [1]
        (offset,) = struct.unpack(">Q" if saio[0] else ">I", saio[at + 4 :])
        places = list(accumulate(sizes, initial=base + offset))
        senc, senc_at = by_type[b"senc"]
        assert words(senc, 4, 1) == [count]
        assert (places[0], places[-1]) == (senc_at + 8, senc_at + len(senc))
        found = [
            replace(one, auxiliary=data[start : start + size])
            for one, start, size in zip(found, places[:-1], sizes, strict=True)
        ]
    return found


def is_sync(sample: Read) -> bool:
    return sample.flags is not None and not sample.flags & 0x10000


# --- any sample table -------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A ``trun`` that writes the ``columns``; the rest is as ``tfhd`` or ``trex`` say."""

    samples: Sequence[Sample]
    columns: int
    first_flags: int | None
    version: int
    always_offset: bool
    gap: int
    """Bytes before its data that are of no sample."""


@dataclass(frozen=True)
class Table:
    """A chunk of one track, in all the ways that there are to write one."""

    runs: Sequence[Run]
    order: Sequence[float]
    """Of the data of the runs in the ``mdat``."""
    told: tuple[int | None, int | None, int | None]
    """Duration, size and flags in ``tfhd``."""
    trex: tuple[int, int, int]
    time: int
    wide: bool
    large: bool

    @property
    def init(self) -> InitSegment:
        return parse_init_segment(init_segment(replace(VIDEO, trex=self.trex)))

    def data_of(self, run: Run) -> bytes:
        size = self.trex[1] if self.told[1] is None else self.told[1]
        if run.columns & 0x200:
            return b"".join(one.payload for one in run.samples)
        return b"".join(one.payload.ljust(size, b".")[:size] for one in run.samples)

    def built(self, before: bytes = b"") -> bytes:
        places, payload = {}, b""
        for _, number in sorted(zip(self.order, range(len(self.runs)), strict=False)):
            payload += bytes(self.runs[number].gap)
            places[number] = len(payload)
            payload += self.data_of(self.runs[number])
        data = (large_box if self.large else box)(b"mdat", payload)
        head = len(data) - len(payload)
        size = len(self._moof(places, 0))
        return before + self._moof(places, size + head) + data

    def _moof(self, places: dict[int, int], data: int) -> bytes:
        flags = 0x020000 | sum(0x8 << n for n, one in enumerate(self.told) if one is not None)
        tfhd = full(b"tfhd", 0, flags, u32(1, *(one for one in self.told if one is not None)))
        tfdt = full(b"tfdt", self.wide, 0, u64(self.time) if self.wide else u32(self.time))
        truns, end = [], None
        for number, run in enumerate(self.runs):
            place = places[number]
            offset = u32(data + place) if run.always_offset or place != end else b""
            end = place + len(self.data_of(run))
            first = b"" if run.first_flags is None else u32(run.first_flags)
            rows = [
                u32(*(value for flag, value in (
                    (0x100, one.duration), (0x200, len(one.payload)),
                    (0x400, one.flags), (0x800, one.offset),
                ) if run.columns & flag))
                for one in run.samples
            ]  # fmt: skip
            there = bool(offset) | bool(first) << 2
            head = u32(len(run.samples)) + offset + first
            truns.append(full(b"trun", run.version, there | run.columns, head, *rows))
        traf = box(b"traf", tfhd, tfdt, *truns)
        return box(b"moof", full(b"mfhd", 0, 0, u32(41)), traf)


FLAGS = st.sampled_from([SYNC, NON_SYNC, NON_SYNC, 0, 0x10000, 0x2D00FFFF])
SAMPLES = st.builds(
    Sample, st.binary(max_size=5), st.integers(0, 2000), FLAGS, st.integers(-1000, 1000)
)
RUNS = st.builds(
    Run,
    samples=st.lists(SAMPLES, max_size=8),
    columns=st.sets(st.sampled_from([0x100, 0x200, 0x400, 0x800])).map(sum),
    first_flags=st.none() | FLAGS,
    version=st.sampled_from([0, 1]),
    always_offset=st.booleans(),
    gap=st.sampled_from([0, 0, 0, 3]),
)
TABLES = st.builds(
    Table,
    runs=st.lists(RUNS, min_size=1, max_size=4),
    order=st.just([0, 1, 2, 3]) | st.permutations([0, 1, 2, 3]),
    told=st.tuples(
        st.none() | st.integers(0, 2000), st.none() | st.integers(0, 4), st.none() | FLAGS
    ),
    trex=st.tuples(st.integers(0, 2000), st.integers(0, 4), FLAGS),
    time=st.integers(0, 1 << 31),
    wide=st.booleans(),
    large=st.booleans(),
)


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
