"""Ladders: what is typed, and what is left of it for a source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.errors import UnusableArgument
from sorgente.tools.ladder import SLOWEST_RATE, Rung, fitting, parse_ladder, usual_rate


def test_heights_with_and_without_bit_rates() -> None:
    assert parse_ladder("360p:700k, 1080,720p:3.5M") == (
        Rung(1080, 5_000_000), Rung(720, 3_500_000), Rung(360, 700_000)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no rung"), ("1080p,,720p", "no rung"), ("big", "no rung"), ("-720p", "no rung"),
        ("720i", "no rung"), ("720p:fast", "no rung"), ("721p", "odd"), ("720p,720p:3M", "same"),
        ("720p:3", "write 3M"), (",".join(f"{n}p" for n in range(100, 120, 2)), "the most"),
    ],
)  # fmt: skip
def test_what_is_no_ladder_is_refused(text: str, word: str) -> None:
    with pytest.raises(UnusableArgument, match=word):
        parse_ladder(text)


heights = st.integers(1, 2160).map(lambda half: half * 2)
ladders = st.lists(heights, min_size=1, max_size=8, unique=True).map(
    lambda tall: tuple(Rung(height, usual_rate(height)) for height in sorted(tall, reverse=True))
)


@given(ladders, st.integers(2, 4400))
def test_nothing_is_blown_up_and_nothing_gets_lost(rungs: tuple[Rung, ...], height: int) -> None:
    kept, dropped = fitting(rungs, height)
    assert kept
    assert all(rung.height <= height and rung.height % 2 == 0 for rung in kept)
    assert all(rung.height > height for rung in dropped)
    if len(dropped) < len(rungs):
        assert {*kept, *dropped} == set(rungs)
    else:
        assert [rung.height for rung in kept] == [height - height % 2]


@given(heights)
def test_more_lines_get_more_bits(height: int) -> None:
    assert SLOWEST_RATE <= usual_rate(height) <= usual_rate(height + 2)
