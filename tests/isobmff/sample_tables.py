"""Sample tables in all the ways that there are to write one, and an independent reader of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from hypothesis import strategies as st

from sorgente.isobmff.init_segment import InitSegment, parse_init_segment
from tests.support.boxes import (
    NON_SYNC,
    SYNC,
    VIDEO,
    Sample,
    box,
    full,
    init_segment,
    large_box,
    u32,
    u64,
)

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
