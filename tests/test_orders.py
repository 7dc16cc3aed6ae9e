"""What the broker does by order of whoever runs the origin, as encoders and players see it."""

from __future__ import annotations

import pytest

from sorgente.errors import NotFound
from sorgente.media.chunk import LAST_FRAME
from sorgente.media.report import report, subscribers
from tests.support.boxes import VIDEO
from tests.support.on_air import Live, framed
from tests.support.transport import House, RecordingTransport, status

PLAY = b"GET /play/live HTTP/1.1"
MANIFEST = b"GET /live/live/manifest.mpd HTTP/1.1"
PUBLISH = (b"POST /ingest/live HTTP/1.1", b"Transfer-Encoding: chunked")


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def live(house: House) -> Live:
    return Live(house, spec=VIDEO)


@pytest.fixture
def player(house: House, live: Live) -> RecordingTransport:
    return house.request(PLAY)


def state(house: House) -> str:
    channel = house.broker.get("live")
    assert channel is not None
    return report(channel, house.clock.now).state


def test_an_event_that_is_ended_ends_cleanly_and_stays_to_be_seen(
    house: House, live: Live, player: RecordingTransport
) -> None:
    house.broker.end("live", house.clock.now)
    assert status(live.encoder.written) == 410
    assert b"live was ended by the operator" in live.encoder.written
    assert player.written.endswith(LAST_FRAME)
    house.pass_time(0.1)
    assert state(house) == "ended"
    manifest = house.request(MANIFEST).written
    assert status(manifest) == 200
    house.pass_time(6)
    assert b'type="static"' in house.request(MANIFEST).written
    assert status(live.ask(0).written) == 200


def test_an_encoder_that_is_awaited_is_so_no_more_once_the_event_is_ended(
    house: House, live: Live, player: RecordingTransport
) -> None:
    live.encoder.lose()
    assert state(house) == "reconnecting"
    house.broker.end("live", house.clock.now)
    assert player.written.endswith(LAST_FRAME)
    house.pass_time(0.1)
    assert state(house) == "ended"


def test_an_event_that_was_ended_can_begin_again(house: House, live: Live) -> None:
    house.broker.end("live", house.clock.now)
    house.pass_time(0.1)
    Live(house, spec=VIDEO)
    assert state(house) == "live"


def test_of_a_channel_that_is_dropped_nothing_is_left(
    house: House, live: Live, player: RecordingTransport
) -> None:
    before = house.broker.totals()
    path = live.path(0)
    growing, held = live.ask(1), live.ask(2)
    assert held.written == b"", "it waits for what is next"
    house.broker.drop("live", house.clock.now)
    assert status(live.encoder.written) == 410
    assert player.aborted
    assert growing.aborted
    assert status(held.written) == 404
    assert house.broker.get("live") is None
    assert house.broker.bytes_held == 0
    assert house.broker.totals().chunks == before.chunks, "what happened, happened"
    assert status(house.request(b"GET %b HTTP/1.1" % path).written) == 404


def test_after_a_takeover_by_order_another_encoder_goes_on(
    house: House, live: Live, player: RecordingTransport
) -> None:
    got = len(player.written)
    house.broker.release("live", house.clock.now)
    assert status(live.encoder.written) == 409
    assert state(house) == "reconnecting"
    assert not player.aborted
    other = house.request(*PUBLISH)
    other.receive(framed(live.upload.init))
    other.receive(framed(live.upload.chunks[0]))
    assert state(house) == "live"
    assert len(player.written) > got


def test_players_have_numbers_and_can_be_cut_off(
    house: House, live: Live, player: RecordingTransport
) -> None:
    other = house.request(PLAY, b"User-Agent: tv")
    house.clock.advance(2)
    channel = house.broker.get("live")
    assert channel is not None
    first, second = subscribers(channel, house.clock.now)
    assert first.number < second.number
    assert (second.path, second.for_seconds, second.waiting) == ("live", 2.0, False)
    assert second.who.endswith("(tv)")
    house.broker.kick("live", first.number)
    assert player.aborted
    assert not other.aborted
    assert [each.number for each in subscribers(channel, house.clock.now)] == [second.number]
    with pytest.raises(NotFound, match=f"live has no subscriber {first.number}"):
        house.broker.kick("live", first.number)


def test_the_last_player_that_waits_takes_its_channel_along(house: House) -> None:
    waiting = house.request(b"GET /play/tomorrow HTTP/1.1")
    channel = house.broker.get("tomorrow")
    assert channel is not None
    (only,) = subscribers(channel, house.clock.now)
    assert only.waiting
    house.broker.kick("tomorrow", only.number)
    assert waiting.aborted
    assert house.broker.get("tomorrow") is None


@pytest.mark.parametrize("order", ["end", "drop", "release"])
def test_what_is_not_there_takes_no_orders(house: House, order: str) -> None:
    with pytest.raises(NotFound, match="there is no channel live"):
        getattr(house.broker, order)("live", house.clock.now)
