"""Real encoders' and players' connections, without a network, and a clock of the test's."""

from __future__ import annotations

import msgspec
import pytest

from sorgente.hooks.event import Event
from sorgente.hooks.watch import Watch
from tests.support.boxes import VIDEO
from tests.support.clock import FakeClock
from tests.support.live import video
from tests.support.on_air import Live, framed
from tests.support.transport import House, RecordingTransport


class Place:
    """An origin's inside with a watch, which looks twice a second."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.house = House(another_journal=self._watch)

    def _watch(self, clock: FakeClock) -> Watch:
        self.watch = Watch(clock.monotonic, clock.wall, self.events.append)
        return self.watch

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.house.pass_time(0.5)
            self.watch.look(self.house.broker)

    def send(self, live: Live, seconds: int) -> None:
        """In real time."""
        for _ in range(seconds * 2):
            live.send(12 if live.sent % 25 == 0 else 13)
            self.watch.look(self.house.broker)

    def upload(self, path: bytes, *pieces: bytes) -> RecordingTransport:
        encoder = self.house.request(b"POST %b HTTP/1.1" % path, b"Transfer-Encoding: chunked")
        for piece in pieces:
            encoder.receive(framed(piece))
        return encoder

    def told(self) -> list[dict[str, object]]:
        """What was, since it was asked last, without the time."""
        events = [msgspec.json.decode(msgspec.json.encode(event)) for event in self.events]
        self.events.clear()
        for event in events:
            assert event.pop("timestamp").endswith("Z")
        return events

    def types(self) -> list[object]:
        return [event["type"] for event in self.told()]


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_upload_that_comes_and_ends_cleanly(place: Place) -> None:
    encoder = place.upload(b"/ingest/live", video(5).whole)
    encoder.receive(b"0\r\n\r\n")
    published, unpublished = place.told()
    assert published["type"] == "channel.publish"
    assert published["channel"] == "live"
    assert str(published["publisher"]).startswith("127.0.0.1:5000")
    assert unpublished["type"] == "channel.unpublish"
    assert unpublished["complete"] is True
    assert unpublished["channel"] == "live"
    place.pass_time(200)
    assert place.told() == []


def test_the_time_is_when_it_happened(place: Place) -> None:
    place.upload(b"/ingest/live", video(5).whole)
    (event,) = place.events
    assert event.timestamp.timestamp() == place.house.clock.wall()


def test_tracks_of_a_channel_are_one_channel(place: Place) -> None:
    first = place.upload(b"/ingest/live/video", video(5).whole)
    second = place.upload(b"/ingest/live/low", video(5).whole)
    assert place.types() == ["channel.publish"]
    first.receive(b"0\r\n\r\n")
    assert place.types() == []
    second.receive(b"0\r\n\r\n")
    assert place.types() == ["channel.unpublish"]


def test_an_encoder_that_breaks_off_and_comes_back(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    assert place.types() == ["channel.publish"]
    place.send(live, 2)
    live.encoder.lose(ConnectionResetError())
    place.pass_time(2.5)
    assert place.told() == [], "it may be back at once"
    place.pass_time(1)
    (stall,) = place.told()
    assert stall == {
        "type": "channel.stall", "channel": "live", "paths": ["live"], "reason": "away",
        "seconds": stall["seconds"],
    }  # fmt: skip
    assert 3 <= float(str(stall["seconds"])) < 4
    place.upload(b"/ingest/live", live.upload.init, *live.upload.chunks[:25])
    place.pass_time(0.5)
    assert place.types() == ["channel.resume"]


def test_one_that_does_not_come_back_is_off_the_air_when_nobody_awaits_it(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    live.encoder.lose(ConnectionResetError())
    place.pass_time(59)
    assert place.types() == ["channel.publish", "channel.stall"]
    place.pass_time(2)
    (unpublished,) = place.told()
    assert unpublished["type"] == "channel.unpublish"
    assert unpublished["complete"] is False
    assert unpublished["reason"]
    place.pass_time(200)
    assert place.told() == []


def test_one_that_is_connected_and_silent(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    place.send(live, 20)
    place.pass_time(2.5)
    assert place.types() == ["channel.publish"]
    place.pass_time(3)
    (stall,) = place.told()
    assert (stall["type"], stall["reason"]) == ("channel.stall", "silent")
    live.send(10)
    place.pass_time(0.5)
    assert place.types() == ["channel.resume"]
    place.pass_time(0.5)
    assert place.told() == []


def test_a_track_that_is_missing_among_others(place: Place) -> None:
    chunks = video(2000, gop=25)
    first = place.upload(b"/ingest/live/video", chunks.init)
    second = place.upload(b"/ingest/live/low", chunks.init)
    for index in range(0, 250, 25):
        for encoder in (first, second):
            encoder.receive(framed(b"".join(chunks.chunks[index : index + 25])))
        place.pass_time(1)
    second.lose(ConnectionResetError())
    for index in range(250, 375, 25):
        first.receive(framed(b"".join(chunks.chunks[index : index + 25])))
        place.pass_time(1)
    _, stall = place.told()
    assert (stall["paths"], stall["reason"]) == (["live/low"], "away")
    for index in range(375, 1875, 25):
        first.receive(framed(b"".join(chunks.chunks[index : index + 25])))
        place.pass_time(1)
    assert place.types() == ["channel.resume"], "it is not awaited any longer"
    first.lose(ConnectionResetError())
    place.pass_time(4)
    assert [event["paths"] for event in place.told()] == [["live/video"]]


def test_an_order_of_the_operator_ends_it(place: Place) -> None:
    Live(place.house, spec=VIDEO)
    place.house.broker.end("live", place.house.clock.now)
    _, unpublished = place.told()
    assert unpublished["complete"] is True
    assert "operator" in str(unpublished["reason"])


def test_what_is_forgotten_by_order_is_off_the_air(place: Place) -> None:
    Live(place.house, spec=VIDEO)
    place.house.broker.drop("live", place.house.clock.now)
    place.pass_time(0.5)
    _, unpublished = place.told()
    assert unpublished["complete"] is False


def test_who_takes_over_goes_on(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    place.upload(b"/ingest/live?takeover=1", live.upload.init, *live.upload.chunks[:25])
    place.pass_time(4)
    assert place.types() == ["channel.publish"]


def test_viewers_come_and_go(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    place.send(live, 2)
    assert place.types() == ["channel.publish"]
    players = [place.house.request(b"GET /play/live HTTP/1.1") for _ in range(2)]
    place.send(live, 1)
    assert place.told() == [{"type": "channel.first_viewer", "channel": "live"}]
    players[0].lose()
    place.send(live, 7)
    assert place.told() == []
    players[1].lose()
    place.send(live, 4)
    assert place.told() == []
    place.send(live, 2)
    assert place.told() == [{"type": "channel.last_viewer", "channel": "live"}]


def test_one_who_asks_for_a_segment_and_goes_is_seen(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    place.send(live, 6)
    place.house.request(b"GET %b HTTP/1.1" % live.path(0)).lose()
    place.send(live, 1)
    assert place.types() == ["channel.publish", "channel.first_viewer"]
    place.send(live, 6)
    assert place.types() == ["channel.last_viewer"]


def test_who_has_only_a_manifest_has_seen_nothing(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    place.send(live, 4)
    place.house.request(b"GET /live/live/manifest.mpd HTTP/1.1")
    place.send(live, 2)
    assert place.types() == ["channel.publish"]


def test_who_waits_for_a_channel_that_nobody_publishes_is_no_news(place: Place) -> None:
    place.house.request(b"GET /play/live HTTP/1.1")
    place.pass_time(20)
    assert place.told() == []
    Live(place.house, spec=VIDEO)
    place.pass_time(0.5)
    assert place.types() == ["channel.publish", "channel.first_viewer"]


def test_at_the_end_all_that_was_told_to_be_is_told_to_be_over(place: Place) -> None:
    live = Live(place.house, spec=VIDEO)
    place.house.request(b"GET /play/live HTTP/1.1")
    place.send(live, 1)
    place.house.broker.close(place.house.clock.now)
    place.told()
    place.watch.close()
    unpublished, last = place.told()
    assert (unpublished["type"], unpublished["complete"]) == ("channel.unpublish", False)
    assert "shut" in str(unpublished["reason"])
    assert last["type"] == "channel.last_viewer"
