"""Starts and numbers of epochs under any clock, and what is told of them to players."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.media.epoch import Cause, Epoch
from sorgente.media.minimum import NS, Minimum
from sorgente.media.timeline import NUMBERS_SINCE, Timeline, latency_target, least_target
from tests.media.simulation import NETWORK, T0, Segmenter, Sent, encode, offset_error

# Our own clock


@pytest.mark.parametrize("step", [-1.0, 1.0])
def test_a_wall_clock_that_is_set_keeps_starts_and_numbers_growing(step: float) -> None:
    chunks = list(encode(seconds=60))
    segmenter = Segmenter().begin().feed(chunks[:900]).feed(chunks[900:], clock=step)
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    first, second = segmenter.epochs
    assert second.start > first.start
    assert second.start_number > first.start_number
    assert abs(offset_error(segmenter, T0 + NETWORK + step)) < 0.035
    # and back
    more = list(encode(seconds=60, since=T0 + 60, media=Fraction(60)))
    segmenter.feed(more)
    assert len(segmenter.epochs) == 3
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035


def test_a_restart_under_a_clock_that_was_set_back_starts_behind_all_the_same() -> None:
    segmenter = Segmenter().begin().feed(encode(seconds=20))
    segmenter.begin().feed(encode(seconds=20, since=T0 + 21), clock=-60.0)
    assert segmenter.causes == [Cause.FIRST, Cause.INIT], "a correction would overtake it"
    first, second = segmenter.epochs
    assert second.start == first.start + Fraction(1, 1000)
    assert second.start_number >= first.start_number + 10, "segments of the first"


# Numbers


def test_numbers_are_quarter_seconds_and_last_for_decades() -> None:
    timeline = Timeline()
    assert timeline.first_number(Fraction(NUMBERS_SINCE)) == 1, "0 is nobody's number"
    assert timeline.first_number(Fraction(NUMBERS_SINCE + 100)) == 400
    years = 34
    assert timeline.first_number(Fraction(NUMBERS_SINCE + years * 31_557_600)) < 2**32
    assert timeline.first_number(Fraction(NUMBERS_SINCE + years * 31_557_600)) > 2**32 * 0.99


def test_a_clock_before_2025_still_gives_numbers() -> None:
    timeline = Timeline()
    assert [timeline.first_number(Fraction(0)) for _ in range(3)] == [1, 2, 3]


def test_numbers_grow_over_restarts_of_the_origin() -> None:
    """Segments of a quarter second, none of which the next origin knows of."""
    before = Segmenter(segment=Fraction(1, 4)).begin().feed(encode(seconds=600))
    after = Segmenter(segment=Fraction(1, 4)).begin().feed(encode(seconds=1, since=T0 + 600))
    assert after.epochs[0].start_number > before.number
    assert after.epochs[0].id not in {epoch.id for epoch in before.epochs}


def test_last_number_wins_over_the_clock() -> None:
    timeline = Timeline()
    assert timeline.first_number(Fraction(NUMBERS_SINCE + 100), last_number=1000) == 1001


# When it was made


def produced_epoch(lag: float) -> Epoch:
    timeline = Timeline()
    timeline.begin("v", 90_000)
    for sent in encode(seconds=2):
        made = T0 + float(sent.start) - lag
        timeline.observe("v", sent.start, sent.end, sent.arrived, made)
    return timeline.open(Fraction(0), T0 + 2)


def test_prft_says_when_it_was_made_and_arrival_when_it_is_available() -> None:
    epoch = produced_epoch(0.7)
    assert float(epoch.produced_at) == pytest.approx(T0 - 0.7, abs=1e-5)
    assert float(epoch.start) == pytest.approx(T0 + NETWORK, abs=0.002)


@pytest.mark.parametrize("lag", [-5, 3600])
def test_an_encoder_with_a_wrong_clock_is_not_believed(lag: float) -> None:
    epoch = produced_epoch(lag)
    assert epoch.produced_at == epoch.start


# Latency


@pytest.mark.parametrize(
    ("segment", "chunk", "target"),
    [
        ("2", "1/30", "0.5"),
        ("2", "1/5", "0.8"),
        ("2", "1/2", "1.7"),
        ("2", "2", "6.2"),
        ("2", "5", "7.2"),
        ("1", "9", "10.2"),
        ("1", "3600", "11.2"),
        ("2", "1001/6000", "0.75"),
    ],
)
def test_latency_target(segment: str, chunk: str, target: str) -> None:
    assert latency_target(Fraction(segment), Fraction(chunk)) == Fraction(target)


@pytest.mark.parametrize(
    ("segment", "chunk", "target"),
    [
        ("2", "0", "0.05"),
        ("2", "1/30", "0.05"),
        ("2", "0.2", "0.25"),
        ("2", "2", "4"),
        ("2", "5", "7"),
    ],
)
def test_what_low_latency_takes_at_least(segment: str, chunk: str, target: str) -> None:
    """One-frame chunks at 30 fps, of 200 ms, whole segments, and more than those."""
    least = least_target(Fraction(segment), Fraction(chunk))
    assert least == Fraction(target)
    assert least <= latency_target(Fraction(segment), Fraction(chunk))


# Properties

fractions = st.fractions(min_value=0, max_value=10**7, max_denominator=90_000)


@given(media_start=fractions, media=fractions, start=fractions)
def test_conversions_invert_exactly(
    media_start: Fraction, media: Fraction, start: Fraction
) -> None:
    epoch = Epoch(
        id="1",
        cause=Cause.FIRST,
        media_start=media_start,
        start=start,
        start_number=1,
        produced_at=start,
    )
    assert epoch.media(epoch.wall(media)) == media
    assert epoch.wall(media_start) == start


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
def test_the_minimum_is_the_minimum(samples: list[int]) -> None:
    minimum = Minimum()
    for at, sample in enumerate(samples):
        minimum.add(sample, at)
    assert minimum.estimate == min(samples)


events = st.lists(
    st.tuples(
        st.sampled_from(["v", "a"]),
        st.sampled_from([0, 0, 0, 0, 0.5, -0.05, -0.5, -3, 3, 1e6, -1e6]),
        st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.5, -1.0, 1.0, -100.0, 3.0, 60.0]),
        st.sampled_from([False] * 9 + [True]),
        st.integers(0, 20),
    ),
    max_size=60,
)


@given(events)
def test_whatever_comes_starts_and_numbers_grow_and_nothing_goes_back(
    events: list[tuple[str, float, float, bool, int]],
) -> None:
    segmenter = Segmenter().begin("v", "a")
    media = {"v": Fraction(0), "a": Fraction(0)}
    now = T0
    for track, leap, step, restart, chunks in events:
        now += step
        if restart:
            media[track] = Fraction(0)
            segmenter.begin(track)
        media[track] += Fraction(leap)
        for _ in range(chunks):
            now += 0.1
            start, media[track] = media[track], media[track] + Fraction(1, 10)
            segmenter.feed([Sent(track, start, media[track], now, now)])
    starts = [epoch.start for epoch in segmenter.epochs]
    numbers = [epoch.start_number for epoch in segmenter.epochs]
    assert all(a < b for a, b in pairwise(starts))
    assert all(a < b for a, b in pairwise(numbers))
    assert len({epoch.id for epoch in segmenter.epochs}) == len(segmenter.epochs)
    newest: dict[tuple[str, int], Fraction] = {}
    for sent, at in segmenter.placed:
        where = (sent.track, id(at.run))
        # Times are compared as whole nanoseconds; -0.05 is no fraction of them.
        assert at.start >= newest.get(where, at.start) - Fraction(1, NS)
        newest[where] = at.start
