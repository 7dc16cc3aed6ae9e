"""Encoders and players of one path, as its channel and the network see them."""

from __future__ import annotations

import pytest

from sorgente.errors import MalformedBox, OriginError, PublisherConflict, TakenOver, TruncatedUpload
from sorgente.isobmff.scanner import BoxLimits
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed, FeedRules
from sorgente.media.publisher import Outcome, Publisher
from sorgente.media.subscriber import Subscriber
from sorgente.media.window import WindowBounds
from tests.support import boxes
from tests.support.journal import RecordingJournal
from tests.support.live import Upload, media_of, payloads, video
from tests.support.observer import RecordingObserver
from tests.support.players import RecordingSink, player

GRACE = 10.0
RULES = FeedRules(
    window=WindowBounds(60.0, 1 << 20),
    boxes=BoxLimits(),
    max_lag=5.0,
    reconnect_grace=GRACE,
    silence=30.0,
    memory=60.0,
)
RUBBISH = b"\xff" * 64


class Stage:
    def __init__(self) -> None:
        self.journal = RecordingJournal()
        self.observer = RecordingObserver()
        self.feed = Feed("live", RULES, self.journal, Counters(), self.observer)
        self.now = 100.0
        self.told: list[OriginError] = []

    def publish(self, who: str = "encoder", *, takeover: bool = False) -> Publisher:
        return self.feed.publish(who, self.now, 1e9 + self.now, self.told.append, takeover=takeover)

    def watch(self) -> tuple[Subscriber, RecordingSink]:
        subscriber, sink = player()
        self.feed.subscribe(subscriber)
        return subscriber, sink

    def broadcast(self, upload: Upload) -> Publisher:
        """An upload, so far."""
        publisher = self.publish()
        publisher.feed(upload.whole, self.now)
        return publisher


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_who_waits_gets_every_byte_from_the_first_and_a_clean_end(stage: Stage) -> None:
    _, sink = stage.watch()
    assert sink.content_type is None
    upload = video(6, trailer=boxes.box(b"mfra", b"x"))
    stage.broadcast(upload).finish(stage.now)
    assert sink.ended
    assert sink.body == upload.whole
    assert stage.feed.idle


@pytest.mark.parametrize("content", [b"any bytes at all", b"\x00", bytes(range(256)) * 100])
def test_unknown_bytes_go_through_as_they_come(stage: Stage, content: bytes) -> None:
    _, sink = stage.watch()
    publisher = stage.publish()
    for at in range(0, len(content), 100):
        publisher.feed(content[at : at + 100], stage.now)
    publisher.finish(stage.now)
    assert sink.ended
    assert sink.body == content
    assert sink.content_type == "application/octet-stream"


def test_nothing_is_known_of_an_upload_without_bytes(stage: Stage) -> None:
    _, sink = stage.watch()
    stage.publish().finish(stage.now)
    assert sink.content_type is None
    assert sink.open
    assert stage.feed.waiting == 1


def test_broken_off_unknown_bytes_never_look_complete(stage: Stage) -> None:
    _, sink = stage.watch()
    publisher = stage.publish()
    publisher.feed(b"half a sentence", stage.now)
    publisher.break_off("gone", stage.now)
    assert sink.aborted
    assert stage.feed.idle


def test_players_of_fragmented_mp4_wait_for_the_encoder_and_see_one_timeline(stage: Stage) -> None:
    _, sink = stage.watch()
    first = stage.broadcast(video(7))
    first.feed(video(8).chunks[7][:30], stage.now)  # killed in the middle of a chunk
    first.break_off("gone", stage.now)
    assert stage.feed.reconnecting
    stage.now += GRACE - 1
    stage.feed.tick(stage.now)
    assert sink.open
    stage.broadcast(video(5, trailer=boxes.box(b"mfra", b"x"))).finish(stage.now)
    assert sink.ended
    media = media_of(sink.body)
    assert len(media) == 12
    assert sink.body.count(b"ftyp") == 1, "one init segment"
    assert b"mfra" not in sink.body, "its positions would be wrong"
    assert ("recognised", "live", True) in stage.journal.entries


def test_the_encoder_may_come_back_more_than_once_and_late_joiners_join_in_between(
    stage: Stage,
) -> None:
    _, sink = stage.watch()
    for _ in range(3):
        stage.broadcast(video(7)).break_off("gone", stage.now)
    _, late = stage.watch()
    stage.broadcast(video(7)).finish(stage.now)
    assert len(media_of(sink.body)) == 28
    assert len(media_of(late.body)) == 2 + 7


def test_after_the_grace_its_players_are_let_go(stage: Stage) -> None:
    _, sink = stage.watch()
    stage.broadcast(video(3)).break_off("gone", stage.now)
    stage.feed.tick(stage.now + GRACE)
    assert sink.aborted
    assert stage.feed.idle
    assert ("abandoned", "live") in stage.journal.entries


def test_a_probe_without_bytes_neither_ends_nor_prolongs_the_wait(stage: Stage) -> None:
    _, sink = stage.watch()
    stage.broadcast(video(3)).break_off("gone", stage.now)
    stage.now += GRACE - 1
    stage.publish().finish(stage.now)
    stage.publish().break_off("gone", stage.now)
    assert sink.open
    stage.feed.tick(stage.now + 1)
    assert sink.aborted


def test_an_encoder_at_work_is_not_given_up_before_it_says_what_it_sends(stage: Stage) -> None:
    _, sink = stage.watch()
    stage.broadcast(video(3)).break_off("gone", stage.now)
    publisher = stage.publish()
    stage.feed.tick(stage.now + GRACE)
    assert sink.open
    publisher.feed(video(2).whole, stage.now + GRACE)
    assert len(media_of(sink.body)) == 5


@pytest.mark.parametrize(
    "other",
    [
        video(3, spec=boxes.TrackSpec(timescale=90000)),
        video(3, spec=boxes.TrackSpec(entry=boxes.visual_entry(width=320))),
        Upload(b"not even a box", []),
    ],
    ids=["timescale", "size", "bytes"],
)
def test_an_encoder_that_comes_back_with_something_else_starts_anew(
    stage: Stage, other: Upload
) -> None:
    _, sink = stage.watch()
    stage.broadcast(video(3)).break_off("gone", stage.now)
    publisher = stage.broadcast(other)
    assert sink.aborted
    _, late = stage.watch()
    publisher.finish(stage.now)
    assert late.ended


def test_rubbish_ends_the_upload_after_its_whole_chunks_and_aborts_its_players(
    stage: Stage,
) -> None:
    _, sink = stage.watch()
    upload = video(3)
    publisher = stage.publish()
    with pytest.raises(MalformedBox):
        publisher.feed(upload.whole + RUBBISH, stage.now)
    assert sink.aborted
    assert sink.body == upload.whole
    assert stage.feed.idle
    assert publisher.ended


def test_a_body_that_ends_inside_a_box_was_broken_off(stage: Stage) -> None:
    _, sink = stage.watch()
    publisher = stage.publish()
    publisher.feed(video(3).whole[:-5], stage.now)
    with pytest.raises(TruncatedUpload):
        publisher.finish(stage.now)
    assert sink.open
    assert stage.feed.reconnecting
    assert len(payloads(sink.body)) == 2


def test_a_second_publisher_is_told_who_holds_the_channel_and_since_when(stage: Stage) -> None:
    stage.publish("10.0.0.1:5000 (Lavf/61)")
    stage.now += 12
    with pytest.raises(
        PublisherConflict,
        match=r"live is published by 10\.0\.0\.1:5000 \(Lavf/61\) since "
        r"2001-09-09T01:48:20Z \(12 s\); \?takeover=1 ends that",
    ):
        stage.publish()


def test_a_takeover_ends_the_first_and_its_players_go_on_with_the_second(stage: Stage) -> None:
    _, sink = stage.watch()
    first = stage.broadcast(video(4))
    second = stage.publish("other", takeover=True)
    assert first.ended
    assert [type(error) for error in stage.told] == [TakenOver]
    second.feed(video(4).whole, stage.now)
    second.finish(stage.now)
    assert sink.ended
    assert len(media_of(sink.body)) == 8


def test_an_init_segment_sent_again_changes_nothing(stage: Stage) -> None:
    _, sink = stage.watch()
    upload = video(6, gop=3)
    publisher = stage.broadcast(upload)
    publisher.feed(upload.init, stage.now)
    _, late = stage.watch()
    assert sink.body == upload.whole + upload.init
    assert late.body == upload.init + b"".join(upload.chunks[3:]) + upload.init


def test_another_init_segment_goes_on_in_the_same_stream(stage: Stage) -> None:
    _, sink = stage.watch()
    first = video(4)
    second = video(4, spec=boxes.TrackSpec(timescale=90000), first_time=50)
    publisher = stage.broadcast(first)
    publisher.feed(second.whole, stage.now)
    _, late = stage.watch()
    assert sink.body == first.whole + second.whole
    assert late.body == second.whole


def test_players_are_counted_as_they_come_and_go(stage: Stage) -> None:
    subscriber, _ = stage.watch()
    stage.broadcast(video(2))
    _, _ = stage.watch()
    assert stage.feed.watching == 2
    stage.feed.leave(subscriber)
    stage.feed.leave(subscriber)
    assert stage.feed.watching == 1
    assert stage.journal.entries.count(("audience", "live", 0, 1)) == 1


def test_closing_lets_nothing_look_complete(stage: Stage) -> None:
    _, waiting = stage.watch()
    stage.feed.close()
    assert waiting.aborted
    _, sink = stage.watch()
    publisher = stage.broadcast(video(2))
    publisher.break_off("shut down", stage.now)
    stage.feed.close()
    assert sink.aborted
    assert stage.feed.idle


def test_memory_counts_the_window_and_the_chunk_that_is_coming_in(stage: Stage) -> None:
    upload = video(2)
    publisher = stage.broadcast(upload)
    held = stage.feed.bytes_held
    assert held >= len(b"".join(upload.chunks))
    publisher.feed(video(3).chunks[2][:50], stage.now)
    assert stage.feed.bytes_held == held + 50


def test_outcomes_are_in_the_journal(stage: Stage) -> None:
    stage.broadcast(video(1)).finish(stage.now)
    assert stage.journal.entries == [
        ("published", "live", "encoder"),
        ("recognised", "live", False),
        ("unpublished", "live", Outcome.COMPLETE, "upload complete"),
    ]


def test_who_observes_an_upload_sees_its_init_segments_its_chunks_and_its_end(
    stage: Stage,
) -> None:
    upload = video(2)
    publisher = stage.broadcast(upload)
    publisher.feed(upload.init, stage.now)
    publisher.break_off("gone", stage.now)
    stage.broadcast(upload).finish(stage.now)
    one = [("opened", "live"), ("received", "live"), ("received", "live")]
    assert stage.observer.entries == [
        *one,
        ("closed", "live", Outcome.BROKEN),
        *one,
        ("closed", "live", Outcome.COMPLETE),
    ]
