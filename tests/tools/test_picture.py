from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.picture import (
    BLOCK,
    COLUMNS,
    HEIGHT,
    RATE,
    STAMP_LEFT,
    STAMP_TOP,
    TEXT_TOP,
    WIDTH,
    Picture,
)
from sorgente.tools.stamp import BITS, CHECK_BITS, STAMP_BITS, bits, stamp, word

MOMENT = datetime(2026, 11, 22, 23, 59, 7, 125_000, UTC).timestamp()
PICTURE = Picture()


def right(read: str) -> bool:
    """Whether a reader takes these bits for a stamp."""
    return word(int(read[:STAMP_BITS], 2)) == int(read, 2)


def blocks(frame: bytes) -> str:
    """The bits in the middles of the blocks."""
    middles = (
        (STAMP_TOP + row * BLOCK + BLOCK // 2) * WIDTH + STAMP_LEFT + column * BLOCK + BLOCK // 2
        for row in range(BITS // COLUMNS)
        for column in range(COLUMNS)
    )
    return "".join("1" if frame[at] > 127 else "0" for at in middles)


@given(st.floats(0, 4e9))
def test_a_stamp_is_the_time_in_milliseconds(moment: float) -> None:
    written = bits(moment)
    assert len(written) == BITS
    assert int(written[:STAMP_BITS], 2) == stamp(moment) == round(moment * 1000) % 2**STAMP_BITS


@given(st.floats(0, 4e9), st.integers(0, BITS - 1))
def test_a_wrong_block_is_noticed(moment: float, at: int) -> None:
    written = bits(moment)
    assert right(written)
    assert not right(f"{written[:at]}{1 - int(written[at])}{written[at + 1 :]}")


@pytest.mark.parametrize("colour", "01")
def test_a_picture_of_one_colour_carries_no_time(colour: str) -> None:
    assert not right(colour * (STAMP_BITS + CHECK_BITS))


def test_the_picture_carries_its_time_in_blocks() -> None:
    frame = PICTURE.frame(MOMENT)
    assert len(frame) == WIDTH * HEIGHT * 3 // 2
    assert blocks(frame) == bits(MOMENT)


def test_the_picture_moves() -> None:
    def band(moment: float) -> bytes:
        return PICTURE.frame(moment)[: WIDTH * TEXT_TOP]

    frames = {band(MOMENT + number / RATE) for number in range(RATE)}
    assert len(frames) == RATE


def test_the_time_is_written_for_people_to_the_millisecond() -> None:
    def text(moment: float) -> bytes:
        return PICTURE.frame(moment)[WIDTH * TEXT_TOP : WIDTH * STAMP_TOP]

    assert text(MOMENT) == text(MOMENT + 24 * 3600), "the same time of another day"
    assert text(MOMENT) != text(MOMENT + 0.001)
