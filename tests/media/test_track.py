from __future__ import annotations

from functools import partial

import pytest

from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.segment import Segment
from sorgente.media.track import Absence, Track
from tests.support.live import video
from tests.support.players import RecordingSink, player
from tests.support.uploads import init_of, units_of

INIT = init_of(units_of(video(1).whole))


@pytest.fixture
def track() -> Track:
    return Track("v", INIT, Counters())


def chunk(text: bytes) -> Chunk:
    return Chunk.of(text, 1.0, random_access=True)


def hold(track: Track, number: int) -> tuple[RecordingSink, list[int]]:
    subscriber, sink = player()
    refused: list[int] = []
    track.hold(number, subscriber, lambda: refused.append(number))
    return sink, refused


def test_what_a_request_meets(track: Track) -> None:
    assert track.find(1, due=0) is Absence.UNKNOWN
    track.expect(10)
    assert track.find(10, due=0) is Absence.NEXT
    assert track.find(9, due=0) is Absence.GONE
    segment = track.open(10, "e", 0)
    assert track.find(10, due=0) is Absence.UNKNOWN or track.find(10, due=10) is Absence.NEXT
    track.append(chunk(b"a"), 512)
    assert track.find(10, due=0) is segment
    assert track.find(11, due=0) is Absence.NEXT
    assert track.find(12, due=0) is Absence.UNKNOWN


def test_while_the_encoder_is_away_all_that_is_due_is_held(track: Track) -> None:
    track.open(10, "e", 0)
    track.append(chunk(b"a"), 512)
    track.close()
    assert [track.find(n, due=13) for n in (11, 12, 13)] == [Absence.NEXT] * 3
    assert track.find(14, due=13) is Absence.UNKNOWN


def test_what_a_period_promised_and_its_encoder_did_not_send_is_empty(track: Track) -> None:
    track.open(10, "e", 0)
    track.append(chunk(b"a"), 512)
    track.close()
    _, refused = hold(track, 11)
    track.expect(40, promised=12)
    track.open(40, "f", 0)
    track.append(chunk(b"b"), 512)
    assert refused == [], "its player is to see the new period first"
    assert [track.find(n, due=41) for n in (11, 12)] == [Absence.EMPTY] * 2
    assert track.find(13, due=41) is Absence.UNKNOWN
    track.refuse(below=40)
    assert refused == [11]


def test_a_held_request_gets_its_first_chunk_with_the_head_and_follows(track: Track) -> None:
    sink, refused = hold(track, 10)
    track.open(10, "e", 0)
    track.append(chunk(b"a"), 512)
    assert len(sink.writes) == 1
    track.append(chunk(b"b"), 512)
    track.close()
    assert sink.ended
    assert sink.body == b"ab"
    assert refused == []
    assert track.held == 0


def test_held_requests_for_what_will_never_be_are_refused(track: Track) -> None:
    _, refused = hold(track, 10)
    _, kept = hold(track, 40)
    track.open(40, "e", 0)
    assert refused == [10]
    assert kept == []
    track.refuse(below=40)
    assert kept == []
    track.refuse()
    assert kept == [40]


def test_who_leaves_is_held_no_longer(track: Track) -> None:
    subscriber, sink = player()
    track.hold(10, subscriber, lambda: None)
    track.let_go(10, subscriber)
    track.let_go(10, subscriber)
    track.open(10, "e", 0)
    track.append(chunk(b"a"), 512)
    assert sink.content_type is None


def test_a_late_reader_of_a_growing_segment_gets_all_there_is_in_one_write(track: Track) -> None:
    segment = track.open(10, "e", 0)
    for text in (b"a", b"b", b"c"):
        track.append(chunk(text), 512)
    subscriber, sink = player()
    segment.attend(subscriber)
    assert len(sink.writes) == 1
    track.close()
    assert sink.body == b"abc"


def test_a_slow_reader_gets_every_byte_or_an_abort(track: Track) -> None:
    segment = track.open(10, "e", 0)
    slow, slow_sink = player()
    gone, gone_sink = player()
    for subscriber, sink in ((slow, slow_sink), (gone, gone_sink)):
        segment.attend(subscriber)
        sink.on_full = partial(segment.pause, subscriber)
        sink.room = 0
    for text in (b"a", b"b", b"c"):
        track.append(chunk(text), 512)
    slow_sink.room = float("inf")
    segment.resume(slow)
    assert slow_sink.body == b"abc"
    segment.abandon()
    assert gone_sink.aborted


def test_bytes_are_counted(track: Track) -> None:
    for number in (1, 2, 3):
        track.open(number, "e", 0)
        track.append(chunk(b"x" * 1000), 6400)
        track.append(chunk(b"x" * 1000 * number), 6400)
    track.close()
    held = track.bytes_held
    assert track.drop_oldest() == held - track.bytes_held > 2000
    assert track.find(1, due=0) is Absence.GONE
    track.open(4, "e", 0)
    track.drop_oldest()
    track.drop_oldest()
    assert track.drop_oldest() == 0, "never the one that grows"


def test_any_slice_of_a_segment_is_what_it_says() -> None:
    segment = Segment(1, "e", 0, "video/mp4", Counters())
    for text in (b"abc", b"d", b"efgh"):
        segment.append(chunk(text), 1)
    whole = b"abcdefgh"
    for start in range(9):
        for end in range(start, 9):
            assert b"".join(segment.slice(start, end)) == whole[start:end]


def test_what_another_period_goes_on_with_has_two_numbers(track: Track) -> None:
    track.open(10, "old", 0)
    track.append(chunk(b"a"), 512)
    ahead = track.open(11, "old", 512)
    track.append(chunk(b"b"), 512)
    early, refused = hold(track, 12)
    assert track.renumber(11, 13, 30) == [ahead]
    assert (ahead.number, track.last_number, track.next_number) == (30, 30, 31)
    assert list(track.segments) == [10, 30]
    assert track.find(11, due=0) is track.find(30, due=0) is ahead
    assert track.find(12, due=0) is track.find(31, due=0) is Absence.NEXT
    assert track.find(14, due=0) is Absence.UNKNOWN
    track.refuse(below=30)
    following = track.open(31, "new", 1024)
    track.append(chunk(b"c"), 512)
    assert early.writes
    assert not refused
    assert track.find(12, due=0) is following


def test_numbers_of_two_periods_back_are_known(track: Track) -> None:
    track.open(10, "first", 0)
    track.append(chunk(b"a"), 512)
    waiting, _ = hold(track, 11)
    gone, _ = hold(track, 11)
    assert track.renumber(11, 13, 30) == []
    assert track.renumber(30, 33, 50) == []
    assert track.held == 2
    track.let_go(11, next(iter(track._held[50])))
    assert track.held == 1
    track.open(50, "third", 1024)
    track.append(chunk(b"c"), 512)
    assert [bool(sink.writes) for sink in (waiting, gone)] == [False, True]
