"""Who is there, how they fare, and what is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.cmcd.report import Pair, Report
from sorgente.cmcd.viewers import (
    LOOKED_AT,
    SAMPLE_SECONDS,
    STALL_SECONDS,
    VIEWER_SECONDS,
    Quantiles,
    Viewers,
    quantiles,
)


def test_of_many_the_quantiles_are_values_of_theirs() -> None:
    viewers = Viewers()
    for number in range(100):
        told = Report(
            b"%d" % number, "dash", buffer=Pair(number / 10, 50.0), bit_rate=Pair(1e6, 1e5),
            latency=1.0, throughput=2e7, playback_rate=1.1,
        )  # fmt: skip
        viewers.hear(told, 1.0)
    seen = viewers.report(2.0)
    assert (seen.sessions, seen.formats, seen.reports) == (100, {"dash": 100}, 100)
    assert seen.buffer == Quantiles(0.4, 4.9, 9.4), "of picture and sound, what is less"
    assert seen.bit_rate == Quantiles(1.1e6, 1.1e6, 1.1e6)
    assert (seen.latency, seen.throughput) == (Quantiles(1, 1, 1), Quantiles(2e7, 2e7, 2e7))
    assert seen.playback_rate == Quantiles(1.1, 1.1, 1.1)


def test_what_is_left_out_is_as_it_was() -> None:
    viewers = Viewers()
    viewers.hear(Report(b"a", "dash", "playing", Pair(2.0), Pair(3e6), latency=1.0), 0.0)
    viewers.hear(Report(b"a", None, None, Pair(None, 5.0), Pair(None, 1e5)), 1.0)
    seen = viewers.report(1.0)
    assert (seen.sessions, seen.states) == (1, {"playing": 1})
    assert (seen.buffer, seen.latency) == (Quantiles(2, 2, 2), Quantiles(1, 1, 1))
    assert seen.bit_rate == Quantiles(3.1e6, 3.1e6, 3.1e6)
    viewers.hear(Report(b"a", None, None, Pair(9.0)), 2.0)
    assert viewers.report(2.0).buffer == Quantiles(5, 5, 5)


def test_of_what_nobody_says_nothing_is_known() -> None:
    viewers = Viewers()
    viewers.hear(Report(b"a"), 0.0)
    seen = viewers.report(0.0)
    assert (seen.sessions, seen.formats, seen.states) == (1, {"unknown": 1}, {})
    assert seen.latency is seen.buffer is seen.bit_rate is seen.throughput is None
    assert viewers.report(VIEWER_SECONDS + 0.1).playback_rate is None


def test_who_is_silent_is_gone() -> None:
    viewers = Viewers()
    viewers.hear(Report(b"a", "dash"), 0.0)
    viewers.hear(Report(b"b", "hls"), 1.0)
    viewers.hear(Report(b"a"), 2.0)
    assert viewers.report(VIEWER_SECONDS + 1.0).sessions == 2
    assert viewers.report(VIEWER_SECONDS + 1.1).formats == {"dash": 1}
    viewers.hear(Report(b"c"), VIEWER_SECONDS * 3)
    assert len(viewers) == 1


@pytest.mark.parametrize("state", ["ended", "failed", "quit"])
def test_who_says_that_it_is_over_is_gone_at_once(state: object) -> None:
    viewers = Viewers()
    for told in (None, state, state):
        viewers.hear(Report(b"a", "dash", told), 0.0)  # type: ignore[arg-type]
    assert (len(viewers), viewers.formats, viewers.reports) == (0, {}, 3)


def test_a_stall_is_one_however_often_it_is_told() -> None:
    viewers = Viewers()
    viewers.hear(Report(b"a"), 0.0)
    viewers.hear(Report(b"a", state="rebuffering"), 11.0)
    viewers.hear(Report(b"a", state="rebuffering"), 12.0)
    for at in (13.0, 13.1, 13.2):
        viewers.hear(Report(b"a", state="playing", starved=True, starved_seconds=1.5), at)
    seen = viewers.report(13.2)
    assert (seen.stalls, seen.stalled_seconds, seen.stalled) == (1, 1.5, 1.0)
    viewers.hear(Report(b"a", starved=True), 13.3 + STALL_SECONDS)
    assert viewers.report(19.0).stalls == 2


def test_how_a_player_begins_is_no_stall() -> None:
    """dash.js: ``sta=s``, then ``bs,sta=r`` with both first segments."""
    viewers = Viewers()
    viewers.hear(Report(b"a", state="starting"), 0.0)
    for at in (0.1, 0.2, STALL_SECONDS):
        viewers.hear(Report(b"a", state="rebuffering", starved=True), at)
        viewers.hear(Report(b"a", state="playing"), at)
    assert (viewers.report(6.0).stalls, viewers.report(6.0).stalled) == (0, 0.0)
    viewers.hear(Report(b"a", state="rebuffering"), STALL_SECONDS + 0.1)
    assert viewers.report(6.0).stalls == 1


def test_how_many_stalled_is_told_of_those_who_are_there() -> None:
    viewers = Viewers()
    for at in (0.0, 9.0):
        for number in range(10):
            viewers.hear(Report(b"%d" % number, starved=number < 3), at)
    assert viewers.report(9.0).stalled == 0.3
    for number in range(10):
        viewers.hear(Report(b"%d" % number), VIEWER_SECONDS - 1)
    assert viewers.report(VIEWER_SECONDS + 9.1).stalled == 0.0, "a while ago"
    assert viewers.report(VIEWER_SECONDS + 9.1).stalls == 3


def test_a_session_counts_in_histograms_every_so_often() -> None:
    viewers = Viewers()
    for tick in range(21):
        viewers.hear(Report(b"a", buffer=Pair(0.4), latency=1.0), tick * SAMPLE_SECONDS / 10)
    assert sum(viewers.buffer.counts) == sum(viewers.latency.counts) == 3
    assert sum(viewers.byte_rate.counts) == 0
    assert viewers.buffer.total == pytest.approx(1.2)


def test_quantiles_are_of_those_who_were_heard_of_last() -> None:
    viewers = Viewers()
    for number in range(LOOKED_AT + 500):
        viewers.hear(Report(b"%d" % number, latency=9.0 if number < 500 else 1.0), 0.0)
    seen = viewers.report(0.0)
    assert seen.sessions == LOOKED_AT + 500
    assert seen.latency == Quantiles(1, 1, 1)


def test_failures_are_counted() -> None:
    viewers = Viewers()
    viewers.hear(Report(b"a", failed=True), 0.0)
    assert viewers.report(0.0).failures == 1


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_quantiles_are_in_order(values: list[float]) -> None:
    found = quantiles(values)
    if not values:
        assert found is None
        return
    assert found is not None
    assert min(values) <= found.p5 <= found.p50 <= found.p95 <= max(values)
    assert {found.p5, found.p50, found.p95} <= set(values)


STATES = st.sampled_from([None, "playing", "rebuffering", "ended", "quit"])
REPORTS = st.builds(
    Report,
    session=st.sampled_from([b"a", b"b", b"c"]),
    format=st.sampled_from([None, "dash", "hls"]),
    state=STATES,
    buffer=st.builds(Pair, st.none() | st.floats(0, 9), st.none() | st.floats(0, 9)),
    starved=st.booleans(),
    starved_seconds=st.none() | st.floats(0, 9),
)


@given(st.lists(st.tuples(REPORTS, st.floats(0, 30)), max_size=60))
def test_whatever_is_said_the_sums_agree(told: list[tuple[Report, float]]) -> None:
    viewers, now = Viewers(), 0.0
    for report, later in told:
        now += later
        viewers.hear(report, now)
        seen = viewers.report(now)
        assert sum(seen.formats.values()) == seen.sessions == len(viewers) <= 3
        assert sum(seen.states.values()) <= seen.sessions
        assert 0 <= seen.stalled <= 1
        assert seen.stalls <= seen.reports
    assert viewers.report(now).reports == len(told)
    assert viewers.report(now + VIEWER_SECONDS + 1).sessions == 0
