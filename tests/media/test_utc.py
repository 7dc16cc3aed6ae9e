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
        utc.sync(now, 1e9 + now + 0.3)
        assert 0 < utc.at(now) - before <= 0.25 * (1 + MAX_SLEW) + 1e-6
        before = utc.at(now)
    assert abs(utc.at(1000.0) - (1e9 + 1000.3)) < 1e-6


def test_a_wall_clock_set_back_a_little_never_takes_it_back() -> None:
    utc = UtcClock(0.0, 1e9)
    before = utc.at(0.0)
    for step in range(1, 100):
        now = step * 0.25
        utc.sync(now, 1e9 + now - 0.9)
        assert utc.at(now) > before
        before = utc.at(now)


def test_a_machine_that_learns_the_year_late_is_believed() -> None:
    utc = UtcClock(0.0, 0.0)
    utc.sync(1.0, 1.7e9)
    assert utc.at(1.0) == 1.7e9
