"""``/time`` and what is announced are of one clock, whatever happens to the machine's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.support.on_air import FRAMES, Live
from tests.support.transport import House, body_of, header, status

MANIFEST = b"GET /live/live/manifest.mpd HTTP/1.1"
TICK = 0.25
BACK = [-0.3, -5.0, -10.0, -3600.0]
NS = {"m": "urn:mpeg:dash:schema:mpd:2011"}


@pytest.fixture
def house() -> House:
    return House(connections=1000, per_address=1000)


def told(house: House) -> float:
    """What a player hears of ``/time``."""
    answer = house.request(b"GET /time?iso&ms HTTP/1.1").written
    return datetime.fromisoformat(body_of(answer).decode()).timestamp()


def periods(house: House) -> list[str]:
    """Their ids, of a manifest that comes at once."""
    answer = house.request(MANIFEST).written
    assert status(answer) == 200
    return [each.attrib["id"] for each in ET.fromstring(body_of(answer)).findall("m:Period", NS)]


def growing(house: House, live: Live) -> int:
    """How many segments behind the newest that has begun is what grows by ``/time``."""
    period = live.presentation.newest_period
    assert period is not None
    elapsed = told(house) - float(period.epoch.start)
    due = period.epoch.start_number + int(elapsed / float(period.segment_duration))
    return live.presentation.tracks["video"].last_number - due


@pytest.mark.parametrize("step", BACK)
def test_on_the_air_nobody_notices_that_the_clock_is_set_back(house: House, step: float) -> None:
    live = Live(house)
    before, revision = told(house), live.presentation.revision
    house.clock.offset += step
    for _ in range(4):
        live.send(FRAMES)
        now, period = told(house), periods(house)
        assert now - before == pytest.approx(2.0, abs=0.01)
        assert len(period) == 1
        assert growing(house, live) == 0
        assert abs(live.presentation.drift) < 0.01
        before = now
    assert live.presentation.revision == revision


@pytest.mark.parametrize("step", BACK)
def test_an_encoder_that_returns_is_announced_at_once(house: House, step: float) -> None:
    live = Live(house)
    live.encoder.lose()
    first = periods(house)
    house.clock.offset += step
    house.pass_time(TICK)
    again = Live(house, frames=160)
    assert int(periods(house)[-1]) > int(first[-1])
    assert growing(house, again) == 0


@pytest.mark.parametrize("step", BACK)
def test_an_event_that_begins_when_another_is_over_is_announced_at_once(
    house: House, step: float
) -> None:
    live = Live(house)
    first, numbers = int(periods(house)[-1]), live.presentation.tracks["video"].last_number
    live.encoder.receive(b"0\r\n\r\n")
    house.clock.offset += step
    while house.broker.get("live") is not None:
        house.pass_time(TICK)
    before = told(house)
    again = Live(house, frames=160)
    assert told(house) > before
    assert int(periods(house)[-1]) > max(first, numbers)
    assert growing(house, again) == 0


@pytest.mark.parametrize("step", BACK)
def test_before_anything_was_announced_the_machine_is_believed(house: House, step: float) -> None:
    house.pass_time(TICK)
    house.clock.offset += step
    house.pass_time(TICK)
    slewed = step > -1
    assert told(house) - house.clock.wall() == pytest.approx(-step if slewed else 0.0, abs=0.01)
    live = Live(house)
    assert len(periods(house)) == 1
    assert growing(house, live) == 0


def test_the_machine_is_believed_again_when_all_is_over_and_its_time_new(house: House) -> None:
    live = Live(house)
    house.clock.offset -= 3600.0
    live.send(FRAMES)
    live.encoder.receive(b"0\r\n\r\n")
    while house.broker.get("live") is not None:
        house.pass_time(TICK)
    over = told(house)
    assert over - house.clock.wall() == pytest.approx(3600.0, abs=0.01)
    while house.clock.wall() < over - 10:
        house.pass_time(TICK)
        assert house.broker.utc.ahead > 3590
    for _ in range(80):
        house.pass_time(TICK)
    assert told(house) == pytest.approx(house.clock.wall(), abs=0.01)


def test_date_is_of_the_same_clock(house: House) -> None:
    """``http-head`` reads it."""
    Live(house)
    house.clock.offset -= 3600.0
    house.pass_time(TICK)
    answer = house.request(b"HEAD /time HTTP/1.1").written
    date = parsedate_to_datetime((header(answer, b"Date") or b"").decode())
    assert date.timestamp() == pytest.approx(told(house), abs=1.0)
