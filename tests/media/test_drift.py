"""Encoders' clocks that are wrong, for days, with jitter and without."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sorgente.media.timeline import Timeline
from tests.media.simulation import (
    DAY,
    FRAME,
    HOUR,
    NETWORK,
    PROMISE,
    T0,
    Jitter,
    Segmenter,
    encode,
    no_jitter,
    offset_error,
    spiky_jitter,
    uniform_jitter,
)


@pytest.mark.parametrize(("ppm", "expected"), [(200, 230), (-200, 230), (50, 57), (-50, 57)])
def test_a_day_of_a_clock_that_is_wrong(ppm: int, expected: int) -> None:
    """17.3 s a day at 200 ppm, a new epoch every 75 ms of them."""
    segmenter = Segmenter(keep=False).begin()
    segmenter.feed(encode(seconds=DAY, chunk=Fraction(2), ppm=ppm))
    drifts = len(segmenter.epochs) - 1
    assert 0.8 * expected <= drifts <= expected
    assert segmenter.early < PROMISE
    wandered = float(segmenter.epochs[-1].offset - segmenter.epochs[0].offset)
    assert wandered == pytest.approx(DAY * ppm / 1e6, abs=0.1)
    assert max(abs(drift) for _, drift in segmenter.drifts) < PROMISE


@pytest.mark.parametrize("ppm", [-200, -50, 0, 50, 200])
@pytest.mark.parametrize("jitter", [no_jitter, uniform_jitter, spiky_jitter])
def test_drift_is_measured_within_a_millisecond_a_minute(ppm: int, jitter: Jitter) -> None:
    """Over half an hour: the end points may each be 12 ms late and a few wrong by jitter."""
    timeline = Timeline()
    timeline.begin("v", 90_000)
    measured: list[tuple[float, float]] = []
    for sent in encode(seconds=1800, chunk=Fraction(1, 5), ppm=ppm, jitter=jitter):
        at = timeline.observe("v", sent.start, sent.end, sent.arrived)
        if not at.run.epochs and at.run.ready(sent.arrived):
            timeline.open(Fraction(0), sent.arrived)
        measured.append((sent.made, float(at.run.drift)))
    (t1, d1), (t2, d2) = measured[len(measured) // 30], measured[-1]
    assert (d2 - d1) / (t2 - t1) * 60 == pytest.approx(ppm * 60e-6, abs=0.001)


@pytest.mark.parametrize("jitter", [uniform_jitter, spiky_jitter])
@pytest.mark.parametrize("chunk", [FRAME, Fraction(1, 5), Fraction(2)])
def test_jitter_alone_never_moves_the_anchor(jitter: Jitter, chunk: Fraction) -> None:
    seconds = float(min(15_000 * chunk, Fraction(8 * 3600)))
    segmenter = Segmenter(keep=False).begin()
    segmenter.feed(encode(seconds=seconds, chunk=chunk, jitter=jitter, seed=7))
    late_start = offset_error(segmenter, T0 + NETWORK, 0) > 0.075
    assert len(segmenter.epochs) == 1 + late_start, "a first chunk that was late is put right"
    assert 0 <= offset_error(segmenter, T0 + NETWORK) < 0.075
    assert segmenter.early <= 0, "jitter delays what is announced, never hurries it"


@pytest.mark.parametrize("ppm", [-200, 200])
def test_both_at_once(ppm: int) -> None:
    segmenter = Segmenter(keep=False).begin()
    segmenter.feed(encode(seconds=2 * HOUR, chunk=Fraction(1, 5), ppm=ppm, jitter=uniform_jitter))
    assert segmenter.early < PROMISE
    assert 15 <= len(segmenter.epochs) <= 22
