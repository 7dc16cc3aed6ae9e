"""Encoders that go away and come back, and what players of the channel get meanwhile."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sorgente.isobmff.slate import BRAND
from sorgente.media.publisher import Publisher
from sorgente.media.segment import Segment
from tests.media.stage import FRAME, Stage
from tests.support.boxes import (
    AUDIO,
    ENCRYPTED,
    SYNC,
    VIDEO,
    Sample,
    TrafSpec,
    chunk,
    init_segment,
)
from tests.support.live import Upload, media_of, video

GOP = 25


def sound(count: int, first_time: int = 0) -> Upload:
    """One chunk of 40 ms each."""
    times = [first_time + index * 1920 for index in range(count)]
    traf = [TrafSpec(2, time, [Sample(b"sound", 1920, SYNC)]) for time in times]
    return Upload(
        init_segment(AUDIO),
        [chunk(each, sequence_number=index + 1) for index, each in enumerate(traf)],
    )


class Encoder:
    """Uploads of picture and sound, in step."""

    def __init__(self, stage: Stage, *names: str, frames: int = 600) -> None:
        self.stage = stage
        self.uploads = {
            name: sound(frames) if name.startswith("a") else video(frames, gop=GOP)
            for name in names
        }
        self.publishers: dict[str, Publisher] = {}
        self.at = 0
        for name in names:
            self.begin(name)

    def begin(self, name: str) -> None:
        self.publishers[name] = self.stage.publish(name)
        self.publishers[name].feed(self.uploads[name].init, self.stage.now)

    def send(self, frames: int, *, silent: str = "", late: float = 0.0) -> None:
        """So many frames of what is published, but for the ``silent`` track."""
        for _ in range(frames):
            self.stage.pass_time(FRAME)
            for name, publisher in self.publishers.items():
                if name != silent:
                    publisher.feed(self.uploads[name].chunks[self.at], self.stage.now)
            self.at += 1

    def kill(self, *names: str) -> None:
        for name in names or list(self.publishers):
            self.publishers.pop(name).break_off("killed", self.stage.now)


def segments(stage: Stage, track: str) -> list[Segment]:
    return list(stage.presentation.tracks[track].segments.values())


def watched(stage: Stage, track: str, period: int = 0) -> float:
    """Seconds of the track that there are in a period; no gap, no overlap, legal to the byte."""
    told = stage.snapshot.periods[period]
    own = [each for each in segments(stage, track) if each.epoch == told.id]
    init = stage.presentation.tracks[track].inits[told.id]
    at = None
    for segment in own:
        for media in media_of(init.data + b"".join(segment.slice(0, segment.bytes))):
            (part,) = media.fragment.tracks
            assert at is None or part.base_decode_time == at
            at = part.base_decode_time + part.duration
    numbers = [each.number for each in own]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    return float(sum(Fraction(each.duration, init.leading_track.timescale) for each in own))


def is_slate(segment: Segment) -> bool:
    return BRAND in b"".join(segment.slice(0, segment.bytes))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_while_the_encoder_is_away_its_period_goes_on_with_slates(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    encoder.kill()
    assert stage.presentation.changes_soon
    for _ in range(100):
        stage.pass_time(0.1)
    for track in ("a", "v"):
        assert watched(stage, track) == pytest.approx(85 * FRAME + 10, abs=0.1)
        assert is_slate(segments(stage, track)[-1])
    (period,) = stage.snapshot.periods
    assert period.end is None


def test_slates_do_not_change_what_is_announced(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(130)
    revision, told = stage.presentation.revision, stage.snapshot.periods
    encoder.kill()
    for _ in range(50):
        stage.pass_time(0.1)
    assert stage.presentation.revision == revision
    assert [t.chunk_duration for t in stage.snapshot.periods[0].tracks] == [
        t.chunk_duration for t in told[0].tracks
    ]


def test_the_encoder_comes_back_with_a_period_that_follows_at_once(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    encoder.kill()
    stage.pass_time(5)
    again = Encoder(stage, "a", "v")
    again.send(60)
    old, new = stage.snapshot.periods
    assert old.end == new.start
    assert not stage.presentation.changes_soon
    for track in ("a", "v"):
        assert watched(stage, track) >= float(new.start - old.start) - 0.1
        assert not is_slate(segments(stage, track)[-1])


def test_a_pause_is_slated_and_left_at_a_key_frame(stage: Stage) -> None:
    """A camera that stood still: its time stamps go on where they stopped, 3 s late."""
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    for _ in range(30):
        stage.pass_time(0.1)
    assert stage.presentation.changes_soon
    encoder.send(100)
    old, new = stage.snapshot.periods
    assert old.end == new.start
    assert not stage.presentation.changes_soon
    for track in ("a", "v"):
        assert watched(stage, track) >= float(new.start - old.start) - 0.1
        assert not is_slate(segments(stage, track)[-1])
    first = next(each for each in segments(stage, "v") if each.epoch == new.id)
    init = stage.presentation.tracks["v"].inits[new.id].data
    assert media_of(init + b"".join(first.slice(0, first.bytes)))[0].random_access


def test_a_pause_that_is_caught_up_slowly_is_left_all_the_same(stage: Stage) -> None:
    """As ffmpeg does behind ``-re``: 50 ms a second."""
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    for _ in range(30):
        stage.pass_time(0.1)
    for _ in range(125):
        stage.pass_time(FRAME * 0.95)
        for name, publisher in encoder.publishers.items():
            publisher.feed(encoder.uploads[name].chunks[encoder.at], stage.now)
        encoder.at += 1
    assert not stage.presentation.changes_soon
    assert not is_slate(segments(stage, "v")[-1])


def test_a_moment_of_silence_is_none(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    stage.pass_time(0.9)
    for _ in range(22):  # and catches up
        for name, publisher in encoder.publishers.items():
            publisher.feed(encoder.uploads[name].chunks[encoder.at], stage.now)
        encoder.at += 1
    encoder.send(60)
    assert len(stage.snapshot.periods) == 1
    assert not any(is_slate(each) for each in segments(stage, "v"))


def test_sound_that_vanishes_is_silence_until_it_is_back(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    encoder.kill("a")
    encoder.send(125)
    (period,) = stage.snapshot.periods
    assert [track.name for track in period.tracks] == ["a", "v"]
    assert watched(stage, "a") == pytest.approx(watched(stage, "v"), abs=0.1)
    assert not any(is_slate(each) for each in segments(stage, "v"))
    encoder.begin("a")
    encoder.send(100)
    *_, newest = stage.snapshot.periods
    assert [track.name for track in newest.tracks] == ["a", "v"]
    assert not is_slate(segments(stage, "a")[-1])


def test_an_encoder_that_comes_back_without_sound_has_silence(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    encoder.kill()
    stage.pass_time(2)
    Encoder(stage, "v").send(100)
    _, new = stage.snapshot.periods
    assert [track.name for track in new.tracks] == ["a", "v"]
    assert watched(stage, "a", 1) == pytest.approx(watched(stage, "v", 1), abs=0.1)


@pytest.mark.parametrize("first_time", [0, 500, 1000])
def test_an_encoder_that_comes_back_without_pictures_has_the_last_one(
    stage: Stage, first_time: int
) -> None:
    """Wherever its sound begins: seldom on a tick of the pictures' clock."""
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    encoder.kill()
    stage.pass_time(2)
    encoder.uploads["a"], encoder.at = sound(600, first_time), 0
    encoder.begin("a")
    encoder.send(100)
    _, new = stage.snapshot.periods
    assert [track.name for track in new.tracks] == ["a", "v"]
    assert watched(stage, "v", 1) == pytest.approx(watched(stage, "a", 1), abs=0.1)


def test_sound_that_comes_late_comes_in_place_of_silence(stage: Stage) -> None:
    encoder = Encoder(stage, "v")
    encoder.send(85)
    (period,) = stage.snapshot.periods
    assert [track.name for track in period.tracks] == ["silence", "v"]
    assert watched(stage, "silence") == pytest.approx(watched(stage, "v"), abs=0.1)
    encoder.uploads["a"] = sound(600)
    encoder.begin("a")
    encoder.send(100)
    old, new = stage.snapshot.periods
    assert [track.name for track in new.tracks] == ["a", "v"]
    assert old.end == new.start
    assert watched(stage, "silence") >= float(new.start - old.start) - 0.1
    assert not is_slate(segments(stage, "a")[-1])


def test_nobody_waits_for_news_of_a_silence_that_nobody_sends(stage: Stage) -> None:
    """Every look at a manifest that has not changed would take two seconds, for ever. But when
    there is sound, they do, until it is announced."""
    encoder = Encoder(stage, "v")
    encoder.send(85)
    assert [track.name for track in stage.snapshot.periods[0].tracks] == ["silence", "v"]
    assert not stage.presentation.changes_soon
    encoder.uploads["a"] = sound(600)
    encoder.begin("a")
    encoder.send(1)
    assert stage.presentation.changes_soon
    encoder.send(100)
    assert [track.name for track in stage.snapshot.periods[-1].tracks] == ["a", "v"]
    assert not stage.presentation.changes_soon


def test_nobody_waits_for_news_of_who_is_long_gone(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v", frames=2000)
    encoder.send(85)
    encoder.kill("a")
    encoder.send(1000)
    assert stage.presentation.changes_soon
    encoder.send(600)
    assert not stage.presentation.changes_soon


def test_silence_needs_no_more_than_is_announced(stage: Stage) -> None:
    Encoder(stage, "v").send(150)
    (told,) = (t for t in stage.snapshot.periods[0].tracks if t.name == "silence")
    whole = [each for each in segments(stage, "silence") if each.complete]
    assert len(whole) >= 2
    needed = [each.bytes * 8 * told.timescale / each.duration for each in whole]
    assert max(needed) <= told.bandwidth


def two_cameras(stage: Stage) -> Encoder:
    """Pictures that are no bit rates of each other: nobody switches between them unasked."""
    encoder = Encoder(stage, "a", "v1")
    encoder.uploads["v2"] = video(600, gop=GOP, spec=replace(VIDEO, language="deu"))
    encoder.begin("v2")
    return encoder


def test_a_camera_that_dies_is_left_out_as_there_are_others(stage: Stage) -> None:
    encoder = two_cameras(stage)
    encoder.send(85)
    encoder.kill("v2")
    encoder.send(120)
    old, new = stage.snapshot.periods
    assert [track.name for track in new.tracks] == ["a", "v1"]
    assert watched(stage, "v2") >= float(new.start - old.start) - 0.1, "its players switch then"


def test_players_go_on_by_the_numbers_of_the_old_period_until_they_know(stage: Stage) -> None:
    """Shaka asks for what comes next, and goes on behind it, whatever it gets."""
    encoder = two_cameras(stage)
    encoder.send(85)
    old_numbers = [each.number for each in segments(stage, "v1")]
    encoder.kill("v2")
    encoder.send(60)
    old, new = stage.snapshot.periods
    lasts = [max(n.number for n in segments(stage, t) if n.epoch == old.id) for t in ("a", "v1")]
    following = {last + 1 for last in lasts}.pop()
    assert following > old_numbers[-1]
    for name, track in stage.presentation.tracks.items():
        found = stage.presentation.find(track, following, stage.now)
        assert isinstance(found, Segment), name
        if name == "v2":
            assert is_slate(found)
            assert (found.epoch, found.complete) == (old.id, True)
            assert found.duration == pytest.approx(2 * 12800, rel=0.1)
        else:
            assert (found.epoch, found.number) == (new.id, new.tracks[0].start_number)


def test_a_track_without_slates_is_not_waited_for(stage: Stage) -> None:
    """Of what is encrypted there are none, and its encoder may come back without it."""
    encoder = Encoder(stage, "a", "v")
    encoder.uploads["e"] = video(600, gop=GOP, spec=ENCRYPTED)
    encoder.begin("e")
    encoder.send(85)
    encoder.kill()
    stage.pass_time(2)
    Encoder(stage, "a", "v").send(100)
    *_, newest = stage.snapshot.periods
    assert [track.name for track in newest.tracks] == ["a", "v"]
    assert not is_slate(segments(stage, "v")[-1])


def test_an_event_that_is_over_shows_no_slates_and_may_begin_again(stage: Stage) -> None:
    encoder = Encoder(stage, "a", "v")
    encoder.send(85)
    for publisher in encoder.publishers.values():
        publisher.finish(stage.now)
    for _ in range(110):
        stage.pass_time(0.1)
    assert stage.snapshot.ended
    count = len(segments(stage, "v"))
    stage.pass_time(5)
    Encoder(stage, "a", "v").send(60)
    old, new = stage.snapshot.periods
    assert old.end is not None
    assert old.end < new.start
    assert len([each for each in segments(stage, "v") if each.epoch == old.id]) == count


def test_a_period_that_began_years_ago_is_not_filled_with_slates() -> None:
    """One chunk may say that it lasts as long as it likes; what the window would let go at once is
    not made."""
    stage = Stage()
    publisher = stage.publish("v")
    publisher.feed(init_segment(), stage.now)
    publisher.feed(chunk(TrafSpec(1, 0, [Sample(b"x", 2**31 - 1, SYNC)])), stage.now)
    publisher.feed(chunk(TrafSpec(1, 2**31, [Sample(b"x", 512, SYNC)])), stage.now)
    stage.pass_time(5.0)
    silence = stage.presentation.tracks["silence"].segments.values()
    assert 0 < sum(len(segment.chunks) for segment in silence) < 1000
