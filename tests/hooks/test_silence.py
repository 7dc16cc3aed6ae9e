from __future__ import annotations

from sorgente.hooks.silence import Silence


def steady(silence: Silence, now: float, count: int, every: float) -> float:
    """``count`` arrivals; returns when the last one came."""
    for number in range(1, count + 1):
        silence.note(number * 100, now + number * every)
    return now + count * every


def test_an_encoder_that_is_not_known_yet_may_be_as_slow_as_ffmpeg_is_at_its_defaults() -> None:
    silence = Silence(100.0)
    silence.note(50, 100.1)  # the init segment
    assert not silence.is_stall(117.0)
    assert silence.is_stall(121.0)


def test_of_one_that_sends_chunks_all_the_time_a_few_seconds_are_a_stall() -> None:
    silence = Silence(0.0)
    last = steady(silence, 0.0, 60, 0.5)
    assert not silence.is_stall(last + 2.9)
    assert silence.is_stall(last + 3.0)
    assert silence.lasts(last + 3.0) == 3.0


def test_one_that_sends_long_groups_is_not_called_silent_between_them() -> None:
    silence = Silence(0.0)
    last = steady(silence, 0.0, 10, 10.0)
    assert not silence.is_stall(last + 19.9)
    assert silence.is_stall(last + 20.0)


def test_a_long_silence_is_forgotten_when_it_goes_on_as_before() -> None:
    silence = Silence(0.0)
    last = steady(silence, 0.0, 60, 0.5) + 30.0
    silence.note(1_000_000, last)
    assert not silence.is_stall(last + 20.0), "it may do so again"
    for number in range(1, 121):
        silence.note(1_000_000 + number, last + number * 0.5)
    assert silence.is_stall(last + 60.0 + 3.1)


def test_one_that_broke_off_is_missed_at_once_and_until_it_sends_again() -> None:
    silence = Silence(0.0)
    silence.break_off(10.0)
    assert not silence.is_stall(12.9)
    assert silence.is_stall(13.0)
    silence.begin(14.0)
    assert silence.is_stall(14.0), "there, and nothing has come"
    silence.note(100, 14.5)
    assert not silence.is_stall(14.5)
    assert not silence.is_away
