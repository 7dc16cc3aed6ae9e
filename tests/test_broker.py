import pytest

from sorgente.broker import Broker, BrokerLimits
from sorgente.errors import OriginError, OutOfMemory, Overloaded, PublisherConflict, ShuttingDown
from sorgente.media.feed import Feed
from sorgente.media.publisher import Form, Publisher
from sorgente.media.subscriber import Subscriber
from sorgente.media.utc import UtcClock
from tests.support.journal import RecordingJournal
from tests.support.live import video
from tests.support.players import RecordingSink, player
from tests.support.rules import channel_rules

NOW = 100.0
RULES = channel_rules()


class Stage:
    def __init__(self, limits: BrokerLimits) -> None:
        self.broker = Broker(RULES, limits, RecordingJournal(), UtcClock(NOW, 1795348800.0))
        self.told: list[OriginError] = []

    def publish(self, name: str, *, takeover: bool = False) -> Publisher:
        return self.broker.publish(name, "me", NOW, self.told.append, takeover=takeover)

    def put(self, name: str, track: str, *pieces: bytes) -> Publisher:
        """An object, which nobody has put the end of."""
        form = Form.OBJECT
        publisher = self.broker.publish(name, "me", NOW, self.told.append, track=track, form=form)
        for piece in pieces:
            self.broker.feed(publisher, piece, NOW)
        return publisher

    def watch(self, name: str) -> tuple[Feed, Subscriber, RecordingSink]:
        subscriber, sink = player()
        return self.broker.subscribe(name, subscriber), subscriber, sink


@pytest.fixture
def stage() -> Stage:
    return Stage(BrokerLimits(channels=2, waiting=3, memory=64_000))


def test_channels_exist_while_somebody_publishes_watches_or_waits(stage: Stage) -> None:
    feed, subscriber, _ = stage.watch("a")
    channel = stage.broker.get("a")
    assert channel is not None
    assert channel.whole is feed
    stage.broker.leave("a", feed, subscriber)
    assert stage.broker.get("a") is None
    publisher = stage.publish("a")
    publisher.finish(NOW)
    stage.broker.tick(NOW, NOW)
    assert stage.broker.get("a") is None


def test_channels_are_apart(stage: Stage) -> None:
    _, _, sink = stage.watch("a")
    stage.broker.feed(stage.publish("b"), b"for b only", NOW)
    assert sink.content_type is None


def test_too_many_live_channels_are_refused_but_waiting_players_do_not_count(
    stage: Stage,
) -> None:
    stage.watch("x")
    stage.watch("y")
    stage.publish("a")
    stage.publish("b")
    with pytest.raises(Overloaded, match="2 channels are live, and 2 may be"):
        stage.publish("c")
    with pytest.raises(PublisherConflict):
        stage.publish("a")
    stage.publish("a", takeover=True)


def test_waiting_players_are_bounded_over_all_channels(stage: Stage) -> None:
    for name in "abc":
        stage.watch(name)
    with pytest.raises(Overloaded, match="3 players wait for encoders, and 3 may"):
        stage.watch("d")
    assert stage.broker.get("d") is None
    stage.broker.feed(stage.publish("a"), b"bytes", NOW)
    stage.watch("a")


def test_over_the_memory_bound_the_largest_window_gives(stage: Stage) -> None:
    small, large = stage.publish("small"), stage.publish("large")
    stage.broker.feed(small, video(20).whole, NOW)
    stage.broker.feed(large, video(400, size=100).whole, NOW)
    assert stage.broker.bytes_held <= 64_000 * (1 + 1 / 64)
    assert small.relay is not None
    assert small.relay.window.first == 0
    assert large.relay is not None
    assert large.relay.window.first > 0


def test_what_stands_in_for_an_encoder_that_is_away_is_within_the_bound_too(stage: Stage) -> None:
    upload = video(100, gop=25, size=150)
    publisher, now = stage.publish("a"), NOW
    stage.broker.feed(publisher, upload.init, now)
    for chunk in upload.chunks:
        now += 0.04
        stage.broker.feed(publisher, chunk, now)
        stage.broker.tick(now, now)
    publisher.break_off("killed", now)
    before, most = stage.broker.bytes_held, 0
    for _ in range(500):
        now += 0.1
        stage.broker.tick(now, now)
        most = max(most, stage.broker.bytes_held)
    assert before < most <= 64_000


def test_uploads_that_hold_more_than_all_memory_are_ended(stage: Stage) -> None:
    publisher = stage.publish("a")
    upload = video(1, size=200_000)
    with pytest.raises(OutOfMemory):
        stage.broker.feed(publisher, upload.whole[:100_000], NOW)
    assert publisher.ended
    assert stage.broker.publishers == 0


def test_who_fills_the_memory_and_falls_silent_pays(stage: Stage) -> None:
    large, small = video(1, size=60_000), video(1, size=10_000)
    silent = stage.put("a", "v", large.init, large.chunks[0][:-1])
    later = stage.put("b", "v", small.init, small.chunks[0][:-1])
    assert [type(error) for error in stage.told] == [OutOfMemory]
    assert silent.ended
    assert not later.ended


def test_closing_ends_uploads_and_lets_nobody_in(stage: Stage) -> None:
    stage.broker.feed(stage.publish("a"), video(2).whole, NOW)
    _, _, sink = stage.watch("a")
    stage.broker.close(NOW)
    assert sink.aborted
    assert [type(error) for error in stage.told] == [ShuttingDown]
    assert not stage.broker.busy
    with pytest.raises(ShuttingDown):
        stage.publish("a")
    with pytest.raises(ShuttingDown):
        stage.watch("a")


def test_what_gone_channels_did_still_counts(stage: Stage) -> None:
    for name in "abc":
        publisher = stage.publish(name)
        stage.broker.feed(publisher, video(5).whole, NOW)
        publisher.finish(NOW)
    over, forgotten = NOW + 15, NOW + 100
    for now in (over, forgotten):
        stage.broker.tick(now, now)
    assert [stage.broker.get(name) for name in "abc"] == [None] * 3
    assert stage.broker.totals().chunks == 15


def test_names_that_only_players_know_are_counted_and_not_listed(stage: Stage) -> None:
    for name in ("x", "y"):
        stage.watch(name)
    stage.publish("a")
    stage.broker.subscribe("a", player()[0], "no-such-track")
    assert stage.broker.awaited == 2
    assert [each.name for each in stage.broker.published] == ["a"]
    assert [each.name for each in stage.broker.report(NOW)] == ["a"]
    assert [each.name for each in stage.broker.snapshot(NOW)] == ["a"], "of paths too"
    assert [*stage.broker.drifts()] == ["a"]
    assert stage.broker.held == 3
    stage.publish("x")
    assert stage.broker.awaited == 1
    assert [each.name for each in stage.broker.published] == ["a", "x"]


def test_a_channel_whose_encoder_is_gone_for_good_is_listed_while_players_wait(
    stage: Stage,
) -> None:
    stage.watch("a")
    stage.publish("a").finish(NOW)
    stage.broker.tick(NOW + 100, NOW + 100)
    assert [each.state for each in stage.broker.report(NOW)] == ["waiting"]
    assert stage.broker.awaited == 0


def test_who_waits_for_what_is_next_does_not_keep_others_from_waiting(stage: Stage) -> None:
    publisher, upload = stage.publish("a"), video(100, gop=25)
    stage.broker.feed(publisher, upload.init, NOW)
    for at, chunk in enumerate(upload.chunks, 1):
        stage.broker.feed(publisher, chunk, NOW + at * 0.04)
    channel = stage.broker.get("a")
    assert channel is not None
    track = channel.presentation.tracks["video"]
    for _ in range(3):
        track.hold(track.last_number + 1, player()[0], lambda: None)
        stage.broker.await_announcement("a", object(), lambda: None)
    assert stage.broker.held == 6
    stage.watch("b")
    stage.broker.await_announcement("c", object(), lambda: None)
    stage.broker.await_announcement("b", object(), lambda: None)
    with pytest.raises(Overloaded, match="3 players wait for encoders, and 3 may"):
        stage.broker.await_announcement("d", object(), lambda: None)


def test_a_snapshot_tells_what_pages_and_metrics_show(stage: Stage) -> None:
    publisher = stage.publish("a")
    stage.broker.feed(publisher, video(5).whole, NOW)
    (first,) = stage.broker.snapshot(NOW + 2)
    assert (first.name, first.state, first.tracks) == ("a", "live", ("avc1.64001f",))
    assert first.window_seconds == 2
    assert first.counters.chunks == 5
    publisher.break_off("gone", NOW)
    assert stage.broker.snapshot(NOW)[0].state == "reconnecting"
