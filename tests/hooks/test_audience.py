from __future__ import annotations

from sorgente.hooks.audience import Audience, Change


def test_the_first_and_the_last() -> None:
    audience = Audience()
    assert audience.look(0, 0, 0.0, 10.0) is None
    assert audience.look(1, 0, 0.0, 10.5) is Change.FIRST
    assert audience.look(2, 0, 0.0, 11.0) is None
    assert audience.look(0, 0, 0.0, 15.9) is None
    assert audience.look(0, 0, 0.0, 16.0) is Change.LAST
    assert audience.look(0, 0, 0.0, 30.0) is None
    assert audience.look(1, 0, 0.0, 31.0) is Change.FIRST


def test_a_page_that_is_loaded_again_is_no_news() -> None:
    audience = Audience()
    changes = [audience.look(int(now % 4 == 0), 0, 0.0, float(now)) for now in range(40)]
    assert changes == [Change.FIRST, *[None] * 39]


def test_bytes_that_went_out_are_a_viewer_too() -> None:
    audience = Audience()
    assert audience.look(0, 500, 2.0, 1.0) is Change.FIRST
    assert audience.look(0, 1000, 2.0, 5.9) is None
    assert audience.look(0, 1000, 2.0, 10.8) is None
    assert audience.look(0, 1000, 2.0, 10.9) is Change.LAST


def test_who_asks_once_in_a_long_segment_stays() -> None:
    audience = Audience()
    assert audience.look(0, 500, 10.0, 0.0) is Change.FIRST
    assert audience.look(0, 500, 10.0, 19.9) is None
    assert audience.look(0, 500, 10.0, 20.0) is Change.LAST


def test_a_channel_that_begins_anew_counts_anew() -> None:
    audience = Audience()
    audience.look(0, 500, 0.0, 0.0)
    assert audience.look(0, 0, 0.0, 5.0) is None, "the counter went: somebody may be there"
    assert audience.look(0, 0, 0.0, 10.0) is Change.LAST
