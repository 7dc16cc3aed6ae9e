from __future__ import annotations

import json
import logging
import sys

import pytest

from sorgente.errors import Forbidden, NotFound, OriginError, Unauthorized, UnsupportedMedia
from sorgente.http.access import Reason
from sorgente.http.request import Request
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.scanner import BoxLimits
from sorgente.journal import REFUSAL_SECONDS, JsonFormatter, LogJournal, TextFormatter
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed, FeedRules
from sorgente.media.track import Track
from sorgente.media.window import WindowBounds
from tests.support.clock import FakeClock
from tests.support.live import video
from tests.support.observer import RecordingObserver
from tests.support.players import player
from tests.support.uploads import units_of


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def journal(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> LogJournal:
    caplog.set_level(logging.INFO)
    return LogJournal(clock.monotonic)


@pytest.fixture
def feed(journal: LogJournal) -> Feed:
    rules = FeedRules(WindowBounds(60.0, 1 << 20), BoxLimits(), 5.0, 10.0, 30.0, 60.0)
    return Feed("live", rules, journal, Counters(), RecordingObserver())


def test_a_player_at_a_time_is_a_line_at_once(
    feed: Feed, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber, _ = player()
    feed.subscribe(subscriber)
    clock.advance(2)
    feed.leave(subscriber)
    assert caplog.messages == [
        "live: player connected, total: 1",
        "live: player disconnected, total: 0",
    ]


def test_a_thousand_at_a_time_are_two_lines(
    feed: Feed, journal: LogJournal, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        feed.subscribe(player()[0])
    journal.tick()
    assert len(caplog.messages) == 1
    clock.advance(1)
    journal.tick()
    clock.advance(5)
    journal.tick()
    assert caplog.messages[1:] == ["live: 999 players connected, total: 1000"]


def test_who_publishes_what_and_how_it_ended(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        publisher = feed.publish("10.0.0.1:5 (Lavf)", 1.0, 1.0, lambda _: None)
        publisher.feed(video(2).whole, 1.0)
        publisher.break_off("the connection was lost", 1.0)
    feed.tick(100)
    size = len(video(2).whole)
    assert caplog.messages == [
        "live: publishing started by 10.0.0.1:5 (Lavf)",
        "live: carries avc1.64001f",
        f"live: publishing ended: the connection was lost ({size} bytes in 2 chunks, 0 watching)",
        "live: publishing started by 10.0.0.1:5 (Lavf)",
        "live: goes on with avc1.64001f",
        f"live: publishing ended: the connection was lost ({size} bytes in 2 chunks, 0 watching)",
        "live: the encoder did not come back, its players were let go",
    ]


def test_a_segment_that_no_key_frame_ends_has_a_line_with_what_to_do(
    feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    [init, *_] = units_of(video(1).init)
    assert isinstance(init, InitSegment)
    track = Track("video", init, Counters())
    segment = track.open(1, "1", 0)
    track.append(Chunk.of(bytes(2_500_000), 1.0), 28 * track.timescale)
    feed.note_cut(track, segment)
    [(_, level, text)] = caplog.record_tuples
    assert level == logging.WARNING
    assert text.startswith("live: no key frame of video ends its segment, 28 s and 2.5 MB: ")
    assert "-g 60" in text


def test_bytes_we_do_not_understand_are_called_that(
    feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    feed.publish("me", 1.0, 1.0, lambda _: None).feed(b"what is this", 1.0)
    assert caplog.messages[1] == "live: relayed as bytes (application/octet-stream)"


def test_who_may_not_publish_has_a_line_at_once(
    journal: LogJournal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.refused("cam", "192.0.2.1:5 (Lavf)", Reason.NO_KEY)
    journal.refused("cam", "192.0.2.1:6 (Lavf)", Reason.WRONG_KEY)
    journal.refused(None, "192.0.2.2:7", Reason.NOT_LOCAL)
    assert caplog.messages == [
        "cam: 192.0.2.1:5 (Lavf) is asked for the key",
        "cam: 192.0.2.1:6 (Lavf) may not publish: it gave a wrong key",
        "192.0.2.2:7 may not publish: no key is set, and it is not on this machine, or is a proxy",
    ]
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING"]
    assert [vars(record).get("channel") for record in caplog.records] == ["cam", "cam", None]


def refused_upload(target: bytes, method: str = "PUT") -> Request:
    return Request(method, target, "1.1", {b"user-agent": b"Lavf"}, True, "192.0.2.1:5")


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (refused_upload(b"/ingest/cam"), Unauthorized(wrong=True)),
        (refused_upload(b"/ingest/cam"), Forbidden()),
        (refused_upload(b"/ingest/cam", "GET"), NotFound("nothing")),
        (refused_upload(b"/live/cam/v/1.m4s"), NotFound("nothing")),
    ],
    ids=["wrong key", "no key", "a browser", "no upload"],
)
def test_what_is_told_elsewhere_or_to_nobody_has_no_line(
    journal: LogJournal, caplog: pytest.LogCaptureFixture, request_: Request, error: OriginError
) -> None:
    journal.turned_away(request_, error)
    assert not caplog.messages


def test_uploads_turned_away_share_a_line(
    journal: LogJournal, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        at = b"/ingest/cam/%d.ts?key=secret" % number
        journal.turned_away(refused_upload(at), UnsupportedMedia("not that"))
        clock.advance(1)
        journal.tick()
    assert len(caplog.messages) == 1 + 100 // REFUSAL_SECONDS
    assert caplog.messages[1] == (
        "cam: 192.0.2.1:5 (Lavf) is refused (415): not that (8 more like it before)"
    )


def test_an_encoder_that_tries_for_ever_fills_no_disk(
    journal: LogJournal, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    hour = 3600
    for port in range(8 * hour):
        journal.refused("cam", f"192.0.2.1:{port}", Reason.WRONG_KEY)
        clock.advance(0.125)
        journal.tick()
    assert len(caplog.messages) <= 1 + hour / REFUSAL_SECONDS
    assert caplog.messages[1] == (
        "cam: 192.0.2.1:79 may not publish: it gave a wrong key (78 more like it before)"
    )
    caplog.clear()
    journal.refused("cam", "192.0.2.1:1", Reason.WRONG_KEY)
    assert not caplog.messages
    for _ in range(30):
        clock.advance(1)
        journal.tick()
    assert len(caplog.messages) == 1, "what was held back, and then silence"


def record(**extra: object) -> logging.LogRecord:
    try:
        raise ValueError("why")
    except ValueError:
        made = logging.LogRecord("a.b", logging.WARNING, "", 0, "%d “x”", (3,), sys.exc_info())
    made.created = 1795348800.25
    made.__dict__.update(extra)
    return made


def test_lines_for_people() -> None:
    line, *trace = TextFormatter().format(record()).splitlines()
    assert line == "2026-11-22T12:00:00.250Z WARNING 3 “x”"
    assert trace[-1] == "ValueError: why"


def test_lines_for_machines() -> None:
    line = JsonFormatter().format(record(channel="live"))
    assert "\n" not in line
    entry = json.loads(line)
    assert entry.pop("traceback").endswith("ValueError: why")
    assert entry == {
        "time": "2026-11-22T12:00:00.250Z",
        "level": "warning",
        "logger": "a.b",
        "message": "3 “x”",
        "channel": "live",
    }


def test_a_clock_that_was_set_back_is_told_of_once(
    journal: LogJournal, caplog: pytest.LogCaptureFixture
) -> None:
    for ahead in (0.0, -0.4, 0.9, 5.0, 5.2, 4.6):
        journal.clock(ahead)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "set back: players go on by a time 5.0 s ahead" in record.getMessage()
    for ahead in (3605.0, 3605.0, 0.0, 0.0):
        journal.clock(ahead)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
