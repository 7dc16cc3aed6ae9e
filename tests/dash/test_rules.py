"""Every MPD of the matrix against every rule that applies to it."""

from __future__ import annotations

import pytest

from sorgente.dash.manifest import render
from tests.dash.reader import Mpd
from tests.dash.rules import DEVIATIONS, RULES, Rule
from tests.dash.snapshots import MATRIX

MPDS = {name: Mpd(render(snapshot)) for name, snapshot in MATRIX.items()}
CASES = [
    pytest.param(rule, mpd, id=f"{rule.id}: {name}")
    for rule in RULES
    for name, mpd in MPDS.items()
    if rule.applies(mpd)
]


@pytest.mark.parametrize(("rule", "mpd"), CASES)
def test_rule(rule: Rule, mpd: Mpd) -> None:
    broken = list(rule.broken(mpd))
    assert not broken, f"{rule.id}: {rule.says}"


def test_every_rule_applies_to_something() -> None:
    assert {rule.id for rule in RULES if not any(map(rule.applies, MPDS.values()))} == set()


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations_are_what_they_say(name: str) -> None:
    _, used = DEVIATIONS[name]
    assert not [case for case, mpd in MPDS.items() if list(used(mpd))]
