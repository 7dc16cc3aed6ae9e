"""An MPD and the one after it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sorgente.tools.check.updates import UPDATES, Update
from sorgente.tools.mpd.presentation import read_mpd
from tests.support.other_mpd import GOOD, LISTED, PERIOD, altered

URL = "http://cdn.example/manifest.mpd"
NEWER = {"2026-11-22T12:00:00Z\" minimum": "2026-11-22T12:00:02Z\" minimum"}  # fmt: skip
NEXT = PERIOD.replace('"P0"', '"P1"').replace("1795348800", "1795348850")
BOTH = altered({"</Period>\n": "</Period>\n" + NEXT})
RECORDING = altered({
    'type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z"': 'type="static"',
    "PT1795348800S": "PT0S",
})  # fmt: skip
NOW = Fraction(1795348860)


def broken(before: str, after: str, now: Fraction = NOW) -> set[str]:
    old, new = (read_mpd(text.encode(), URL) for text in (before, after))
    return {each.rule.name for each in UPDATES.judge(Update(old, new, before != after, now))}


def newer(text: str = GOOD, **_: object) -> str:
    return altered(NEWER, text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(GOOD, GOOD, id="the same"),
        pytest.param(GOOD, newer(), id="newer"),
        pytest.param(LISTED, newer(altered({'r="9"': 'r="10"'}, LISTED)), id="a segment more"),
        pytest.param(
            LISTED,
            newer(altered({'startNumber="1"': 'startNumber="3"', 't="0"': 't="25600"'}, LISTED)),
            id="two segments less",
        ),
        pytest.param(GOOD, newer(BOTH), id="a period more"),
        pytest.param(GOOD, newer(RECORDING), id="the event is over, and a recording"),
    ],
)
def test_good(before: str, after: str) -> None:
    assert broken(before, after) == set()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(newer(), GOOD, {"publish-time"}, id="older"),
        pytest.param(GOOD, altered({'max="4000"': 'max="4001"'}), {"publish-time"}, id="not newer"),
        pytest.param(
            GOOD,
            newer(altered({"1970-01-01": "1970-01-02"})),
            {"start-time-constant", "period-constant", "segments-constant"},
            id="another start",
        ),
        pytest.param(
            GOOD,
            newer(altered({"PT1795348800S": "PT1795348801S"})),
            {"period-constant", "segments-constant"},
            id="the period moves",
        ),
        pytest.param(
            GOOD,
            newer(altered({'startNumber="1"': 'startNumber="0"'})),
            {"segments-forward", "segments-constant"},
            id="numbers go back",
        ),
        pytest.param(
            LISTED,
            newer(altered({'r="9"': 'r="8"'}, LISTED)),
            {"segments-forward"},
            id="a segment less at the edge",
        ),
        pytest.param(
            LISTED,
            newer(altered({'t="0"': 't="12800"'}, LISTED)),
            {"segments-constant"},
            id="numbers do not move with the list",
        ),
        pytest.param(
            GOOD,
            newer(altered({'id="v2"': 'id="v3"'})),
            {"representation-kept"},
            id="a representation goes",
        ),
    ],
)
def test_bad(before: str, after: str, expected: set[str]) -> None:
    assert broken(before, after) == expected


def test_a_period_goes_when_its_time_shift_is_over() -> None:
    alone = altered({PERIOD: NEXT}, newer())
    end = Fraction(1795348850)
    assert broken(BOTH, alone, end + 31) == set()
    assert broken(BOTH, alone, end + 29) == {"period-kept"}
