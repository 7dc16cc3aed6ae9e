"""Bodies of one object each: what they add up to on the path of a track."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from sorgente.errors import (
    MalformedBox,
    MissingInit,
    OriginError,
    PublisherConflict,
    RequestTimeout,
    TakenOver,
    TruncatedUpload,
    UnsupportedMedia,
)
from sorgente.isobmff.scanner import BoxLimits
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed, FeedRules
from sorgente.media.publisher import Form, Outcome, Publisher
from sorgente.media.window import WindowBounds
from tests.support import boxes
from tests.support.boxes import VIDEO
from tests.support.journal import RecordingJournal
from tests.support.live import media_of, payloads, video
from tests.support.objects import LAST_WORD, TEXT, one_chunk, segments, styp
from tests.support.observer import RecordingObserver
from tests.support.players import RecordingSink, player

GRACE = 10.0
SILENCE = 30.0
MEMORY = 60.0
RULES = FeedRules(
    window=WindowBounds(600.0, 1 << 20),
    boxes=BoxLimits(),
    max_lag=5.0,
    reconnect_grace=GRACE,
    silence=SILENCE,
    memory=MEMORY,
)
UPLOAD = video(20)
SEGMENTS = segments(UPLOAD)
RUBBISH = b"\xff" * 64


class Stage:
    """The path of a track."""

    def __init__(self) -> None:
        self.journal = RecordingJournal()
        self.observer = RecordingObserver()
        self.feed = Feed("live/video", RULES, self.journal, Counters(), self.observer)
        self.now = 100.0
        self.told: list[OriginError] = []

    def begin(
        self, who: str = "encoder", form: Form = Form.CMAF, *, takeover: bool = False
    ) -> Publisher:
        return self.feed.publish(
            who, self.now, 1e9 + self.now, self.told.append, form=form, takeover=takeover
        )

    def put(self, *objects: bytes, who: str = "encoder", form: Form = Form.CMAF) -> None:
        for body in objects:
            publisher = self.begin(who, form)
            publisher.feed(body, self.now)
            publisher.finish(self.now)

    def watch(self) -> RecordingSink:
        subscriber, sink = player()
        self.feed.subscribe(subscriber)
        return sink

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.feed.tick(self.now)

    @property
    def live(self) -> bool:
        return self.feed.session is not None

    def verbs(self, *wanted: str) -> list[object]:
        return [entry[0] for entry in self.observer.entries if entry[0] in wanted]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("form", Form)
def test_a_track_goes_on_from_body_to_body(stage: Stage, form: Form) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init, *SEGMENTS, form=form)
    assert sink.open
    assert stage.live
    assert sink.body == UPLOAD.whole
    assert stage.verbs("opened", "closed") == ["opened"]
    assert stage.verbs("delivered") == ["delivered"] * len(SEGMENTS)
    assert stage.journal.entries.count(("published", "live/video", "encoder")) == 1


def test_a_segment_is_relayed_while_it_comes(stage: Stage) -> None:
    stage.put(UPLOAD.init)
    sink = stage.watch()
    publisher = stage.begin()
    for chunk in UPLOAD.chunks[:5]:
        publisher.feed(chunk[:-3], stage.now)
        before = len(sink.body)
        publisher.feed(chunk[-3:], stage.now)
        assert len(sink.body) == before + len(chunk)


def test_who_comes_between_two_bodies_starts_at_the_newest_key_frame(stage: Stage) -> None:
    stage.put(UPLOAD.init, *SEGMENTS[:3])
    late = stage.watch()
    stage.put(SEGMENTS[3])
    assert late.body == UPLOAD.init + SEGMENTS[2] + SEGMENTS[3]


def test_an_empty_body_only_asks_whether_this_is_the_place(stage: Stage) -> None:
    stage.begin().finish(stage.now)
    assert not stage.live
    stage.observer.entries.clear()
    stage.put(UPLOAD.init)
    stage.begin().finish(stage.now)
    stage.put(SEGMENTS[0])
    stage.begin().finish(stage.now)
    stage.begin().break_off("gone", stage.now)
    assert stage.live
    assert stage.verbs("opened", "closed") == ["opened"]


def test_an_init_segment_sent_again_changes_nothing(stage: Stage) -> None:
    sink = stage.watch()
    for segment in SEGMENTS:
        stage.put(UPLOAD.init, segment)
    assert sink.body == UPLOAD.whole
    assert stage.verbs("opened") == ["opened"]


def test_an_init_segment_may_come_with_its_segment(stage: Stage) -> None:
    sink = stage.watch()
    for segment in SEGMENTS:
        stage.put(UPLOAD.init + segment, form=Form.OBJECT)
    assert sink.open
    assert sink.body == UPLOAD.whole


def test_another_init_segment_begins_another_timeline(stage: Stage) -> None:
    sink = stage.watch()
    other = video(10, spec=replace(VIDEO, timescale=90000))
    stage.put(UPLOAD.init, *SEGMENTS, other.init, *segments(other))
    assert sink.body == UPLOAD.whole + other.whole
    assert stage.verbs("opened") == ["opened", "opened"]


def test_a_body_that_is_read_with_an_init_segment_of_the_past_is_refused(stage: Stage) -> None:
    stage.put(UPLOAD.init, SEGMENTS[0])
    publisher = stage.begin()
    publisher.feed(UPLOAD.chunks[5], stage.now)
    other = video(10, spec=replace(VIDEO, track_id=7))
    stage.put(other.init, *segments(other))
    with pytest.raises(MissingInit):
        publisher.feed(UPLOAD.chunks[6], stage.now)
    assert stage.feed.counters.chunks == 6 + 1 + 10, "and the new init segment"


def test_another_language_is_another_init_segment(stage: Stage) -> None:
    tagged = [
        replace(VIDEO, mdia_extra=boxes.full(b"elng", 0, 0, tag + b"\0"))
        for tag in (b"de", b"de-AT")
    ]
    stage.put(*(boxes.init_segment(spec) for spec in (tagged[0], tagged[0], tagged[1])))
    assert stage.verbs("opened") == ["opened", "opened"]


@pytest.mark.parametrize("form", Form)
def test_media_before_any_init_segment_are_refused_and_nothing_more(
    stage: Stage, form: Form
) -> None:
    for body in (SEGMENTS[0], styp(b"msdh") + SEGMENTS[0], SEGMENTS[0][:12]):
        publisher = stage.begin(form=form)
        with pytest.raises(MissingInit, match="send the init segment of live/video first"):
            publisher.feed(body, stage.now)
        assert publisher.ended
        assert not stage.live
    stage.put(UPLOAD.init, *SEGMENTS, form=form)
    assert stage.feed.counters.chunks == 20


@pytest.mark.parametrize("body", [b"WEBVTT\n\n", b"\x47" * 188, b"<MPD/>", b"\0\0\0\x18ftypisom"])
@pytest.mark.parametrize("form", [Form.CMAF, Form.OBJECT])
def test_what_is_no_cmaf_is_refused_where_only_that_is_taken(
    stage: Stage, form: Form, body: bytes
) -> None:
    publisher = stage.begin(form=form)
    with pytest.raises(UnsupportedMedia):
        _send(publisher, body, stage.now)
    assert not stage.live
    assert stage.feed.relay is None


def test_a_track_may_be_any_bytes_in_one_body(stage: Stage) -> None:
    sink = stage.watch()
    publisher = stage.begin(form=Form.ANY)
    publisher.feed(b"anything", stage.now)
    publisher.finish(stage.now)
    assert sink.ended
    assert sink.body == b"anything"


def _send(publisher: Publisher, body: bytes, now: float) -> None:
    publisher.feed(body, now)
    publisher.finish(now)


# Repetitions


def test_of_two_encoders_the_first_to_bring_a_chunk_wins(stage: Stage) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init, who="one")
    stage.put(UPLOAD.init, who="other")
    for start in range(0, 20, 5):
        one, other = stage.begin("one"), stage.begin("other")
        first, second = (one, other) if start % 10 else (other, one)
        for chunk in UPLOAD.chunks[start : start + 5]:
            first.feed(chunk, stage.now)
            second.feed(chunk, stage.now)
        second.finish(stage.now)
        first.finish(stage.now)
    assert sink.body == UPLOAD.whole
    assert stage.feed.counters.repeated_chunks == 20
    assert [entry[0] for entry in stage.journal.entries].count("repeated") == 1


def test_encoders_that_take_turns_are_one_stream(stage: Stage) -> None:
    """One is ahead and dies; the other, which was behind, takes over where it was."""
    sink = stage.watch()
    stage.put(UPLOAD.init, who="one")
    one, other = stage.begin("one"), stage.begin("other")
    one.feed(b"".join(UPLOAD.chunks[:4]), stage.now)
    other.feed(b"".join(UPLOAD.chunks[:2]), stage.now)
    one.break_off("dead", stage.now)
    other.feed(b"".join(UPLOAD.chunks[2:5]), stage.now)
    other.finish(stage.now)
    stage.put(*SEGMENTS[1:], who="other")
    assert sink.body == UPLOAD.whole


@pytest.mark.parametrize("cut", [1, 40, len(UPLOAD.chunks[0]) + 1, len(SEGMENTS[1]) - 1])
def test_a_segment_that_was_cut_off_goes_on_where_it_stopped_when_it_is_sent_again(
    stage: Stage, cut: int
) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init, SEGMENTS[0])
    publisher = stage.begin()
    publisher.feed(SEGMENTS[1][:cut], stage.now)
    publisher.break_off("the connection was lost", stage.now)
    assert stage.live
    assert sink.open
    stage.put(UPLOAD.init, *SEGMENTS[1:])
    assert sink.body == UPLOAD.whole


def test_a_body_that_ends_inside_a_box_ends_nothing_but_itself(stage: Stage) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init)
    publisher = stage.begin()
    publisher.feed(SEGMENTS[0][:-5], stage.now)
    with pytest.raises(TruncatedUpload):
        publisher.finish(stage.now)
    stage.put(*SEGMENTS)
    assert sink.body == UPLOAD.whole


def test_rubbish_ends_nothing_but_its_body(stage: Stage) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init)
    for at, segment in enumerate(SEGMENTS):
        publisher = stage.begin()
        with pytest.raises(MalformedBox):
            publisher.feed(segment + RUBBISH, stage.now)
        assert len(media_of(sink.body)) == 5 * (at + 1)
    assert sink.open


def test_a_clock_that_begins_anew_is_no_repetition_once_nothing_new_came_for_long(
    stage: Stage,
) -> None:
    """An encoder that was restarted: the stream of its players goes on in one timeline."""
    sink = stage.watch()
    stage.put(UPLOAD.init, *SEGMENTS)
    stage.pass_time(1.0)
    stage.put(UPLOAD.init, SEGMENTS[0])
    assert len(media_of(sink.body)) == 20, "as when an encoder was away for a moment"
    stage.pass_time(3.0)
    stage.put(*SEGMENTS)
    assert len(media_of(sink.body)) == 40
    assert payloads(sink.body)[20:] == payloads(UPLOAD.whole)


# Ends


def ends_of_an_event() -> Iterable[tuple[str, list[bytes]]]:
    yield "lmsg", segments(UPLOAD, last=True)
    yield "mfra", [*SEGMENTS, LAST_WORD]
    yield "mfra behind the last segment", [*SEGMENTS[:-1], SEGMENTS[-1] + LAST_WORD]


@pytest.mark.parametrize(
    "bodies", [pytest.param(bodies, id=name) for name, bodies in ends_of_an_event()]
)
def test_an_event_ends_when_its_encoder_says_so(stage: Stage, bodies: list[bytes]) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init, *bodies[:-1])
    assert sink.open
    stage.put(bodies[-1])
    assert sink.ended
    assert payloads(sink.body) == payloads(UPLOAD.whole)
    assert not stage.live
    assert ("closed", "live/video", Outcome.COMPLETE) in stage.observer.entries


def test_it_ends_when_nobody_sends_any_more(stage: Stage) -> None:
    sink = stage.watch()
    *others, last = segments(UPLOAD, last=True)
    stage.put(UPLOAD.init, *others)
    slow = stage.begin("slow")
    slow.feed(last[:-1], stage.now)
    stage.put(last, who="quick")
    assert sink.open
    slow.feed(last[-1:], stage.now)
    slow.finish(stage.now)
    assert sink.ended


def test_a_last_segment_that_was_cut_off_is_not_the_end(stage: Stage) -> None:
    sink = stage.watch()
    *others, last = segments(UPLOAD, last=True)
    stage.put(UPLOAD.init, *others)
    publisher = stage.begin()
    publisher.feed(last[:-5], stage.now)
    publisher.break_off("gone", stage.now)
    assert sink.open
    stage.put(last)
    assert sink.ended
    assert len(media_of(sink.body)) == 20


def test_the_last_word_may_be_said_twice(stage: Stage) -> None:
    last = segments(UPLOAD, last=True)[-1]
    stage.put(UPLOAD.init, *SEGMENTS[:-1], last, LAST_WORD)
    stage.put(last, LAST_WORD, who="other")
    assert not stage.live
    assert stage.feed.counters.chunks == 20


def test_one_encoder_ends_and_the_other_goes_on(stage: Stage) -> None:
    stage.put(UPLOAD.init, *SEGMENTS[:2], LAST_WORD, who="one")
    assert not stage.live
    sink = stage.watch()
    stage.put(*SEGMENTS[1:], who="other")
    assert sink.body == UPLOAD.init + b"".join(SEGMENTS[2:])
    assert stage.verbs("opened", "closed") == ["opened", "closed", "opened"]


def test_silence_is_a_broken_upload_and_its_encoder_may_go_on(stage: Stage) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init, *SEGMENTS[:2])
    stage.pass_time(SILENCE - 1)
    assert stage.live
    stage.pass_time(1)
    assert not stage.live
    assert stage.feed.reconnecting
    assert ("closed", "live/video", Outcome.BROKEN) in stage.observer.entries
    stage.pass_time(GRACE - 1)
    stage.put(*SEGMENTS[2:])
    assert sink.body == UPLOAD.whole


def test_an_encoder_that_only_repeats_is_silent(stage: Stage) -> None:
    stage.put(UPLOAD.init + b"".join(UPLOAD.chunks[:5]), form=Form.OBJECT)
    stage.pass_time(0.1)
    publisher = stage.begin()
    publisher.feed(UPLOAD.chunks[0], stage.now)
    stage.pass_time(SILENCE)
    assert [type(error) for error in stage.told] == [RequestTimeout]
    assert not stage.live


def test_what_was_published_is_forgotten_in_the_end(stage: Stage) -> None:
    stage.put(UPLOAD.init, SEGMENTS[0])
    stage.pass_time(SILENCE)
    stage.pass_time(MEMORY - 1)
    assert not stage.feed.idle
    stage.pass_time(1)
    assert stage.feed.idle
    with pytest.raises(MissingInit):
        stage.put(SEGMENTS[1])


def test_nobody_waits_for_a_segment_that_never_came(stage: Stage) -> None:
    stage.put(UPLOAD.init)
    stage.pass_time(SILENCE)
    assert not stage.live
    assert ("closed", "live/video", Outcome.BROKEN) in stage.observer.entries


def test_the_silence_of_text_says_nothing_while_others_are_heard(stage: Stage) -> None:
    stage.put(boxes.init_segment(TEXT), one_chunk(TEXT, 0, 2))
    stage.now += 10 * SILENCE
    stage.feed.tick(stage.now, stage.now - 1)
    assert stage.live
    stage.feed.tick(stage.now + SILENCE, stage.now)
    assert not stage.live


# One long body


def test_media_behind_their_init_segment_are_a_stream_of_one_body(stage: Stage) -> None:
    sink = stage.watch()
    publisher = stage.begin()
    publisher.feed(UPLOAD.whole, stage.now)
    for form in Form:
        with pytest.raises(PublisherConflict):
            stage.begin("other", form)
    publisher.finish(stage.now)
    assert sink.ended
    assert stage.feed.idle


def test_it_may_follow_an_init_segment_of_its_own(stage: Stage) -> None:
    """Unified's fmp4ingest --chunked."""
    sink = stage.watch()
    stage.put(UPLOAD.init, UPLOAD.init)
    publisher = stage.begin()
    publisher.feed(UPLOAD.whole + LAST_WORD, stage.now)
    publisher.finish(stage.now)
    assert sink.ended
    assert sink.body == UPLOAD.whole + LAST_WORD


def test_a_long_body_that_goes_on_without_an_init_segment(stage: Stage) -> None:
    sink = stage.watch()
    stage.put(UPLOAD.init, SEGMENTS[0])
    publisher = stage.begin()
    for segment in SEGMENTS[1:]:
        publisher.feed(segment, stage.now)
    publisher.finish(stage.now)
    assert sink.open
    assert sink.body == UPLOAD.whole


def test_of_two_streams_the_second_is_told_when_it_turns_out_to_be_one(stage: Stage) -> None:
    first, second = stage.begin("first"), stage.begin("second")
    first.feed(UPLOAD.whole, stage.now)
    with pytest.raises(PublisherConflict, match="is published by first"):
        second.feed(UPLOAD.init, stage.now)
    assert second.ended
    first.feed(video(21).chunks[20], stage.now)
    assert stage.feed.counters.chunks == 21


def test_before_a_body_says_anything_nobody_can_say_whether_another_may_come(stage: Stage) -> None:
    stage.begin("first", Form.ANY)
    for form in Form:
        with pytest.raises(PublisherConflict):
            stage.begin("second", form)


def test_an_init_segment_that_breaks_off_breaks_the_stream(stage: Stage) -> None:
    publisher = stage.begin()
    publisher.feed(UPLOAD.init, stage.now)
    publisher.break_off("gone", stage.now)
    assert stage.feed.reconnecting


def test_a_takeover_ends_a_stream_but_joins_what_comes_in_segments(stage: Stage) -> None:
    publisher = stage.begin()
    publisher.feed(UPLOAD.whole, stage.now)
    stage.begin("other", takeover=True)
    assert [type(error) for error in stage.told] == [TakenOver]
    other = Stage()
    other.put(UPLOAD.init, SEGMENTS[0])
    other.begin("other", takeover=True)
    assert not other.told
    assert other.live


def test_fillers_are_counted(stage: Stage) -> None:
    stage.put(UPLOAD.init, styp(b"slat") + SEGMENTS[0], SEGMENTS[1])
    assert stage.feed.counters.filler_chunks == 1


def test_memory_counts_what_is_coming_in(stage: Stage) -> None:
    stage.put(UPLOAD.init, SEGMENTS[0])
    held = stage.feed.bytes_held
    stage.begin("one").feed(SEGMENTS[1][:50], stage.now)
    stage.begin("other").feed(SEGMENTS[1][:30], stage.now)
    assert stage.feed.bytes_held == held + 80
