"""Tracks of simulated encoders on one timeline; no real time passes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest

from sorgente.media.timeline import MPEG_WRAP, Cause, Timeline
from tests.media.simulation import (
    DAY,
    FRAME,
    NETWORK,
    PROMISE,
    T0,
    Segmenter,
    Sent,
    encode,
    merged,
    offset_error,
)

# Settling


def test_a_stream_in_real_time_is_announced_after_half_a_second() -> None:
    segmenter = Segmenter().begin().feed(encode(seconds=10))
    assert segmenter.causes == [Cause.FIRST]
    assert 0.5 <= segmenter.opened_at[0] - T0 < 0.6
    (epoch,) = segmenter.epochs
    assert epoch.media_start == 0
    assert 0 <= offset_error(segmenter, T0 + NETWORK) < 0.002
    assert epoch.produced_at == epoch.start
    assert all(at.epoch is epoch for _, at in segmenter.placed), "those held too"


def test_until_then_chunks_are_to_be_held() -> None:
    timeline = Timeline()
    timeline.begin("v", 90_000)
    at = timeline.observe("v", Fraction(0), FRAME, T0)
    assert at.epoch is None
    assert at.presentation is None
    assert not at.run.ready(T0 + 0.4)
    assert at.run.ready(T0 + 0.6), "long chunks need not wait for the second one"
    epoch = timeline.open(Fraction(0), T0 + 0.6)
    assert at.epoch is epoch
    assert at.presentation == 0


def test_tracks_whose_init_segments_came_are_waited_for_but_not_for_ever() -> None:
    timeline = Timeline()
    timeline.begin("v", 90_000)
    timeline.begin("a", 48_000)
    at = timeline.observe("v", Fraction(0), FRAME, T0)
    assert not at.run.ready(T0 + 1.9)
    assert at.run.ready(T0 + 2)
    timeline.observe("a", Fraction(0), FRAME, T0 + 0.8)
    assert at.run.ready(T0 + 1.3)


def test_what_comes_before_the_first_segment_is_at_negative_times() -> None:
    timeline = Timeline()
    timeline.begin("a", 48_000)
    at = timeline.observe("a", Fraction(-1024, 48_000), Fraction(0), T0)
    timeline.open(Fraction(0), T0 + 1)
    assert at.presentation == Fraction(-1024, 48_000)


def test_a_backlog_at_the_start_is_in_the_past() -> None:
    """The connection took 3 s: what was encoded meanwhile comes at once."""
    late = [
        Sent(sent.track, sent.start, sent.end, sent.made, max(sent.arrived, T0 + 3))
        for sent in encode(seconds=20)
    ]
    segmenter = Segmenter().begin().feed(late)
    assert segmenter.causes == [Cause.FIRST]
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035
    assert segmenter.early < PROMISE


def test_a_backlog_that_is_caught_up_slowly_costs_one_more_epoch() -> None:
    """5 s behind, sent at twice the speed: settling takes 5 s, more than its bound."""
    chunks = [
        Sent(
            sent.track,
            sent.start,
            sent.end,
            sent.made,
            max(sent.arrived, T0 + 5 + float(sent.end) / 2),
        )
        for sent in encode(seconds=60)
    ]
    segmenter = Segmenter().begin().feed(chunks)
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035
    assert segmenter.early < PROMISE


def test_slow_first_chunks_are_not_what_the_others_are_like() -> None:
    """An encoder's start-up: its first half second comes late, in one piece."""
    chunks = [
        Sent(sent.track, sent.start, sent.end, sent.made, max(sent.arrived, T0 + 0.8))
        for sent in encode(seconds=20)
    ]
    segmenter = Segmenter().begin().feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035


def test_a_burst_of_a_sender_that_then_pauses_is_put_right() -> None:
    """A pacer with a full bucket: 2 s at once, ahead of time, then nothing for 2 s."""
    burst = [
        Sent("v", sent.start, sent.end, T0, T0 + 0.01 * i)
        for i, sent in enumerate(encode(seconds=2, since=T0 - 2))
    ]
    rest = encode(seconds=30, since=T0 + 2, media=Fraction(2))
    segmenter = Segmenter().begin().feed([*burst, *rest])
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert segmenter.opened_at[1] - (T0 + 2) < 3.1
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035


def test_a_file_faster_than_real_time_is_one_epoch_from_its_first_seconds_on() -> None:
    chunks = [
        Sent(sent.track, sent.start, sent.end, sent.made, T0 + float(sent.end) / 50)
        for sent in encode(seconds=600, chunk=Fraction(1, 5))
    ]
    segmenter = Segmenter().begin().feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.opened_at[0] - T0 <= 2.1
    numbers = [epoch.start_number for epoch in segmenter.epochs]
    assert numbers == sorted(numbers)


# Leaps, wraps, pauses


def then(
    seconds: float, *, wall: float, media: float, chunk: Fraction = FRAME, first: float = 20
) -> Segmenter:
    """``first`` seconds, and on after a leap of the wall clock and of media time."""
    before = list(encode(seconds=first, chunk=chunk))
    onset = before[-1].end + Fraction(media)
    after = encode(seconds=seconds, chunk=chunk, since=T0 + first + wall, media=onset)
    return Segmenter().begin().feed([*before, *after])


@pytest.mark.parametrize("media", [3600, 5, 1.5])
def test_a_leap_forward_is_another_timeline(media: float) -> None:
    segmenter = then(20, wall=0, media=media)
    assert segmenter.causes == [Cause.FIRST, Cause.LEAP]
    assert segmenter.epochs[1].continues is None
    assert abs(offset_error(segmenter, T0 + NETWORK - media)) < 0.035
    assert segmenter.epochs[1].start >= segmenter.epochs[0].wall(Fraction(20))


@pytest.mark.parametrize("media", [-3600, -20, -0.2])
def test_so_is_one_back(media: float) -> None:
    segmenter = then(20, wall=0, media=media)
    assert segmenter.causes == [Cause.FIRST, Cause.BACK]
    assert abs(offset_error(segmenter, T0 + NETWORK - media)) < 0.035


def test_a_leap_too_small_to_be_one_is_drift() -> None:
    segmenter = then(30, wall=0, media=0.5)
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert abs(offset_error(segmenter, T0 + NETWORK - 0.5)) < 0.035


@pytest.mark.parametrize("media", [-0.05, 0.03])
def test_muxers_that_guess_durations_are_forgiven(media: float) -> None:
    assert then(20, wall=0, media=media, chunk=Fraction(1, 5)).causes == [Cause.FIRST]


@pytest.mark.parametrize("seconds", [0.5, 3, 600, DAY])
def test_missing_segments_and_pauses_leap_with_the_wall_clock(seconds: float) -> None:
    segmenter = then(90, wall=seconds, media=seconds)
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.early < PROMISE


@pytest.mark.parametrize("seconds", [0.6, 3, 20])
def test_an_encoder_whose_clock_stood_still_is_anchored_again(seconds: float) -> None:
    segmenter = then(20, wall=seconds, media=0)
    first, second = segmenter.epochs
    assert second.cause is Cause.DRIFT
    assert second.continues == first.id
    assert abs(offset_error(segmenter, T0 + NETWORK + seconds)) < 0.035
    assert segmenter.opened_at[1] - (T0 + 20 + seconds) < 3.1, "1 s, and a segment at worst"
    gap = second.start - first.wall(second.media_start)
    assert float(gap) == pytest.approx(seconds, abs=0.035), "no overlap"


def test_a_stalled_network_that_catches_up_is_only_a_stalled_network() -> None:
    chunks = [
        Sent(s.track, s.start, s.end, s.made, max(s.arrived, T0 + 23))
        if T0 + 20 < s.arrived < T0 + 23
        else s
        for s in encode(seconds=60)
    ]
    assert Segmenter().begin().feed(chunks).causes == [Cause.FIRST]


@pytest.mark.parametrize(
    ("wrap", "timescale"),
    [(Fraction(2**32, 90_000), 90_000), (Fraction(2**32, 10**7), 10**7), (MPEG_WRAP, 48_000)],
)
def test_time_stamps_that_wrap_go_on(wrap: Fraction, timescale: int) -> None:
    chunks = [
        Sent(s.track, s.start % wrap, s.start % wrap + FRAME, s.made, s.arrived)
        for s in encode(seconds=60, media=wrap - 20)
    ]
    segmenter = Segmenter().begin(timescale=timescale).feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    starts = [at.start for _, at in segmenter.placed]
    assert all(b - a == FRAME for a, b in pairwise(starts))
    assert segmenter.placed[-1][1].shift == wrap


def test_a_day_of_wraps_every_seven_minutes() -> None:
    wrap, chunk = Fraction(2**32, 10**7), Fraction(4)
    chunks = (
        Sent(s.track, s.start % wrap, s.start % wrap + chunk, s.made, s.arrived)
        for s in encode(seconds=DAY, chunk=chunk)
    )
    segmenter = Segmenter().begin(timescale=10**7).feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.placed[-1][1].shift == 201 * wrap


def test_a_wrap_in_a_pause_is_recognised_too() -> None:
    wrap = Fraction(2**32, 90_000)
    before = list(encode(seconds=10, media=wrap - 10))
    after = encode(seconds=10, since=T0 + 40, media=Fraction(30))
    segmenter = Segmenter().begin().feed([*before, *after])
    assert segmenter.causes == [Cause.FIRST]


def test_a_track_that_comes_after_the_wrap_of_the_others_joins_them() -> None:
    wrap = Fraction(2**32, 90_000)
    video = [
        Sent("v", s.start % wrap, s.start % wrap + FRAME, s.made, s.arrived)
        for s in encode(seconds=60, media=wrap - 20)
    ]
    audio = encode("a", seconds=10, since=T0 + 50, media=Fraction(30), chunk=Fraction(1, 50))
    segmenter = Segmenter().begin("v", "a").feed(merged(video, audio))
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.placed[-1][1].shift == wrap


# Tracks


def test_no_track_is_announced_before_it_is_there() -> None:
    """The best bit rate is encoded 400 ms slower than the worst, audio is ahead of both."""
    segmenter = (
        Segmenter()
        .begin("v", "low", "a")
        .feed(
            merged(
                encode("v", seconds=60, delay=0.5),
                encode("low", seconds=60, delay=0.1),
                encode("a", seconds=60, chunk=Fraction(1, 50)),
            )
        )
    )
    assert segmenter.causes == [Cause.FIRST]
    assert 0 <= offset_error(segmenter, T0 + NETWORK + 0.5) < 0.035
    assert abs(segmenter.drifts[-1][1]) < 0.01


def test_the_slowest_track_may_die_without_a_new_epoch() -> None:
    chunks = merged(encode(seconds=60), encode("slow", seconds=20, delay=0.5))
    segmenter = Segmenter().begin("v", "slow").feed(chunks)
    assert segmenter.causes == [Cause.FIRST]


def test_audio_that_appears_late_joins() -> None:
    audio = encode("a", seconds=40, since=T0 + 20, media=Fraction(20), chunk=Fraction(1, 50))
    segmenter = Segmenter().begin("v", "a").feed(merged(encode(seconds=60), audio))
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.placed[-1][1].shift == 0


def test_a_track_that_is_later_than_announced_is_drift_of_the_channel() -> None:
    audio = encode("a", seconds=40, since=T0 + 20, media=Fraction(20), delay=0.6)
    segmenter = Segmenter().begin("v", "a").feed(merged(encode(seconds=60), audio))
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert abs(offset_error(segmenter, T0 + NETWORK + 0.6)) < 0.035


def test_an_encoder_that_restarts_at_zero_opens_one_epoch_for_all_its_tracks() -> None:
    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20, chunk=Fraction(1, 50))))
    segmenter.begin("v", "a").feed(
        merged(
            encode(seconds=20, since=T0 + 25, delay=0.3),
            encode("a", seconds=20, since=T0 + 25, chunk=Fraction(1, 50)),
        )
    )
    first, second = segmenter.epochs
    assert (second.cause, second.continues) == (Cause.INIT, None)
    assert second.media_start == 0
    assert second.start > first.wall(Fraction(20))
    assert second.start_number > first.start_number
    assert abs(offset_error(segmenter, T0 + 25 + NETWORK + 0.3)) < 0.035


def test_one_upload_a_track_with_backlogs_is_still_one_restart() -> None:
    def held(track: str, until: float) -> Iterator[Sent]:
        for s in encode(track, seconds=20, since=T0 + 25):
            yield Sent(track, s.start, s.end, s.made, max(s.arrived, T0 + 25 + until))

    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20)))
    segmenter.begin("v", "a").feed(merged(held("v", 1.5), held("a", 1.8)))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]


def test_tracks_that_go_on_follow_one_that_restarts_alone() -> None:
    """One bit rate's upload starts again at 0: the others keep their place on the wall clock."""
    segmenter = Segmenter(leading="low").begin("v", "low")
    before = merged(encode(seconds=60), encode("low", seconds=30))
    again = list(encode("low", seconds=20, since=T0 + 40))
    segmenter.feed([s for s in before if s.arrived < again[0].arrived])
    segmenter.begin("low")
    segmenter.feed(merged((s for s in before if s.arrived >= again[0].arrived), again))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]
    last = {sent.track: (sent, at) for sent, at in segmenter.placed}
    sent, at = last["v"]
    assert at.run is last["low"][1].run
    assert at.epoch is not None
    wall = float(at.epoch.wall(at.start + FRAME))
    assert wall == pytest.approx(sent.made + NETWORK, abs=0.04)


def test_a_stray_chunk_of_the_old_upload_stays_in_the_old_epoch() -> None:
    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20)))
    old = segmenter.epochs[0]
    segmenter.begin("v").feed(encode(seconds=1, since=T0 + 20.5))
    at = segmenter.timeline.observe("a", Fraction(20), Fraction(201, 10), T0 + 21.6)
    assert at.epoch is old
    segmenter.begin("a").feed(encode("a", seconds=1, since=T0 + 20.5))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]


def test_resuming_is_a_gap() -> None:
    segmenter = Segmenter().begin().feed(encode(seconds=20))
    segmenter.timeline.begin("v", 90_000, resumes=True)
    segmenter.feed(encode(seconds=20, since=T0 + 25, media=Fraction(25)))
    assert segmenter.causes == [Cause.FIRST]
