"""A relay with players of every kind, fed by hand."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sorgente.isobmff.rewrite import relocated
from sorgente.isobmff.upload import InitSegment, MediaChunk
from sorgente.media.chunk import Chunk, plain
from sorgente.media.fanout import Counters
from sorgente.media.relay import Relay
from sorgente.media.subscriber import Subscriber
from sorgente.media.window import WindowBounds
from tests.support.live import Upload, media_of, payloads, video
from tests.support.players import RecordingSink, player
from tests.support.uploads import chunks_of, init_of, units_of

MAX_LAG = 5.0
BOUNDS = WindowBounds(seconds=20.0, bytes=1 << 20)


def chunk_of(media: MediaChunk, now: float) -> Chunk:
    return Chunk.of(
        media.data,
        now,
        movable=relocated(media),
        random_access=media.random_access,
        has_sync_sample=media.contains_random_access,
    )


class Stage:
    """A relay of fragmented MP4, a clock, and an upload to feed it with."""

    def __init__(self, upload: Upload, bounds: WindowBounds = BOUNDS) -> None:
        units = units_of(upload.whole)
        self.init: InitSegment = init_of(units)
        self.media = chunks_of(units)
        self.upload = upload
        self.counters = Counters()
        self.relay = Relay("video/mp4", self.init, bounds, MAX_LAG, self.counters)
        self.now = 100.0
        self.fed = 0

    def feed(self, count: int = 1, seconds_each: float = 0.04) -> None:
        for media in self.media[self.fed : self.fed + count]:
            self.now += seconds_each
            self.relay.append(chunk_of(media, self.now), self.now)
        self.fed += count

    def attend(self, **options: object) -> tuple[Subscriber, RecordingSink]:
        subscriber, sink = player(**options)  # type: ignore[arg-type]
        self._wire(subscriber, sink)
        self.relay.attend(subscriber)
        return subscriber, sink

    def join(self, **options: object) -> tuple[Subscriber, RecordingSink]:
        subscriber, sink = player(**options)  # type: ignore[arg-type]
        self._wire(subscriber, sink)
        self.relay.join(subscriber)
        return subscriber, sink

    def _wire(self, subscriber: Subscriber, sink: RecordingSink) -> None:
        sink.on_full = lambda: self.relay.pause(subscriber)

    def resume(self, subscriber: Subscriber, sink: RecordingSink, room: float) -> None:
        sink.room = room
        self.relay.resume(subscriber, self.now)


def raw_relay(bounds: WindowBounds = BOUNDS) -> Relay:
    return Relay("application/octet-stream", None, bounds, MAX_LAG, Counters())


def test_who_is_there_from_the_start_gets_the_upload_byte_for_byte() -> None:
    stage = Stage(video(12, base="absolute"))
    _, sink = stage.attend()
    stage.feed(12)
    assert sink.body == stage.upload.whole
    assert sink.content_type == "video/mp4"


def test_every_chunk_is_one_write_of_one_frame_the_same_object_for_all() -> None:
    stage = Stage(video(3))
    one, other = stage.attend()[1], stage.attend()[1]
    stage.feed(3)
    assert len(one.writes) == len(other.writes) == 4, "init segment and three chunks"
    assert stage.counters.deliveries == 6


def test_a_late_joiner_gets_init_segment_and_backlog_in_one_write_from_the_newest_key_frame() -> (
    None
):
    stage = Stage(video(8, gop=5))
    stage.feed(8)
    _, sink = stage.join()
    assert len(sink.writes) == 1
    assert [bytes(p[:12]) for p in payloads(sink.body)] == [
        b"frame 000006",
        b"frame 000007",
        b"frame 000008",
    ]


def test_a_late_joiner_may_ask_for_the_whole_window() -> None:
    stage = Stage(video(12, gop=5))
    stage.feed(8)
    _, sink = stage.join(start="oldest")
    stage.feed(4)
    assert len(payloads(sink.body)) == 12


def test_a_late_joiner_of_positions_in_the_file_gets_chunks_that_fit_anywhere() -> None:
    stage = Stage(video(8, gop=4, base="absolute"))
    stage.feed(6)
    _, sink = stage.join()
    stage.feed(2)
    chunks = media_of(sink.body)
    assert next(bytes(p[:12]) for p in payloads(sink.body)) == b"frame 000005"
    assert all(relocated(chunk) is chunk.data for chunk in chunks)


def test_without_a_key_frame_in_the_window_a_late_joiner_waits_for_the_next() -> None:
    stage = Stage(video(12, gop=6), WindowBounds(20.0, 1000))
    stage.feed(5)
    assert stage.relay.window.newest_random_access is None
    _, sink = stage.join()
    assert sink.body == stage.upload.init
    stage.feed(2)
    assert [bytes(p[:12]) for p in payloads(sink.body)] == [b"frame 000007"]


def test_an_http_1_0_player_gets_bare_bytes() -> None:
    stage = Stage(video(4))
    _, sink = stage.attend(form=plain)
    stage.feed(4)
    assert sink.received == stage.upload.whole


def test_a_slow_player_stays_where_it_is_and_costs_the_others_nothing() -> None:
    stage = Stage(video(30))
    slow, slow_sink = stage.attend()
    _, quick_sink = stage.attend()
    slow_sink.room = 0
    stage.feed(20)
    assert len(quick_sink.writes) == 21
    assert len(slow_sink.writes) == 2, "what was written when the socket filled up is on its way"
    stage.resume(slow, slow_sink, float("inf"))
    stage.feed(10)
    assert slow_sink.body == quick_sink.body == stage.upload.whole
    assert stage.counters.lag_skips == 0


def test_a_player_who_is_too_far_behind_goes_on_at_the_newest_key_frame() -> None:
    stage = Stage(video(40, gop=10))
    slow, sink = stage.attend()
    stage.feed(3)
    sink.room = 0
    stage.feed(20, seconds_each=1.0)
    stage.resume(slow, sink, float("inf"))
    stage.feed(1)
    assert [bytes(p[:12]) for p in payloads(sink.body)] == [
        b"frame 000001",
        b"frame 000002",
        b"frame 000003",
        b"frame 000004",
        b"frame 000021",
        b"frame 000022",
        b"frame 000023",
        b"frame 000024",
    ]
    assert stage.counters.lag_skips == 1


def test_in_the_newest_group_of_pictures_there_is_nothing_to_skip_to() -> None:
    stage = Stage(video(20, gop=100))
    slow, sink = stage.attend()
    sink.room = 0
    stage.feed(20, seconds_each=0.5)
    stage.resume(slow, sink, float("inf"))
    assert sink.body == stage.upload.whole
    assert stage.counters.lag_skips == 0


def test_behind_a_window_without_a_key_frame_a_slow_player_waits_for_the_next() -> None:
    stage = Stage(video(25, gop=12), WindowBounds(20.0, 1000))
    slow, sink = stage.attend()
    sink.room = 0
    stage.feed(11)
    assert slow.cursor < stage.relay.window.first
    stage.resume(slow, sink, float("inf"))
    stage.feed(3)
    assert [bytes(p[:12]) for p in payloads(sink.body)] == [
        b"frame 000001",
        b"frame 000013",
        b"frame 000014",
    ]


def test_a_slow_player_of_unknown_bytes_is_aborted_rather_than_sent_a_gap() -> None:
    relay = raw_relay(WindowBounds(20.0, 2000))
    subscriber, sink = player()
    sink.on_full = lambda: relay.pause(subscriber)
    relay.attend(subscriber)
    sink.room = 0
    for number in range(50):
        relay.append(Chunk.of(b"%020d" % number, 1.0), 1.0)
    relay.resume(subscriber, 1.0)
    assert sink.aborted
    assert relay.watching == 0


def test_a_late_joiner_of_unknown_bytes_gets_them_from_where_they_are() -> None:
    relay = raw_relay()
    relay.append(Chunk.of(b"before", 1.0), 1.0)
    subscriber, sink = player()
    relay.join(subscriber)
    relay.append(Chunk.of(b"after", 1.0), 1.0)
    assert sink.body == b"after"
    assert sink.content_type == "application/octet-stream"


def test_the_end_is_clean_for_all_who_have_everything_and_behind_the_rest_for_the_slow() -> None:
    stage = Stage(video(10))
    _slow, slow_sink = stage.attend()
    _, quick_sink = stage.attend()
    slow_sink.room = 0
    stage.feed(10)
    stage.relay.end()
    assert slow_sink.ended
    assert quick_sink.ended
    assert slow_sink.body == quick_sink.body == stage.upload.whole
    assert stage.relay.watching == 0


def test_the_end_never_hides_a_gap_in_unknown_bytes() -> None:
    relay = raw_relay(WindowBounds(20.0, 2000))
    subscriber, sink = player()
    sink.on_full = lambda: relay.pause(subscriber)
    relay.attend(subscriber)
    sink.room = 0
    for number in range(50):
        relay.append(Chunk.of(b"%020d" % number, 1.0), 1.0)
    relay.end()
    assert sink.aborted
    assert not sink.ended


def test_an_abort_is_one_for_everybody() -> None:
    stage = Stage(video(3))
    sinks = [stage.attend()[1], stage.join()[1]]
    stage.feed(1)
    stage.relay.abort()
    assert all(sink.aborted for sink in sinks)


def test_who_leaves_gets_nothing_more() -> None:
    stage = Stage(video(4))
    following, sink = stage.attend()
    stage.feed(1)
    stage.relay.leave(following)
    stage.relay.leave(following)
    stage.feed(3)
    assert len(sink.writes) == 2
    assert sink.open, "its sink is its own affair"


def test_a_new_init_segment_in_mid_stream_reaches_everybody_and_starts_late_joiners_anew() -> None:
    stage = Stage(video(6, gop=3), WindowBounds(20.0, 1 << 20))
    _, here = stage.attend()
    slow, slow_sink = stage.attend()
    stage.feed(1)
    slow_sink.room = 0
    stage.feed(2, seconds_each=10.0)
    second = video(6, gop=3, first_time=100_000, first_number=100)
    units = units_of(second.whole)
    stage.relay.replace_init(init_of(units), stage.now)
    _, late = stage.join()
    assert late.body == second.init, "nothing to start at yet"
    stage.media[3:], stage.fed = chunks_of(units), 3
    stage.feed(4)
    stage.resume(slow, slow_sink, float("inf"))
    assert here.body == stage.upload.init + b"".join(
        [*stage.upload.chunks[:3], second.init, *second.chunks[:4]]
    )
    assert late.body == second.init + b"".join(second.chunks[:4])
    assert second.init in slow_sink.body, "who is moved over it gets it all the same"


def test_an_upload_that_outruns_its_players_is_noticed_only_in_a_burst() -> None:
    stage = Stage(video(40), WindowBounds(20.0, 8000))
    slow, sink = stage.attend()
    stage.feed(10, seconds_each=0.0)
    assert not stage.relay.outrun(stage.now, 2.0), "everybody has everything"
    sink.room = 0
    stage.feed(11, seconds_each=0.0)
    assert not stage.relay.outrun(stage.now, 2.0), "what goes next has been read"
    while not stage.relay.outrun(stage.now, 2.0):
        stage.feed(1, seconds_each=0.0)
    assert slow.cursor > stage.relay.window.first, "in time"
    assert not stage.relay.outrun(stage.now + 2.0, 2.0), "it had its time"
    stage.resume(slow, sink, float("inf"))
    assert not stage.relay.outrun(stage.now, 2.0)


class AnyOrder(RuleBasedStateMachine):
    """Whatever players do, and whenever: each gets a legal stream."""

    def __init__(self) -> None:
        super().__init__()
        self.players: list[tuple[Subscriber, RecordingSink]] = []
        self.present: list[tuple[Subscriber, RecordingSink]] = []

    @initialize(
        gop=st.integers(1, 9),
        bytes_kept=st.integers(1000, 10000),
        base=st.sampled_from(["moof", "absolute"]),
    )
    def begin(self, gop: int, bytes_kept: int, base: str) -> None:
        self.stage = Stage(video(400, gop=gop, base=base), WindowBounds(6.0, bytes_kept))
        self.present.append(self.stage.attend())
        self.players += self.present

    @rule(start=st.sampled_from(["newest", "oldest"]))
    def join(self, start: str) -> None:
        self.present.append(self.stage.join(start=start))
        self.players.append(self.present[-1])

    @rule(count=st.integers(1, 6), seconds_each=st.sampled_from([0.0, 0.04, 1.0, 4.0]))
    def feed(self, count: int, seconds_each: float) -> None:
        self.stage.feed(count, seconds_each)

    @precondition(lambda self: self.present)
    @rule(data=st.data(), room=st.integers(0, 700))
    def fill(self, data: st.DataObject, room: int) -> None:
        subscriber, sink = data.draw(st.sampled_from(self.present))
        if not subscriber.paused:
            sink.room = room

    @precondition(lambda self: self.present)
    @rule(data=st.data(), room=st.sampled_from([100.0, 400.0, float("inf")]))
    def resume(self, data: st.DataObject, room: float) -> None:
        subscriber, sink = data.draw(st.sampled_from(self.present))
        if subscriber.paused:
            self.stage.resume(subscriber, sink, room)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.present))
        self.present.remove(gone)
        self.stage.relay.leave(gone[0])

    @invariant()
    def everybody_is_counted_once(self) -> None:
        if self.players:
            assert self.stage.relay.watching == len(list(self.stage.relay)) == len(self.present)

    def teardown(self) -> None:
        if not self.players:
            return
        for subscriber, sink in self.present:
            if subscriber.paused:
                self.stage.resume(subscriber, sink, float("inf"))
            sink.room = float("inf")
        self.stage.relay.end()
        newest = self.stage.relay.window.newest_random_access
        for subscriber, sink in self.players:
            numbers = [int(p[6:12]) for p in payloads(sink.body)]
            assert numbers == sorted(set(numbers)), "in order, once"
            for before, number in itertools.pairwise(numbers):
                if number != before + 1:
                    assert self.stage.media[number - 1].random_access, "gaps end at a key frame"
            if (subscriber, sink) in self.present and newest is not None:
                assert numbers[-1] == self.stage.fed, "and nothing is missing at the end"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=40), st.data())
def test_unknown_bytes_reach_a_stalling_player_whole_or_not_at_all(
    pieces: list[bytes], data: st.DataObject
) -> None:
    relay = raw_relay(WindowBounds(20.0, 1000))
    subscriber, sink = player()
    sink.on_full = lambda: relay.pause(subscriber)
    relay.attend(subscriber)
    for piece in pieces:
        if data.draw(st.booleans()) and not subscriber.paused:
            sink.room = data.draw(st.integers(0, 200))
        relay.append(Chunk.of(piece, 1.0), 1.0)
        if subscriber.paused and data.draw(st.booleans()):
            sink.room = float("inf")
            relay.resume(subscriber, 1.0)
    relay.end()
    whole = b"".join(pieces)
    if sink.aborted:
        assert whole.startswith(sink.body)
        assert sink.body != whole
    else:
        assert sink.body == whole
