"""How chunks come."""

from __future__ import annotations

import pytest

from sorgente.media.pulse import Pulse


def test_nothing_is_known_of_the_first_chunk() -> None:
    pulse = Pulse()
    pulse.note(10.0, 0.2)
    assert (pulse.interval, pulse.jitter, pulse.age) == (None, None, None)


def test_chunks_on_the_beat_have_no_jitter() -> None:
    pulse = Pulse()
    for number in range(100):
        pulse.note(number / 4, 0.25)
    assert pulse.interval == 0.25
    assert pulse.jitter == 0.0


def test_jitter_grows_to_what_chunks_stray() -> None:
    pulse = Pulse()
    for number in range(300):
        pulse.note(number * 0.2 + (0.05 if number % 2 else 0.0), 0.2)
    assert pulse.interval == pytest.approx(0.2, abs=0.01)
    assert pulse.jitter == pytest.approx(0.05, abs=0.001)


def test_an_encoder_that_was_away_is_not_late() -> None:
    pulse = Pulse()
    for now in (0.0, 0.2, 0.4):
        pulse.note(now, 0.2)
    pulse.note_age(0.3)
    pulse.pause()
    pulse.note(60.0, 0.2)
    assert pulse.jitter == pytest.approx(0.0)
    assert pulse.interval == pytest.approx(0.2)
    assert pulse.age is None, "it is another encoder's word"
