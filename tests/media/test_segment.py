"""A segment and its readers, without a connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.media.chunk import Chunk, plain
from sorgente.media.fanout import Counters
from sorgente.media.segment import PUT_TOGETHER_BYTES, Segment
from tests.support.players import RecordingSink, player


def segment_of(*pieces: bytes, counters: Counters | None = None) -> Segment:
    segment = Segment(1, "e", 0, "video/mp4", counters or Counters())
    for piece in pieces:
        segment.append(Chunk.of(piece, 1.0), 10)
    return segment


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=5), st.data())
def test_a_reader_from_any_byte_gets_the_rest(pieces: list[bytes], data: st.DataObject) -> None:
    there = data.draw(st.integers(1, len(pieces)))
    segment, whole = segment_of(*pieces[:there]), b"".join(pieces)
    start = data.draw(st.integers(0, segment.bytes - 1))
    form = data.draw(st.sampled_from([None, plain]))
    subscriber, sink = player() if form is None else player(form=form)
    segment.attend(subscriber, start)
    assert len(sink.writes) == 1, "the backlog in one write"
    for piece in pieces[there:]:
        segment.append(Chunk.of(piece, 1.0), 10)
    segment.close()
    assert sink.ended
    assert (sink.body if form is None else sink.received) == whole[start:]


def test_a_slow_reader_from_the_middle_misses_nothing() -> None:
    segment = segment_of(b"abc", b"de")
    subscriber, sink = player()
    segment.attend(subscriber, 1)
    segment.pause(subscriber)
    segment.append(Chunk.of(b"f", 1.0), 10)
    assert sink.body == b"bcde"
    segment.resume(subscriber)
    assert sink.body == b"bcdef"
    segment.append(Chunk.of(b"g", 1.0), 10)
    segment.close()
    assert sink.body == b"bcdefg"


class Waiting(RecordingSink):
    """Takes note of how many bytes there were when it was told."""

    def __init__(self, segment: Segment, count: int) -> None:
        super().__init__()
        self.told: list[int] = []
        self.subscriber, _ = player()
        self.subscriber.sink = self
        self.segment = segment
        segment.await_bytes(self.subscriber, count)

    def begin(self, content_type: str, first: object) -> None:
        assert first == (), "it has to take them itself"
        self.told.append(self.segment.bytes)


def test_who_awaits_bytes_is_told_once_when_they_are_there() -> None:
    segment = segment_of(b"abc")
    four, five, many = (Waiting(segment, count) for count in (4, 5, 100))
    segment.append(Chunk.of(b"d", 1.0), 10)
    assert (four.told, five.told) == ([4], [])
    segment.append(Chunk.of(b"efg", 1.0), 10)
    assert (four.told, five.told, many.told) == ([4], [7], [])
    segment.close()
    assert (five.told, many.told) == ([7], [7]), "or when there will be no more"


def test_who_no_longer_awaits_them_is_not_told() -> None:
    segment = segment_of(b"abc")
    stays, leaves, goes_along = (Waiting(segment, 4) for _ in range(3))

    def take_along(content_type: str, first: object) -> None:
        segment.leave(goes_along.subscriber)

    stays.begin = take_along  # type: ignore[method-assign]
    segment.leave(leaves.subscriber)
    segment.append(Chunk.of(b"d", 1.0), 10)
    assert leaves.told == goes_along.told == []


def test_who_awaits_bytes_of_a_segment_that_leaves_the_window_is_aborted() -> None:
    counters = Counters()
    segment = segment_of(b"abc", counters=counters)
    waiting = Waiting(segment, 4)
    segment.abandon()
    assert waiting.aborted
    assert counters.lag_aborts == 1


def test_what_is_handed_over_is_counted() -> None:
    counters = Counters()
    segment = segment_of(b"abc", b"d", b"efgh", counters=counters)
    segment.close()
    assert b"".join(segment.slice(2, 5)) == b"cde"
    assert (counters.deliveries, counters.bytes_out) == (3, 3)


def test_what_is_said_of_it_changes_once() -> None:
    segment = segment_of(b"abc")
    segment.label = b"growing"
    segment.append(Chunk.of(b"d", 1.0), 10)
    assert segment.label == b"growing"
    segment.close()
    assert segment.label is None


@pytest.mark.parametrize("start", [0, 2])
def test_a_complete_segment_is_not_followed(start: int) -> None:
    segment = segment_of(b"abc")
    segment.close()
    with pytest.raises(AssertionError):
        segment.attend(player()[0], start)
    with pytest.raises(AssertionError):
        segment.await_bytes(player()[0], 9)


def test_a_whole_one_is_put_together_once_and_parts_of_it_stay_what_they_were() -> None:
    counters = Counters()
    segment = segment_of(b"abc", b"d", b"efgh", counters=counters)
    segment.close()
    held, before = segment.bytes_held, b"".join(segment.slice(2, 5))
    first, second = segment.whole(), segment.whole()
    assert list(first) == [b"abcdefgh"]
    assert first[0] is second[0], "one for all"
    assert segment.chunks == []
    assert (segment.end, segment.bytes, segment.bytes_held) == (3, 8, held)
    assert b"".join(segment.slice(2, 5)) == before == b"cde"
    assert (counters.deliveries, counters.bytes_out) == (3 + 3 + 3 + 1, 3 + 8 + 8 + 3)


def test_a_very_large_one_stays_in_pieces() -> None:
    half = bytes(PUT_TOGETHER_BYTES // 2 + 1)
    segment = segment_of(half, half)
    segment.close()
    assert [len(piece) for piece in segment.whole()] == [len(half)] * 2
    assert len(segment.chunks) == 2


def test_what_grows_is_not_given_out_whole() -> None:
    with pytest.raises(AssertionError):
        segment_of(b"abc").whole()
