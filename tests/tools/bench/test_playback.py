"""The buffer, on paper."""

from __future__ import annotations

import pytest

from sorgente.tools.bench.playback import Playback

CHUNK = 0.2


def fed(playback: Playback, arrivals: list[float], track: int = 0, first: float = 100.0) -> None:
    """A chunk at each of these times."""
    for index, now in enumerate(arrivals):
        start = first + index * CHUNK
        playback.append(track, start, start + CHUNK, now)


def begins(playback: Playback) -> list[float]:
    return [each.began for each in playback.stalls]


def stalled(playback: Playback, until: float, since: float = 0.0) -> float:
    return sum(each.between(since, until) for each in playback.stalls)


def steady(count: int, begin: float = 0.0) -> list[float]:
    return [begin + index * CHUNK for index in range(count)]


def test_a_steady_stream_never_stalls() -> None:
    playback = Playback(1, 0.4)
    fed(playback, steady(50))
    assert playback.stalls == []
    assert playback.started_at == 0.0
    assert 0.1 < playback.level <= 0.4


def test_what_was_there_on_joining_is_not_all_played() -> None:
    """It begins ``delay`` behind the newest, not at the start of what came in one go."""
    playback = Playback(1, 0.5)
    fed(playback, [0.0] * 10)
    playback.settle(0.1)
    assert playback.level == pytest.approx(0.4)


def test_a_pause_shorter_than_the_buffer_is_not_seen() -> None:
    playback = Playback(1, 0.5)
    fed(playback, [0.0] * 5 + [0.2, 0.4, 0.85])
    assert playback.stalls == []


def test_a_pause_longer_than_the_buffer_is_a_stall() -> None:
    playback = Playback(1, 0.5)
    fed(playback, [0.0] * 5 + [0.2, 0.4, 1.5, 1.6, 1.7, 1.9])
    assert begins(playback) == [pytest.approx(0.9)]
    assert stalled(playback, 2.0) == pytest.approx(0.8), "until there are 0.5 s again, at 1.7"


def test_a_stall_that_lasts_counts_until_now() -> None:
    playback = Playback(1, 0.5)
    fed(playback, [0.0] * 5)
    playback.settle(10.0)
    playback.settle(11.0)
    assert begins(playback) == [pytest.approx(0.5)]
    assert stalled(playback, 11.0) == pytest.approx(10.5)


def test_the_track_that_is_behind_decides() -> None:
    playback = Playback(2, 0.4)
    fed(playback, steady(5))
    assert playback.started_at is None, "there is no sound yet"
    fed(playback, [0.9] * 5, track=1)
    fed(playback, steady(20, 1.0), first=101.0)
    assert len(playback.stalls) == 1, "the sound has ended"


def test_a_gap_of_the_timeline_is_jumped_over() -> None:
    playback = Playback(1, 0.4)
    fed(playback, steady(5))
    fed(playback, steady(5, 1.0), first=500.0)
    assert (playback.stalls, playback.jumps) == ([], 1)


def test_the_same_again_changes_nothing() -> None:
    playback = Playback(1, 0.4)
    fed(playback, [0.0] * 5)
    playback.settle(0.1)
    level = playback.level
    playback.append(0, 100.0, 100.2, 0.1)
    assert playback.level == level


def test_who_asks_again_begins_again() -> None:
    """On a timeline that has begun anew: one stall, from the end of what there was."""
    playback = Playback(1, 0.5)
    fed(playback, [0.0] * 5 + [0.2, 0.4])
    playback.restart(3.0)
    fed(playback, steady(100, 3.0), first=0.0)
    assert begins(playback) == [pytest.approx(0.9)]
    assert stalled(playback, 30.0) == pytest.approx(2.5), "0.5 s are there again at 3.4"
    assert 0.1 < playback.level <= 0.7


def test_who_asks_again_at_once_stalls_until_it_has_enough() -> None:
    playback = Playback(1, 0.5)
    fed(playback, [0.0] * 5 + [0.2, 0.4])
    playback.restart(0.5)
    fed(playback, [0.5] * 10, first=98.0)
    playback.settle(0.6)
    assert begins(playback) == [0.5]
    assert stalled(playback, 9.0) == 0.0, "as one that joins, from the newest"
    assert playback.level == pytest.approx(0.4)


def test_who_asks_again_before_it_has_begun_has_not_stalled() -> None:
    playback = Playback(1, 0.5)
    playback.append(0, 100.0, 100.2, 0.0)
    playback.restart(0.0)
    fed(playback, steady(10, 1.0), first=0.0)
    assert playback.stalls == []
