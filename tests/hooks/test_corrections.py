"""With a real timeline, whose encoder's clock is wrong."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from sorgente.hooks.corrections import Corrections
from sorgente.media.timeline import Timeline
from tests.media.simulation import T0

CHUNK = Fraction(1, 5)


class Slow:
    """An encoder that needs ``rate`` seconds for one; a segment of 2 s at a time is looked at."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.timeline = Timeline()
        self.timeline.begin("v", 90_000)
        self.sent = 0

    def send(self, seconds: int) -> float:
        """Returns the time of the last chunk, of a clock that began at 0."""
        for _ in range(seconds * 5):
            start = self.sent * CHUNK
            self.sent += 1
            arrived = T0 + float(self.sent * CHUNK) * self.rate
            at = self.timeline.observe("v", start, start + CHUNK, arrived)
            first = not at.run.epochs and at.run.ready(arrived)
            if first or (at.run.due and start % 2 == 0):
                self.timeline.open(start, arrived)
        return float(self.sent * CHUNK) * self.rate


def test_an_encoder_whose_clock_is_right_is_not_heard_of() -> None:
    encoder, corrections = Slow(1.0), Corrections()
    now = encoder.send(100)
    assert not corrections.look(encoder.timeline.run, now)


def drifts(encoder: Slow, seconds: int) -> list[tuple[float, float, int]]:
    """When it was told of, by how much media are later, and how often that was corrected."""
    corrections, told = Corrections(), list[tuple[float, float, int]]()
    for _ in range(seconds):
        now = encoder.send(1)
        if corrections.look(encoder.timeline.run, now):
            told.append((now, float(corrections.seconds), corrections.count))
            corrections.told(now)
    return told


@pytest.mark.parametrize("rate", [1.001, 0.999])
def test_each_correction_is_told_with_how_far_it_went(rate: float) -> None:
    told = drifts(Slow(rate), 600)
    assert len(told) >= 4
    assert {count for _, _, count in told} == {1}
    assert all(0.075 < (seconds if rate > 1 else -seconds) < 0.12 for _, seconds, _ in told), told


def test_one_that_cannot_keep_up_is_told_of_once_a_minute() -> None:
    told = drifts(Slow(1.02), 300)
    assert len(told) == 5
    assert all(later[0] - earlier[0] >= 60 for earlier, later in pairwise(told))
    assert all(0.7 < seconds < 1.4 and count > 1 for _, seconds, count in told[1:]), told


def test_nothing_on_the_air_is_nothing_to_tell() -> None:
    assert not Corrections().look(None, 100.0)
