"""One picture of several: who asks for it gets what a stream without the others would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest

from sorgente.isobmff.split import TrackSplitter, split_init
from sorgente.isobmff.upload import InitSegment, MediaChunk
from sorgente.media.arrival import Arrival
from sorgente.media.channel import WHOLE, Channel
from sorgente.media.chunk import Chunk, framed
from sorgente.media.epoch import Cause
from sorgente.media.fanout import Counters
from sorgente.media.merger import Merger
from sorgente.media.run import Placement, Run
from sorgente.media.subscriber import Subscriber
from sorgente.media.track import Track
from sorgente.media.utc import UtcClock
from tests.support.boxes import VIDEO, visual_entry
from tests.support.journal import RecordingJournal
from tests.support.live import Upload, media_of, sound, video
from tests.support.players import RecordingSink
from tests.support.rules import channel_rules
from tests.support.uploads import units_of

SMALL = VIDEO
LARGE = replace(VIDEO, entry=visual_entry(width=320, height=180))


class Ladder:
    """Two pictures, whose key frames do not fall together, and a sound; the tracks are a, b, c."""

    def __init__(self, *uploads: Upload) -> None:
        rules = channel_rules()
        self.channel = Channel("live", rules, RecordingJournal(), UtcClock(0.0, 0.0))
        channel = self.channel
        self.merger = Merger(lambda: channel.feed(WHOLE))
        self._run = Run(Cause.FIRST, 0, 0, set())
        self.tracks: list[Track] = []
        self._arrivals: list[Iterator[Arrival]] = []
        for name, upload in zip("abc", uploads, strict=False):
            init, *media = units_of(upload.whole)
            assert isinstance(init, InitSegment)
            [own] = split_init(init).values()
            track = Track(name, own, Counters())
            chunks = [unit for unit in media if isinstance(unit, MediaChunk)]
            self.tracks.append(track)
            self._arrivals.append(self._arriving(track, init, chunks))
        self.merger.compose(self.tracks)

    def _arriving(
        self, track: Track, init: InitSegment, chunks: list[MediaChunk]
    ) -> Iterator[Arrival]:
        splitter = TrackSplitter(init)
        for chunk in chunks:
            [cut] = splitter.split(chunk)
            at = Placement(self._run, Fraction(cut.decode_time, track.timescale), Fraction(0))
            yield Arrival(track, at, cut, Chunk.of(cut.data, 0.0))

    def send(self, rounds: int = 1) -> None:
        """A chunk of each, so many times."""
        for _ in range(rounds):
            for arrivals in self._arrivals:
                self.merger.take(next(arrivals), 0.0)

    def watch(self, picture: str | None) -> tuple[Subscriber, RecordingSink]:
        sink = RecordingSink()
        subscriber = Subscriber(sink, framed, picture=picture)
        self.channel.feed(WHOLE).subscribe(subscriber)
        return subscriber, sink


@pytest.fixture
def ladder() -> Ladder:
    small, large = video(30, spec=SMALL), video(30, spec=LARGE, keys=(0, 7, 14, 21))
    return Ladder(small, large, sound(30))


def seen(sink: RecordingSink) -> tuple[list[int], list[tuple[int, int]]]:
    """The heights of the tracks in its init segment; the track and the number of each chunk."""
    init = units_of(sink.body)[0]
    assert isinstance(init, InitSegment)
    ticks = {1: 512, 2: 512, 3: 1920}
    tracks = [chunk.fragment.tracks[0] for chunk in media_of(sink.body)]
    chunks = [(track.track_id, track.base_decode_time // ticks[track.track_id]) for track in tracks]
    return [track.height for track in init.tracks], chunks


def test_who_waited_gets_the_highest_and_the_sound_and_no_more() -> None:
    waiting = Ladder(video(3, spec=SMALL), video(3, spec=LARGE), sound(3))
    waiting.merger.finish(clean=True)
    _, sink = waiting.watch("")
    waiting.merger.compose(waiting.tracks)
    waiting.send(3)
    assert seen(sink) == ([180, 0], [(2, 0), (3, 0), (2, 1), (3, 1), (2, 2), (3, 2)])


@pytest.mark.parametrize(
    ("name", "height", "at", "track"),
    [("a", 90, 5, 1), ("b", 180, 7, 2), ("", 180, 7, 2), ("x", 180, 7, 2)],
)
def test_who_comes_late_begins_with_a_key_frame_of_that_picture(
    ladder: Ladder, name: str, height: int, at: int, track: int
) -> None:
    ladder.send(9)
    _, sink = ladder.watch(name)
    ladder.send()
    sizes, chunks = seen(sink)
    assert sizes == [height, 0]
    assert chunks == [(each, number) for number in range(at, 10) for each in (track, 3)]


def test_who_waits_for_a_key_frame_gets_its_own(ladder: Ladder) -> None:
    others = Ladder(video(9, spec=SMALL, keys=(1,)), video(9, spec=LARGE, keys=(3,)), sound(9))
    others.send()
    (_, small), (_, large), (_, all_) = others.watch("a"), others.watch("b"), others.watch(None)
    others.send(4)
    assert seen(small)[1][:3] == [(1, 1), (3, 1), (1, 2)]
    assert seen(large)[1] == [(2, 3), (3, 3), (2, 4), (3, 4)]
    assert seen(all_)[1][:4] == [(1, 1), (2, 1), (3, 1), (1, 2)]


def test_who_falls_behind_goes_on_with_its_own(ladder: Ladder) -> None:
    ladder.send()
    subscriber, sink = ladder.watch("b")
    feed = ladder.channel.feed(WHOLE)
    feed.pause(subscriber)
    ladder.send(8)
    feed.resume(subscriber, now=1e6)
    assert seen(sink)[1] == [(2, 0), (3, 0), (2, 7), (3, 7), (2, 8), (3, 8)]
    assert ladder.channel.counters.lag_skips == 1


def test_all_of_it_is_as_it_was_for_who_does_not_ask(ladder: Ladder) -> None:
    _, sink = ladder.watch(None)
    ladder.send(2)
    assert seen(sink) == ([90, 180, 0], [(n, at) for at in range(2) for n in (1, 2, 3)])


def test_bytes_that_are_not_sent_are_not_counted(ladder: Ladder) -> None:
    ladder.send()
    _, sink = ladder.watch("a")
    ladder.send(5)
    assert ladder.channel.counters.bytes_out == len(sink.received)
    assert ladder.channel.counters.deliveries == 12


def test_where_there_is_no_choice_nothing_is_selected() -> None:
    alone = Ladder(video(3, spec=SMALL), sound(3))
    subscriber, _ = alone.watch("a")
    assert subscriber.selection is None


def test_players_are_told_what_there_is(ladder: Ladder) -> None:
    subscriber, _ = ladder.watch("a")
    assert subscriber.selection is not None
    assert subscriber.selection.pictures == (
        b'"b";height=180;bandwidth=0, "a";height=90;bandwidth=0;playing'
    )
