import pytest

from sorgente.media.utc import MAX_SLEW, UtcClock


def test_it_starts_right_and_grows_with_the_clock() -> None:
    utc = UtcClock(100.0, 1e9)
    assert utc.at(100.0) == 1e9
    assert utc.at(107.5) == 1e9 + 7.5


def test_a_wall_clock_that_runs_fast_is_followed_slowly_and_caught_up_with() -> None:
    utc = UtcClock(0.0, 1e9)
    before = utc.at(0.0)
    for step in range(1, 4001):
        now = step * 0.25
        utc.sync(now, 1e9 + now + 0.3, announced=True)
        assert 0 < utc.at(now) - before <= 0.25 * (1 + MAX_SLEW) + 1e-6
        before = utc.at(now)
    assert abs(utc.at(1000.0) - (1e9 + 1000.3)) < 1e-6


def test_a_wall_clock_set_back_a_little_never_takes_it_back() -> None:
    utc = UtcClock(0.0, 1e9)
    before = utc.at(0.0)
    for step in range(1, 100):
        now = step * 0.25
        utc.sync(now, 1e9 + now - 0.9, announced=True)
        assert utc.at(now) > before
        before = utc.at(now)


def test_a_machine_that_learns_the_year_late_is_believed() -> None:
    utc = UtcClock(0.0, 0.0)
    utc.sync(1.0, 1.7e9, announced=True)
    assert utc.at(1.0) == 1.7e9


def test_a_machine_that_learns_the_time_before_anything_is_announced_is_believed() -> None:
    utc = UtcClock(0.0, 1e9)
    utc.sync(1.0, 1e9 - 3599, announced=False)
    assert utc.at(1.0) == 1e9 - 3599
    assert utc.ahead == 0


@pytest.mark.parametrize("step", [-5.0, -3600.0])
def test_a_wall_clock_set_back_does_not_take_back_what_was_announced(step: float) -> None:
    """It is followed when it is behind all that was."""
    utc = UtcClock(0.0, 1e9)
    utc.sync(10.0, 1e9 + 10, announced=True)
    utc.sync(11.0, 1e9 + 11 + step, announced=True)
    assert utc.at(11.0) == 1e9 + 11
    assert utc.ahead == -step
    assert utc.of(1e9 + 11 + step) == 1e9 + 11
    utc.sync(11.0 - step, 1e9 + 11, announced=False)
    assert utc.ahead == -step
    utc.sync(11.5 - step, 1e9 + 11.5, announced=False)
    assert utc.ahead == 0


def test_a_step_that_is_taken_back_leaves_no_trace() -> None:
    utc = UtcClock(0.0, 1e9)
    utc.sync(1.0, 1e9 - 3599, announced=True)
    utc.sync(2.0, 1e9 + 2, announced=True)
    assert (utc.at(2.0), utc.ahead) == (1e9 + 2, 0)
