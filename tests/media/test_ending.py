"""When the event is over."""

from __future__ import annotations

import pytest

from sorgente.media.ending import FAREWELL, Ending
from sorgente.media.publisher import Outcome

LINGER, ABSENCE = 10.0, 60.0
NOW = 1000.0


@pytest.fixture
def ending() -> Ending:
    return Ending(LINGER, ABSENCE)


@pytest.mark.parametrize(
    ("outcome", "patience"), [(Outcome.COMPLETE, LINGER), (Outcome.BROKEN, ABSENCE)]
)
def test_an_encoder_is_awaited_as_long_as_its_end_was_clean(
    ending: Ending, outcome: Outcome, patience: float
) -> None:
    ending.expect(outcome, NOW)
    assert ending.is_near
    assert not ending.comes(NOW + patience - 0.1)
    assert ending.comes(NOW + patience)
    assert not ending.comes(NOW + patience), "it is said once"


def test_it_lingers_only_if_all_came_to_a_clean_end(ending: Ending) -> None:
    ending.expect(Outcome.COMPLETE, NOW)
    assert ending.lingers
    ending.broken = True
    assert not ending.lingers


def test_an_encoder_that_comes_calls_it_off(ending: Ending) -> None:
    ending.expect(Outcome.COMPLETE, NOW)
    assert not ending.call_off(), "it was not over"
    assert not ending.is_near
    assert not ending.comes(NOW + LINGER)


def test_those_who_watch_are_told_and_then_have_been(ending: Ending) -> None:
    ending.begin(NOW)
    assert ending.over
    assert ending.is_farewell
    assert not ending.is_known(NOW + FAREWELL - 0.1)
    assert ending.is_known(NOW + FAREWELL)
    assert not ending.is_farewell
    assert not ending.is_known(NOW + FAREWELL), "it is said once"


def test_an_event_that_is_over_may_go_on(ending: Ending) -> None:
    ending.begin(NOW)
    assert ending.call_off()
    assert not ending.over
    assert not ending.is_known(NOW + FAREWELL)


def test_nobody_waits_for_one_that_goes_on(ending: Ending) -> None:
    ending.hasten(NOW)
    assert not ending.comes(NOW)
    ending.expect(Outcome.COMPLETE, NOW)
    ending.hasten(NOW + 1)
    assert ending.comes(NOW + 1)
