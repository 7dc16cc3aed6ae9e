"""The MPD for clients that do not know where a Period starts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sorgente.dash.listing import LISTED, render_listed
from sorgente.dash.manifest import render
from tests.dash.reader import Mpd, seconds
from tests.dash.rules import RULES
from tests.dash.schemas import complaints
from tests.dash.snapshots import MATRIX, NOON, presentation

LIVE = [name for name, snapshot in MATRIX.items() if not snapshot.ended]
LATER = NOON + Fraction("33.3")


@pytest.mark.parametrize("name", LIVE)
def test_it_is_an_mpd_like_any_other(name: str) -> None:
    text = render_listed(MATRIX[name], LATER)
    assert complaints("DASH-MPD.xsd", text) == ""
    mpd = Mpd(text)
    assert [rule.id for rule in RULES if rule.applies(mpd) and list(rule.broken(mpd))] == []


@pytest.mark.parametrize("name", LIVE)
def test_it_ends_with_the_segment_that_grows(name: str) -> None:
    everything, mpd = Mpd(render(MATRIX[name])), Mpd(render_listed(MATRIX[name], LATER))
    assert len(mpd.periods) == 1
    assert mpd.periods[0].attrib["id"] == everything.periods[-1].attrib["id"]
    start = seconds(mpd.periods[0].attrib["start"])
    for each in mpd.representations:
        *_, growing = listed = list(each.listed())
        assert growing.start <= LATER < growing.start + growing.duration
        assert len(listed) == min(LISTED, int((LATER - start) / growing.duration) + 1)
        assert growing.number - each.start_number + 1 == len(listed)


def test_of_a_channel_that_has_just_begun() -> None:
    for now in (NOON - 1, NOON, NOON + 1):
        for each in Mpd(render_listed(MATRIX["video and audio"], now)).representations:
            assert [segment.start for segment in each.listed()] == [NOON]


def test_of_an_event_that_is_over_there_is_one_mpd() -> None:
    period = replace(MATRIX["one video"].periods[0], end=NOON + 20)
    for over in (presentation(period, ended=True), presentation(period, ended=True, farewell=True)):
        assert render_listed(over, LATER) == render(over)
