"""Where periods start and end, and what is in them from their first segment on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from sorgente.media.snapshot import PeriodSnapshot
from tests.media.stage import FRAME, Stage, both
from tests.support import boxes
from tests.support.boxes import AUDIO, ENCRYPTED, VIDEO, TrackSpec, visual_entry
from tests.support.live import Upload, media_of, sound, video


@pytest.fixture
def stage() -> Stage:
    return Stage()


def first_sound(stage: Stage, period: PeriodSnapshot) -> tuple[int, int]:
    """The first segment that ``sound`` has in a period: its number, and how many ticks before the
    period it begins."""
    told = next(track for track in period.tracks if track.name == "sound")
    segments = stage.presentation.tracks["sound"].segments.values()
    first = next(each for each in segments if each.epoch == period.id)
    init = boxes.init_segment(replace(AUDIO, track_id=1))
    (head, *_) = media_of(init + b"".join(first.slice(0, first.bytes)))
    return first.number, told.presentation_time_offset - head.fragment.tracks[0].base_decode_time


@pytest.mark.parametrize("spec", [VIDEO, ENCRYPTED], ids=["slates", "no slates"])
def test_an_encoder_that_restarts_opens_a_period_where_the_old_one_ends(
    stage: Stage, spec: TrackSpec
) -> None:
    first = stage.publish()
    stage.send(first, video(85, gop=25, spec=spec))
    stage.pass_time(0.5)
    first.break_off("killed", stage.now)
    (before,) = stage.snapshot.periods
    assert before.end is None, "nobody knows yet"
    growing = list(stage.presentation.tracks["video"].segments.values())[-1]
    assert growing.complete is (spec is ENCRYPTED)
    stage.pass_time(5)
    stage.send(stage.publish(), video(60, gop=25, spec=spec))
    old, new = stage.snapshot.periods
    assert old.id == before.id
    assert growing.complete
    assert old.end == new.start, "players wait out a gap"
    assert new.end is None
    waited = 1.0 if spec is VIDEO else 0.0  # a slate is left for a key frame that has just come
    assert abs(float(new.start - old.start) - (85 * FRAME + 5.5 + waited)) < 0.1
    assert new.tracks[0].start_number > old.tracks[0].start_number + 2
    assert new.tracks[0].init_name != old.tracks[0].init_name


def test_a_clean_restart_within_the_linger_goes_on(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(60, gop=25))
    publisher.finish(stage.now)
    stage.pass_time(3)
    stage.send(stage.publish(), video(60, gop=25))
    stage.pass_time(11)
    assert not stage.snapshot.ended
    assert len(stage.snapshot.periods) == 2


def test_the_window_lets_whole_segments_go_and_periods_with_them(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(60, gop=25))
    publisher.break_off("killed", stage.now)
    stage.send(stage.publish(), video(700, gop=25))
    assert len(stage.snapshot.periods) == 1
    assert len(stage.presentation.tracks["video"].segments) in (10, 11)
    assert stage.presentation.bytes_held == sum(
        segment.bytes_held for segment in stage.presentation.tracks["video"].segments.values()
    )


def test_another_rhythm_of_key_frames_opens_another_period(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(125, gop=25))
    longer = video(200, gop=40, first_time=125 * 512, first_number=126)
    for chunk in longer.chunks:
        stage.pass_time(FRAME)
        publisher.feed(chunk, stage.now)
    periods = stage.snapshot.periods
    assert periods[-1].tracks[0].segment_duration % (40 * 512) == 0
    assert all(period.end == later.start for period, later in pairwise(periods))


def test_a_period_off_the_grid_begins_with_nothing_of_the_old_one(stage: Stage) -> None:
    """Sound is cut where a picture was due that did not come; that stays in the old period."""
    pictures, noise = stage.publish("v"), stage.publish("sound")
    upload, heard = video(300, keys=[0, 50, 100, 182, 232, 282]), sound(300)
    pictures.feed(upload.init, stage.now)
    noise.feed(heard.init, stage.now)
    stage.send_together((pictures, upload.chunks), (noise, heard.chunks))
    _, new = stage.snapshot.periods[:2]
    _, early = first_sound(stage, new)
    assert early <= 1920


def test_a_period_stays_what_it_was_when_the_encoder_comes_back_as_another(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(60, gop=25))
    publisher.break_off("killed", stage.now)
    (before,) = stage.snapshot.periods
    other = replace(VIDEO, entry=visual_entry(width=1920, height=1080))
    stage.send(stage.publish(), video(60, gop=25, spec=other))
    old, new = stage.snapshot.periods
    assert old.tracks[0].width == before.tracks[0].width
    assert old.end == new.start
    assert new.tracks[0].width == 1920


def test_a_period_that_goes_on_knows_what_its_tracks_need(stage: Stage) -> None:
    """Not only the key frame that it starts with, which would be many times too much."""
    one = stage.publish("a")
    plain = video(300, gop=25, size=100)
    pictures = [
        chunk if index % 25 else video(1, size=5000, first_time=index * 512).chunks[0]
        for index, chunk in enumerate(plain.chunks)
    ]
    stage.send(one, Upload(plain.init, pictures), 0, 60)
    other = stage.publish("b")
    other.feed(plain.init, stage.now)
    stage.send_together((one, pictures[60:]), (other, plain.chunks[60:]))
    old, *_, new = stage.snapshot.periods
    assert old.tracks[0].name == new.tracks[0].name == "a"
    assert new.tracks[0].bandwidth < 1.3 * old.tracks[0].bandwidth
    assert new.tracks[0].frame_rate == old.tracks[0].frame_rate == 25


def test_a_wrap_of_time_stamps_goes_on_in_the_same_period(stage: Stage) -> None:
    """32 bits at 12.8 kHz are four days."""
    publisher = stage.publish()
    before = video(100, gop=25, first_time=2**32 - 100 * 512)
    after = video(100, gop=25, first_number=101)
    stage.send(publisher, before)
    for chunk in after.chunks:
        stage.pass_time(FRAME)
        publisher.feed(chunk, stage.now)
    (period,) = stage.snapshot.periods
    segments = list(stage.presentation.tracks["video"].segments.values())
    init = stage.presentation.tracks["video"].inits[period.id].data
    media = media_of(init + b"".join(b"".join(each.slice(0, each.bytes)) for each in segments))
    assert len(media) == 200
    assert media[-1].fragment.tracks[0].base_decode_time == 2**32 + 99 * 512


@pytest.mark.parametrize(("dies", "stays"), [("a", "b"), ("b", "a")])
def test_a_track_that_dies_does_not_hold_up_the_others(stage: Stage, dies: str, stays: str) -> None:
    publishers = {name: stage.publish(name) for name in "ab"}
    both(stage, video(60, gop=25), *publishers.values())
    publishers[dies].break_off("killed", stage.now)
    rest = video(150, gop=25)
    for chunk in rest.chunks[60:]:
        stage.pass_time(FRAME)
        publishers[stays].feed(chunk, stage.now)
    old, new = stage.snapshot.periods
    assert [track.name for track in old.tracks] == ["a", "b", "silence"]
    assert [track.name for track in new.tracks] == [stays, "silence"]
    assert old.end == new.start
    assert new.continues == old.id


def test_a_track_that_comes_later_is_announced_with_the_next_segment(stage: Stage) -> None:
    one = stage.publish("a")
    upload = video(200, gop=25)
    stage.send(one, upload, 0, 60)
    other = stage.publish("b")
    other.feed(upload.init, stage.now)
    for chunk in upload.chunks[60:]:
        stage.pass_time(FRAME)
        one.feed(chunk, stage.now)
        other.feed(chunk, stage.now)
    *_, newest = stage.snapshot.periods
    assert [track.name for track in newest.tracks] == ["a", "b", "silence"]
    assert stage.presentation.tracks["b"].segments


def test_a_period_starts_with_its_first_picture_not_with_its_decoding(stage: Stage) -> None:
    """Players cut off what is presented before a period, and wait where nothing is."""
    stage.send(stage.publish(), video(60, gop=25, offset=1024))
    (period,) = stage.snapshot.periods
    (track,) = period.tracks
    assert track.presentation_time_offset == 1024
    plain = Stage()
    plain.send(plain.publish(), video(60, gop=25))
    assert period.start - plain.snapshot.periods[0].start == Fraction(1024, 12800)
    assert stage.numbers() == plain.numbers() == [0, 1]


def test_sound_that_is_ahead_of_the_picture_is_there_when_a_period_starts(stage: Stage) -> None:
    """An encoder that looks ahead sends its pictures later than its sound."""
    ahead = 10
    publishers = [stage.publish("sound"), stage.publish("a")]
    uploads = [sound(200), video(200, gop=25)]
    later = video(200, gop=25)
    newcomer = stage.publish("b")
    for publisher, upload in zip(publishers, uploads, strict=True):
        publisher.feed(upload.init, stage.now)
    for index in range(ahead, 150):
        stage.pass_time(FRAME)
        publishers[0].feed(uploads[0].chunks[index], stage.now)
        publishers[1].feed(uploads[1].chunks[index - ahead], stage.now)
        if index == 70:
            newcomer.feed(later.init, stage.now)
        if index > 70:
            newcomer.feed(later.chunks[index - ahead], stage.now)
    *_, newest = stage.snapshot.periods
    assert [track.name for track in newest.tracks] == ["a", "b", "sound"]
    number, early = first_sound(stage, newest)
    assert number == newest.tracks[-1].start_number
    assert early >= -1920


def test_a_track_that_dies_before_it_shows_its_rhythm_does_not_hold_up_the_others(
    stage: Stage,
) -> None:
    one, other = stage.publish("a"), stage.publish("b")
    upload = video(80, gop=25)
    both(stage, Upload(upload.init, upload.chunks[:1]), one, other)
    one.break_off("killed", stage.now)
    stage.send(other, upload, 1)
    (period,) = stage.snapshot.periods
    assert [track.name for track in period.tracks] == ["b", "silence"]


def test_a_newcomer_does_not_wait_for_segments_of_one_who_is_gone(stage: Stage) -> None:
    heard = stage.publish("sound")
    stage.send(heard, sound(80))
    seen = stage.publish("a")
    upload = video(200, gop=25)
    seen.feed(upload.init, stage.now)
    seen.feed(upload.chunks[80], stage.now)
    heard.break_off("killed", stage.now)
    (before,) = stage.snapshot.periods
    stage.send(seen, upload, 81, 160)
    old, new = stage.snapshot.periods
    assert old.id == before.id
    assert [track.name for track in new.tracks] == ["a", "sound"]
    assert old.end == new.start
    assert stage.presentation.tracks["a"].segments


def test_who_is_left_is_announced_when_all_that_was_announced_is_gone(stage: Stage) -> None:
    """A track that begins a timeline of its own takes the presentation with it: and goes."""
    upload = video(500, gop=25)
    stays = stage.publish("a")
    stage.send(stays, upload, 0, 100)
    goes = stage.publish("b")
    goes.feed(upload.init + b"".join(upload.chunks[:60]), stage.now)
    goes.finish(stage.now)
    stage.send(stays, upload, 100, 500)
    newest = stage.snapshot.periods[-1]
    assert [track.name for track in newest.tracks] == ["a", "silence"]
    growing = stage.presentation.tracks["a"].growing
    assert growing is not None
    assert growing.chunks[-1].received_at == stage.now
