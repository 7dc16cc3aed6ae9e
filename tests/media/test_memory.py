"""Bad days on a clock of their own: nothing adds up, and what is let go is gone at once."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from sorgente.broker import Broker, BrokerLimits
from sorgente.http.manifests import Manifests
from sorgente.media.channel import WHOLE, Channel
from sorgente.media.feed import Feed
from sorgente.media.publisher import Publisher
from sorgente.media.segment import Segment
from sorgente.media.subscriber import Subscriber
from sorgente.media.track import Absence, Track
from sorgente.media.utc import UtcClock
from tests.support import boxes
from tests.support.boxes import AUDIO, NON_SYNC, SYNC, VIDEO, Sample, TrafSpec
from tests.support.collector import alive, in_dead_cycles, without_collector
from tests.support.journal import RecordingJournal
from tests.support.live import Upload
from tests.support.players import player
from tests.support.rules import channel_rules

HOUR = 3600.0
UTC = 1795348800.0
WINDOW = 60.0
LAG = 5.0  # of the rules
CHUNK = 0.5
CHUNKS = 200

Paths = Mapping[str, tuple[boxes.TrackSpec, ...]]
MUXED: Paths = {WHOLE: (VIDEO, AUDIO)}
TRACKS: Paths = {"picture": (VIDEO,), "sound": (AUDIO,)}


def upload(*specs: boxes.TrackSpec, size: int = 2000) -> Upload:
    """Chunks of half a second, a key frame every second."""
    chunks = []
    for index in range(CHUNKS):
        trafs = []
        for spec in specs:
            ticks = int(CHUNK * spec.timescale)
            key = spec is AUDIO or index % 2 == 0
            sample = Sample(
                bytes(size // 8 if spec is AUDIO else size), ticks, SYNC if key else NON_SYNC
            )
            trafs.append(TrafSpec(spec.track_id, index * ticks, [sample]))
        chunks.append(boxes.chunk(*trafs, sequence_number=index + 1))
    return Upload(boxes.init_segment(*specs), chunks)


@dataclass
class Day:
    """Encoders that come and go, and players who do not stay either."""

    paths: Paths
    random: random.Random = field(default_factory=lambda: random.Random(5))
    now: float = 1000.0
    watching: list[tuple[Feed, Subscriber, float]] = field(default_factory=list)
    held: list[tuple[Track, int, Subscriber, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = channel_rules(window=WINDOW, window_bytes=1 << 24)
        limits = BrokerLimits(channels=10, waiting=1000, memory=1 << 28)
        self.journal = RecordingJournal()
        self.broker = Broker(rules, limits, self.journal, UtcClock(self.now, UTC))
        self.manifests = Manifests()
        self.uploads = {path: upload(*specs) for path, specs in self.paths.items()}

    @property
    def channel(self) -> Channel:
        channel = self.broker.get("live")
        assert channel is not None
        return channel

    # Time

    def pass_time(self, seconds: float, *, audience: bool = True) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += min(CHUNK, end - self.now)
            self.broker.tick(self.now, UTC + self.now - 1000.0)
            if audience and (channel := self.broker.get("live")) is not None:
                self.watch()
                self.ask(channel)
        self.journal.entries.clear()

    def publish(self, path: str) -> Publisher:
        return self.broker.publish(
            "live", "me", self.now, lambda _: None, track=path, takeover=True
        )  # fmt: skip

    def live(self, chunks: int, *, audience: bool = True) -> dict[str, Publisher]:
        """Encoders at work, for so many chunks."""
        encoders = {path: self.publish(path) for path in self.paths}
        for path, encoder in encoders.items():
            self.broker.feed(encoder, self.uploads[path].init, self.now)
        for index in range(chunks):
            self.pass_time(CHUNK, audience=audience)
            for path, encoder in encoders.items():
                self.broker.feed(encoder, self.uploads[path].chunks[index], self.now)
        return encoders

    def bad_hours(self, hours: float) -> None:
        end = self.now + hours * HOUR
        while self.now < end:
            chunks = self.random.choice([0, 1, 3, 10, 40, 100, CHUNKS - 1])
            for path, encoder in self.live(chunks).items():
                self.end(encoder, self.uploads[path].chunks[chunks])
            self.pass_time(self.random.choice([0, 0.5, 1, 3, 8, 20, 70, 150]))

    def end(self, encoder: Publisher, chunk: bytes) -> None:
        match self.random.randrange(4):
            case 0:
                encoder.finish(self.now)
            case 1:
                encoder.break_off("killed", self.now)
            case 2:
                self.broker.feed(encoder, chunk[: len(chunk) // 2], self.now)
                encoder.break_off("killed in the middle of a chunk", self.now)
            case _:
                pass  # until another takes over

    def good_minutes(self) -> None:
        """What is there after this does not depend on what was before; then nobody is here."""
        for feed, subscriber, _ in self.watching:
            self.broker.leave("live", feed, subscriber)
        for track, number, subscriber, _ in self.held:
            track.let_go(number, subscriber)
        self.watching, self.held = [], []
        for encoder in self.live(CHUNKS, audience=False).values():
            encoder.break_off("killed", self.now)
        self.manifests.of(self.channel.presentation)

    # Players

    def watch(self) -> None:
        """Of the progressive stream."""
        chance = self.random.random
        if chance() < 0.2:
            subscriber, _ = player(self.random.choice(("newest", "oldest")))
            feed = self.broker.subscribe("live", subscriber)
            self.watching.append((feed, subscriber, self.now + 60 * chance()))
        for feed, subscriber, _ in self.watching:
            if subscriber.paused and chance() < 0.1:
                feed.resume(subscriber, self.now)
            elif not subscriber.paused and chance() < 0.02:
                feed.pause(subscriber)
        for feed, subscriber, _ in [each for each in self.watching if each[2] <= self.now]:
            self.broker.leave("live", feed, subscriber)
        self.watching = [each for each in self.watching if each[2] > self.now]

    def ask(self, channel: Channel) -> None:
        """For the manifest, and segments old, growing and to come."""
        self.manifests.of(channel.presentation)
        for track in list(channel.presentation.tracks.values()):
            number = track.last_number + self.random.choice([-3, 0, 0, 1])
            found = channel.presentation.find(track, number, self.now)
            subscriber, _ = player()
            if found is Absence.NEXT:
                track.hold(number, subscriber, lambda: None)
                self.held.append((track, number, subscriber, self.now + 4))
            elif isinstance(found, Segment) and not found.complete:
                found.attend(subscriber)
                self.random.choice((found.leave, found.pause, lambda _: None))(subscriber)
        for track, number, subscriber, _ in [each for each in self.held if each[3] <= self.now]:
            track.let_go(number, subscriber)
        self.held = [each for each in self.held if each[3] > self.now]


@pytest.fixture
def no_collector() -> Iterator[None]:
    with without_collector():
        yield


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("paths", [MUXED, TRACKS], ids=["muxed", "tracks"])
def test_hours_of_restarts_leave_nothing_behind(
    paths: Paths,
) -> None:
    day = Day(paths)
    day.good_minutes()
    held, objects, blocks = day.broker.bytes_held, alive(), sys.getallocatedblocks()
    day.bad_hours(0.5)
    day.good_minutes()
    assert day.broker.bytes_held == held
    assert not alive() - objects
    assert not in_dead_cycles()
    assert sys.getallocatedblocks() < blocks + 2 * CHUNKS, "chunks, which collectors do not count"


def test_a_channel_that_is_over_leaves_nothing_behind(no_collector: None) -> None:
    before = alive()
    day = Day(TRACKS)
    encoders = day.live(20)
    for encoder in encoders.values():
        encoder.finish(day.now)
    day.pass_time(3 * WINDOW, audience=False)
    assert day.broker.get("live") is None
    del day, encoders, encoder
    assert not alive() - before


def test_tracks_that_nobody_sends_any_more_are_forgotten() -> None:
    """Names are the encoder's to choose, and there is no end of them."""
    day = Day(TRACKS)
    picture, sound = day.uploads["picture"], day.uploads["sound"]
    encoder = day.publish("picture")
    day.broker.feed(encoder, picture.init, day.now)
    for index, chunk in enumerate(picture.chunks):
        day.pass_time(CHUNK, audience=False)
        day.broker.feed(encoder, chunk, day.now)
        if index % 2:
            other = day.publish(f"sound-{index}")
            day.broker.feed(other, sound.init + b"".join(sound.chunks[:4]), day.now)
            other.finish(day.now)
    presentation = day.channel.presentation
    assert len(presentation.tracks) < WINDOW + 20
    encoder.break_off("killed", day.now)
    day.pass_time(3 * WINDOW, audience=False)
    assert day.broker.get("live") is None


@pytest.mark.parametrize(("paths", "copies"), [(MUXED, 1), (TRACKS, 2)], ids=["muxed", "tracks"])
def test_progressive_streams_are_kept_only_as_far_back_as_their_players_may_be(
    paths: Paths, copies: int
) -> None:
    """``copies``: of the tracks as they came in, and as one stream again."""
    day = Day(paths)
    day.live(CHUNKS, audience=False)
    came_in = sum(len(each.chunks[0]) for each in day.uploads.values()) / CHUNK * WINDOW
    share = 1 + copies * LAG / WINDOW
    assert came_in < day.broker.bytes_held < 1.2 * share * came_in
