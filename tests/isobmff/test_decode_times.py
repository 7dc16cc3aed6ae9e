"""Chunks whose decode times or durations are wrong, as the splitter puts them right."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.split import TrackSplitter
from tests.isobmff.test_split import ALONE, again, find, payload, read
from tests.support.boxes import NON_SYNC, Sample, TrafSpec, box, chunk, full, u32


def without_durations(time: int, count: int, *, where: str, duration: int = 0) -> bytes:
    """A chunk of a track whose ``where`` box says how long its samples are."""
    tfhd = full(b"tfhd", 0, 0x020002, u32(1, 1))
    if where == "tfhd":
        tfhd = full(b"tfhd", 0, 0x02002A, u32(1, 1, duration, NON_SYNC))
    flags, row = (0x305, u32(duration, 3)) if where == "trun" else (0x205, u32(3))

    def build(offset: int) -> bytes:
        trun = full(b"trun", 0, flags, u32(count, offset, NON_SYNC), row * count)
        traf = box(b"traf", tfhd, full(b"tfdt", 0, 0, u32(time)), trun)
        return box(b"moof", full(b"mfhd", 0, 0, u32(1)), traf)

    return build(len(build(0)) + 8) + box(b"mdat", b"abc" * count)


def place(*pieces: bytes, init: InitSegment = ALONE) -> list[tuple[int, int]]:
    """Decode times and durations, as reported and as written."""
    splitter = TrackSplitter(init)
    parts = [part for one in pieces for part in splitter.split(read(one, init=init))]
    for part in parts:
        assert payload(part, init) == b"abc" * part.sample_count
        assert not part.random_access
    for before, after in pairwise(parts):
        assert before.end_time <= after.decode_time
    return [(part.decode_time, part.duration) for part in parts]


def good(time: int, duration: int = 512) -> bytes:
    return without_durations(time, 1, where="tfhd", duration=duration)


@pytest.mark.parametrize("where", ["tfhd", "trun", "trex"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_chunk_without_duration_ends_at_its_decode_time(where: str, count: int) -> None:
    bad = without_durations(512 + 512 * count, count, where=where)
    told = place(good(0), bad, good(512 + 512 * count))
    assert told == [(0, 512), (512, 512 * count), (512 + 512 * count, 512)]


@pytest.mark.parametrize("where", ["tfhd", "trun", "trex"])
@pytest.mark.parametrize("duration", [0, -512])
def test_a_chunk_without_duration_and_gap_lasts_as_long_as_the_last_sample(
    where: str, duration: int
) -> None:
    duration &= 0xFFFFFFFF if where != "trex" else 0
    bad = without_durations(512, 1, where=where, duration=duration)
    assert place(good(0), bad, good(1024)) == [(0, 512), (512, 512), (1024, 512)]


def test_other_columns_of_a_run_stay() -> None:
    samples = [Sample(b"a", 0, NON_SYNC, 600), Sample(b"bc", 0, NON_SYNC, -9)]
    splitter = TrackSplitter(ALONE)
    splitter.split(read(good(0), init=ALONE))
    [part] = splitter.split(read(chunk(TrafSpec(1, 1536, samples)), init=ALONE))
    assert (part.decode_time, part.duration, part.earliest_time) == (512, 1024, 1024 - 9)
    expected = chunk(TrafSpec(1, 512, [replace(one, duration=512) for one in samples]))
    run = find(expected, b"moof", b"traf", b"trun").content[20:]
    assert find(part.data, b"moof", b"traf", b"trun").content[20:] == run


def test_what_was_guessed_too_long_is_taken_off_the_next() -> None:
    zero = without_durations(512, 1, where="tfhd")
    assert place(good(0), zero, good(900), good(1412)) == [
        (0, 512), (512, 512), (1024, 388), (1412, 512),
    ]  # fmt: skip
    # Nothing is left of a next one that ends in there too: it is moved behind.
    assert place(good(0), zero, good(512), good(1024), good(1536), good(2060)) == [
        (0, 512), (512, 512), (1024, 512), (1536, 512), (2048, 512), (2560, 12),
    ]  # fmt: skip


def test_a_gap_that_is_too_wide_is_a_gap() -> None:
    zero = without_durations(9000, 1, where="tfhd")
    assert place(good(0), zero) == [(0, 512), (9000, 512)]


def test_nothing_to_guess_from() -> None:
    zero = without_durations(7, 1, where="trex")
    assert place(zero, good(519)) == [(7, 0), (519, 512)]


def test_a_timeline_that_starts_again_is_left_alone() -> None:
    parts = [*(TrackSplitter(ALONE).split(read(good(time), init=ALONE))[0] for time in (9000, 0))]
    assert [part.decode_time for part in parts] == [9000, 0]
    splitter = TrackSplitter(ALONE)
    zero = without_durations(9512, 1, where="tfhd")
    times = [
        splitter.split(read(one, init=ALONE))[0].decode_time for one in (good(9000), zero, good(0))
    ]
    assert times == [9000, 9512, 0]


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from([0, 0, 1, 500, 512, 0xFFFFFE00])),
        max_size=8,
    )
)
def test_decode_times_never_overlap_what_was_guessed(steps: list[tuple[int, int]]) -> None:
    """A clean encoder time may not run into a guess; its own overlaps are its own affair."""
    splitter = TrackSplitter(ALONE)
    time, end, guessed = 0, 0, False
    for step, duration in steps:
        one = without_durations(time, 1, where="trun", duration=duration)
        [part] = splitter.split(read(one, init=ALONE))
        again(part, ALONE)
        assert part.duration >= 0
        if guessed:
            assert part.decode_time >= end
        assert part.decode_time >= 0
        end = part.end_time
        known = 0 < duration < 1 << 31
        guessed = end > time + (duration if known else 0)
        time += step
