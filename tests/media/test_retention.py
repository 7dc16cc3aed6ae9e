"""What grows without an end is ended, and nobody else pays for it."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from dataclasses import replace

import pytest

from sorgente.broker import Broker, BrokerLimits
from sorgente.errors import OutOfMemory
from sorgente.media.publisher import Publisher
from sorgente.media.retention import LONGEST_OVERDUE
from sorgente.media.segment import Segment
from sorgente.media.track import Absence, Track
from sorgente.media.utc import UtcClock
from tests.media.stage import FRAME, UTC, Stage
from tests.support.boxes import VIDEO
from tests.support.journal import RecordingJournal
from tests.support.live import TICKS, Upload, sound, video
from tests.support.rules import channel_rules

SECOND = round(1 / FRAME)
STOPPED = range(0, 4 * SECOND + 1, SECOND)
"""A key frame a second for four seconds, and no other."""


class Channel(Stage):
    """Pictures and sound, a chunk of each every 40 ms."""

    def __init__(
        self, frames: int, keys: Container[int], *, size: int = 40, window_bytes: int = 1 << 24
    ) -> None:
        super().__init__(channel_rules(window=20.0, window_bytes=window_bytes))
        self.pictures, self.packets = video(frames, keys=keys, size=size), sound(frames)
        self.seen, self.heard = self.publish("v"), self.publish("a")
        self.seen.feed(self.pictures.init, self.now)
        self.heard.feed(self.packets.init, self.now)
        self.sent = 0

    def go_on(self, seconds: float) -> None:
        start, self.sent = self.sent, self.sent + round(seconds / FRAME)
        ours = slice(start, self.sent)
        self.send_together(
            (self.seen, self.pictures.chunks[ours]), (self.heard, self.packets.chunks[ours])
        )

    @property
    def track(self) -> Track:
        return self.presentation.tracks["v"]

    @property
    def due(self) -> int:
        """The segment that players who are on time are in."""
        period = self.presentation.newest_period
        assert period is not None
        return period.number_due(self.presentation._utc_at(self.now)) - 1

    @property
    def cuts(self) -> list[tuple[object, ...]]:
        journal = self.channel._journal
        assert isinstance(journal, RecordingJournal)
        return [entry for entry in journal.entries if entry[0] == "cut"]


def test_a_segment_that_no_key_frame_ends_is_cut_before_players_give_up() -> None:
    stage = Channel(4000, [*STOPPED, 1500, 1525])
    stage.go_on(5 + LONGEST_OVERDUE - 2)
    endless = stage.track.growing
    assert endless is not None
    assert isinstance(stage.presentation.find(stage.track, stage.due, stage.now), Absence)
    stage.go_on(2)
    assert endless.complete
    [(_, feed, track, seconds)] = stage.cuts
    assert (feed, track) == ("live/v", "v")
    assert seconds == pytest.approx(LONGEST_OVERDUE, abs=0.5)

    shown = stage.presentation.find(stage.track, stage.due, stage.now)
    assert isinstance(shown, Segment), "a slate stands in, under the number that is due"
    assert stage.presentation.find(stage.track, endless.number + 1, stage.now) is Absence.EMPTY
    assert stage.presentation.find(stage.presentation.tracks["a"], stage.due, stage.now)

    stage.go_on(1530 * FRAME - stage.sent * FRAME)
    newest = stage.presentation.newest_period
    assert newest is not None
    assert not newest.members["v"].is_away, "with the next key frame it is back"
    assert len(stage.cuts) == 1


def test_until_a_key_frame_comes_it_is_known_that_one_is_missing() -> None:
    stage = Channel(1000, STOPPED)
    stage.go_on(5)
    assert stage.presentation.key_frame_interval == 1
    stage.go_on(30)
    assert stage.presentation.key_frame_interval == pytest.approx(31, abs=0.1)


def test_one_that_takes_most_of_the_bytes_is_cut_at_once() -> None:
    stage, most = Channel(1000, STOPPED, size=8000, window_bytes=1 << 20), 0
    for _ in range(990):
        stage.go_on(FRAME)
        most = max(most, stage.presentation.bytes_held)
    assert most <= 1.05 * (1 << 20)
    [(*_, seconds)] = stage.cuts
    assert 4 < float(str(seconds)) < LONGEST_OVERDUE / 2
    for track in stage.presentation.tracks.values():
        assert isinstance(stage.presentation.find(track, stage.due, stage.now), Segment)


@pytest.mark.parametrize("group", [12, 40])
def test_groups_as_long_as_announced_are_not_cut(group: int) -> None:
    stage = Channel(3400, range(0, 3400, group * SECOND))
    stage.go_on(3.2 * group)
    assert stage.presentation.newest_period is not None
    assert not stage.cuts


def test_groups_that_have_become_long_are_known_when_two_were_cut() -> None:
    group = LONGEST_OVERDUE + 4
    stage = Channel(4000, [*STOPPED, *range(5 * SECOND, 4000, group * SECOND)])
    stage.go_on(4 + 3.1 * group)
    assert len(stage.cuts) == 2
    stage.go_on(4 * group)
    assert len(stage.cuts) == 2
    newest = stage.presentation.newest_period
    assert newest is not None
    assert newest.segment_duration == group
    assert not newest.members["v"].is_away


def test_another_bit_rate_goes_on_for_one_without_key_frames() -> None:
    stage = Channel(1000, STOPPED)
    lower = video(1000, gop=SECOND, spec=replace(VIDEO, track_id=1))
    other = stage.publish("v-low")
    other.feed(lower.init, stage.now)
    for index, chunk in enumerate(lower.chunks):
        stage.go_on(FRAME)
        other.feed(chunk, stage.now)
        if index == 38 * SECOND:
            break
    assert stage.cuts
    shown, played = stage.track.newest, stage.presentation.tracks["v-low"].newest
    assert shown is not None
    assert played is not None
    assert shown.chunks[-1] is played.chunks[-1]


class Origin:
    """Channels of one track each."""

    def __init__(self, memory: int) -> None:
        self.now, self.ended = 100.0, list[str]()
        limits = BrokerLimits(channels=10, waiting=10, memory=memory)
        rules = channel_rules(window=30.0, window_bytes=8 << 20)
        self.broker = Broker(rules, limits, RecordingJournal(), UtcClock(self.now, UTC))

    def publish(self, name: str) -> Publisher:
        return self.broker.publish(
            name, "me", self.now, lambda _: self.ended.append(name), track="v"
        )

    def seconds_kept(self, name: str) -> float:
        channel = self.broker.get(name)
        assert channel is not None
        track = channel.presentation.tracks["v"]
        return sum(each.duration for each in track.segments.values()) / track.timescale


@pytest.mark.parametrize("memory", [6 << 20, 16 << 20])
def test_neighbours_of_a_channel_without_key_frames_keep_their_windows(memory: int) -> None:
    origin = Origin(memory)
    uploads = {
        "good": video(2500, gop=SECOND, size=2000),
        "bad": video(2500, keys=STOPPED, size=20_000),
    }
    publishers = {name: origin.publish(name) for name in uploads}
    for name, upload in uploads.items():
        origin.broker.feed(publishers[name], upload.init, origin.now)
    for index in range(2500):
        origin.now += FRAME
        if index % 5 == 0:
            origin.broker.tick(origin.now, UTC + origin.now - 100)
        for name, upload in uploads.items():
            origin.broker.feed(publishers[name], upload.chunks[index], origin.now)
        assert origin.broker.bytes_held <= memory * (1 + 1 / 64)
    assert not origin.ended
    assert origin.seconds_kept("good") >= 30


def test_who_holds_most_that_cannot_be_given_back_pays() -> None:
    """Segments that are no longer than announced, and of which too little memory is left."""
    origin = Origin(400_000)
    uploads = {name: video(100, gop=50, size=400) for name in ("small", "large")}
    heavier = video(40, keys=(), size=20_000, first_time=60 * TICKS, first_number=61)
    uploads["large"] = Upload(
        uploads["large"].init, [*uploads["large"].chunks[:60], *heavier.chunks]
    )
    publishers = {name: origin.publish(name) for name in uploads}
    for name, upload in uploads.items():
        origin.broker.feed(publishers[name], upload.init, origin.now)
    for index in range(100):
        origin.now += FRAME
        origin.broker.tick(origin.now, UTC + origin.now - 100)
        for name, upload in uploads.items():
            if not publishers[name].ended:
                with suppress(OutOfMemory):
                    origin.broker.feed(publishers[name], upload.chunks[index], origin.now)
        assert origin.broker.bytes_held <= 400_000 + 21_000, "that, and the newest chunk"
    assert publishers["large"].ended
    assert not publishers["small"].ended
