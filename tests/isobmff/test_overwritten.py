"""What is written into a chunk is what the general way of rewriting it comes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import parse_init_segment
from sorgente.isobmff.rewrite import Rewriting, overwritten, trafs_of
from tests.support.boxes import (
    STYP,
    VIDEO,
    Sample,
    TrafSpec,
    box,
    chunk,
    emsg,
    init_segment,
    mdat,
    moof,
    prft,
)

INIT = parse_init_segment(init_segment(VIDEO))
PICTURES = [Sample(b"picture", 512), Sample(b"another", 512, 0x01010000, 256)]
PLAIN = TrafSpec(1, 1000, PICTURES, "moof")


def read(data: bytes) -> MediaChunk:
    return parse_chunk(data, 0, INIT)


def written(media: MediaChunk, shift: int = 7, number: int | None = None) -> bytes | None:
    return overwritten(media, trafs_of(media)[0], shift, number)


@given(
    st.integers(0, 1 << 63),
    st.integers(-(1 << 40), 1 << 40),
    st.none() | st.integers(0, 1 << 33),
    st.sampled_from([b"", STYP]),
    st.integers(1, 2),
)
def test_plain_chunks_come_out_as_if_they_had_been_rewritten(
    time: int, shift: int, number: int | None, before: bytes, pictures: int
) -> None:
    time = max(time, -shift)
    media = read(chunk(TrafSpec(1, time, PICTURES[:pictures], "moof"), before=before))
    out = written(media, shift, number)
    assert out == Rewriting(media, {1: shift}, number).result()
    [track] = read(out).fragment.tracks
    assert track.base_decode_time == time + shift


@pytest.mark.parametrize("base", ["absolute", "position", "implicit"])
def test_offsets_that_would_change_are_rewritten(base: str) -> None:
    assert written(read(chunk(TrafSpec(1, 1000, PICTURES, base)))) is None


@pytest.mark.parametrize(
    "data",
    [
        chunk(TrafSpec(1, 1000, PICTURES, "moof", tfdt_version=0)),
        chunk(PLAIN, before=prft(1, 0, 1000)),
        chunk(PLAIN, before=emsg()),
        moof(PLAIN) + STYP + mdat(PLAIN),
        chunk(PLAIN, TrafSpec(1, 2024, PICTURES, "moof")),
        moof(PLAIN) + box(b"mdat", b"picture" + b"another" + b"left over"),
        moof(PLAIN) + b"\0\0\0\0mdat" + b"picture" + b"another",
    ],
    ids=["32 bits", "prft", "emsg", "styp behind", "two tracks", "left over", "open end"],
)
def test_what_has_more_to_it_is_rewritten(data: bytes) -> None:
    assert written(read(data)) is None


@pytest.mark.parametrize("shift", [-1001, (1 << 64) - 1000])
def test_a_time_that_leaves_its_field_is_not_written(shift: int) -> None:
    assert written(read(chunk(PLAIN)), shift) is None
