"""Uploads in, segments and snapshots out, on a clock of our own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from sorgente.errors import ChannelConflict
from sorgente.media.channel import WHOLE, Channel, ChannelRules
from sorgente.media.publisher import Publisher
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.track import Absence
from sorgente.media.utc import UtcClock
from tests.support import boxes
from tests.support.boxes import AUDIO, ENCRYPTED, VIDEO, TrackSpec, visual_entry
from tests.support.journal import RecordingJournal
from tests.support.live import Upload, media_of, muxed, sound, video
from tests.support.players import player
from tests.support.rules import channel_rules

UTC = 1795348800.0
FRAME = 0.04
RULES = channel_rules(window=20.0, window_bytes=1 << 24)


class Stage:
    """A channel whose encoder sends a frame every 40 ms."""

    def __init__(self, rules: ChannelRules = RULES) -> None:
        self.now = 100.0
        self.channel = Channel("live", rules, RecordingJournal(), UtcClock(self.now, UTC))
        self.presentation = self.channel.presentation

    def publish(self, track: str = WHOLE) -> Publisher:
        return self.channel.publish(track, "me", self.now, UTC, lambda _: None, takeover=False)

    def send(self, publisher: Publisher, upload: Upload, start: int = 0, end: int = 10**6) -> None:
        """Chunks ``start`` … ``end - 1``, in real time; the init segment before the first."""
        if start == 0:
            publisher.feed(upload.init, self.now)
        for chunk in upload.chunks[start:end]:
            self.pass_time(FRAME)
            publisher.feed(chunk, self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.channel.tick(self.now)

    @property
    def snapshot(self) -> PresentationSnapshot:
        snapshot = self.presentation.snapshot()
        assert snapshot is not None
        return snapshot

    def numbers(self, track: str = "video") -> list[int]:
        first = self.snapshot.periods[0].tracks[0].start_number
        return [number - first for number in self.presentation.tracks[track].segments]

    def body(self, track: str, index: int) -> bytes:
        segments = list(self.presentation.tracks[track].segments.values())
        return b"".join(segments[index].slice(0, segments[index].bytes))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_nothing_is_announced_before_the_grid_is_known(stage: Stage) -> None:
    publisher = stage.publish()
    upload = video(100, gop=25)
    stage.send(publisher, upload, 0, 25)
    assert stage.presentation.snapshot() is None
    stage.send(publisher, upload, 25, 26)
    period = stage.snapshot.periods[0]
    assert abs(float(period.start) - (UTC + 0.0)) < 0.05, "when its first chunk began"
    assert [track.name for track in period.tracks] == ["video"]


def test_segments_are_whole_groups_of_pictures_on_the_grid(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(160, gop=25))
    (track,) = stage.snapshot.periods[0].tracks
    assert track.segment_duration == 2 * 12800
    assert track.frame_rate == 25
    assert track.chunk_duration == Fraction(1, 25)
    assert stage.numbers() == [0, 1, 2, 3]
    kept = list(stage.presentation.tracks["video"].segments.values())
    assert [segment.complete for segment in kept] == [True, True, True, False]
    assert [len(segment.chunks) for segment in kept] == [50, 50, 50, 10]
    init = stage.presentation.tracks["video"].inits[kept[0].epoch].data
    for index in range(4):
        media = media_of(init + stage.body("video", index))
        assert media[0].random_access


@pytest.mark.parametrize(
    ("gop", "expected"), [(25, 2.0), (48, 1.92), (50, 2.0), (100, 4.0), (10, 2.0), (15, 1.8)]
)
def test_a_segment_is_the_number_of_groups_nearest_to_the_target(
    stage: Stage, gop: int, expected: float
) -> None:
    stage.send(stage.publish(), video(3 * gop, gop=gop))
    (track,) = stage.snapshot.periods[0].tracks
    assert track.segment_duration == round(expected * 12800)


def test_sound_is_cut_on_the_grid_of_the_picture(stage: Stage) -> None:
    stage.send(stage.publish(), muxed(160, gop=25))
    names = [track.name for track in stage.snapshot.periods[0].tracks]
    assert names == ["audio", "video"]
    assert stage.numbers("audio") == stage.numbers("video") == [0, 1, 2, 3]
    sound = list(stage.presentation.tracks["audio"].segments.values())
    assert [len(segment.chunks) for segment in sound] == [50, 50, 50, 10]


def test_tracks_that_come_by_themselves_share_one_period(stage: Stage) -> None:
    one, other = stage.publish("v1"), stage.publish("v2")
    upload = video(160, gop=25)
    for publisher in (one, other):
        publisher.feed(upload.init, stage.now)
    for chunk in upload.chunks:
        stage.pass_time(FRAME)
        one.feed(chunk, stage.now)
        other.feed(chunk, stage.now)
    (period,) = stage.snapshot.periods
    assert [track.name for track in period.tracks] == ["silence", "v1", "v2"]
    assert stage.numbers("v1") == stage.numbers("v2") == [0, 1, 2, 3]


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


def test_while_the_encoder_is_away_its_next_segments_are_not_missing(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(60, gop=25, spec=ENCRYPTED))
    publisher.break_off("killed", stage.now)
    track = stage.presentation.tracks["video"]
    last = track.last_number
    stage.pass_time(6)
    found = [stage.presentation.find(track, last + n, stage.now) for n in range(1, 6)]
    assert found == [Absence.NEXT] * 4 + [Absence.UNKNOWN]


def test_an_event_lingers_ends_and_is_forgotten(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(60, gop=25))
    publisher.finish(stage.now)
    assert not stage.snapshot.ended
    stage.pass_time(10)
    assert stage.snapshot.ended
    assert stage.snapshot.farewell
    (period,) = stage.snapshot.periods
    assert period.end is not None
    assert 12.3 < period.end - period.start < 12.5, "with the slate that its players see"
    stage.pass_time(10)
    assert not stage.snapshot.farewell
    (period,) = stage.snapshot.periods
    assert period.end == period.start + Fraction(60, 25), "without, as a recording"
    stage.pass_time(20)
    assert stage.presentation.snapshot() is None
    assert stage.channel.idle


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


def test_key_frames_without_a_rhythm_get_longer_segments_that_begin_with_one(
    stage: Stage,
) -> None:
    keys = {0, 50, 70, 120, 150, 200, 220, 270, 320, 330, 390, 440, 470, 520, 560, 600}
    upload = video(640, keys=keys)
    stage.send(stage.publish(), upload)
    newest = stage.snapshot.periods[-1]
    (track,) = newest.tracks
    assert track.segment_duration == 4 * 12800, "two of the longest groups, in whole seconds"
    mine = [
        each
        for each in stage.presentation.tracks["video"].segments.values()
        if each.epoch == newest.id
    ]
    assert len(mine) > 3
    numbers = [each.number for each in mine]
    assert numbers == list(range(numbers[0], numbers[0] + len(mine))), "without a hole"
    init = stage.presentation.tracks["video"].inits[newest.id].data
    for segment in mine:
        media = media_of(init + b"".join(segment.slice(0, segment.bytes)))
        assert media[0].random_access
        late = media[0].fragment.tracks[0].base_decode_time - segment.time
        assert 0 <= late <= track.segment_duration // 2


def test_a_period_off_the_grid_begins_with_nothing_of_the_old_one(stage: Stage) -> None:
    """Sound is cut where a picture was due that did not come; that stays in the old period."""
    pictures, noise = stage.publish("v"), stage.publish("sound")
    upload, heard = video(300, keys=[0, 50, 100, 182, 232, 282]), sound(300)
    pictures.feed(upload.init, stage.now)
    noise.feed(heard.init, stage.now)
    for picture, packet in zip(upload.chunks, heard.chunks, strict=True):
        stage.pass_time(FRAME)
        pictures.feed(picture, stage.now)
        noise.feed(packet, stage.now)
    _, new = stage.snapshot.periods[:2]
    told = next(track for track in new.tracks if track.name == "sound")
    segments = stage.presentation.tracks["sound"].segments.values()
    first = next(each for each in segments if each.epoch == new.id)
    (head, *_) = media_of(
        boxes.init_segment(replace(AUDIO, track_id=1)) + b"".join(first.slice(0, first.bytes))
    )
    assert head.fragment.tracks[0].base_decode_time >= told.presentation_time_offset - 1920


def test_a_break_of_the_rhythm_is_forgiven_after_a_while(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(
        publisher,
        video(1700, keys={*range(0, 100, 25), *range(110, 1650, 25), *range(1665, 1700, 25)}),
    )
    (track,) = stage.snapshot.periods[-1].tracks
    assert track.segment_duration == 50 * 512
    publisher.finish(stage.now)


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
    for own, others in zip(pictures[60:], plain.chunks[60:], strict=True):
        stage.pass_time(FRAME)
        one.feed(own, stage.now)
        other.feed(others, stage.now)
    old, *_, new = stage.snapshot.periods
    assert old.tracks[0].name == new.tracks[0].name == "a"
    assert new.tracks[0].bandwidth < 1.3 * old.tracks[0].bandwidth
    assert new.tracks[0].frame_rate == old.tracks[0].frame_rate == 25


def test_a_segment_that_needs_more_than_announced_is_announced(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(60, gop=25, size=100))
    (before,) = stage.snapshot.periods
    busy = video(140, gop=25, size=2000, first_time=50 * 512, first_number=51)
    for chunk in busy.chunks[10:]:
        stage.pass_time(FRAME)
        publisher.feed(chunk, stage.now)
    (after,) = stage.snapshot.periods
    assert after.tracks[0].bandwidth > 5 * before.tracks[0].bandwidth


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


def test_silence_right_after_the_first_chunk_is_no_presentation(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(1))
    stage.pass_time(100)
    assert stage.presentation.snapshot() is None
    publisher.break_off("silent", stage.now)


def both(stage: Stage, upload: Upload, *publishers: Publisher) -> None:
    for publisher in publishers:
        publisher.feed(upload.init, stage.now)
    for chunk in upload.chunks:
        stage.pass_time(FRAME)
        for publisher in publishers:
            publisher.feed(chunk, stage.now)


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


def test_a_track_on_a_clock_of_its_own_comes_to_those_that_are_there(stage: Stage) -> None:
    """It counts from 0; what they were in the middle of goes on, by new numbers."""
    one = stage.publish("a")
    upload, late = video(300, gop=25), sound(240)
    stage.send(one, upload, 0, 60)
    track = stage.presentation.tracks["a"]
    kept = list(track.segments.values())
    other = stage.publish("sound")
    other.feed(late.init, stage.now)
    for chunk, heard in zip(upload.chunks[60:], late.chunks, strict=True):
        stage.pass_time(FRAME)
        one.feed(chunk, stage.now)
        other.feed(heard, stage.now)
    old, new = stage.snapshot.periods
    assert new.continues == old.id
    assert [each.name for each in new.tracks] == ["a", "sound"]
    assert (new.start - old.start) % 2 == 0, "on the grid"
    assert list(track.segments.values())[: len(kept)] == kept
    starts = {each.name: each.presentation_time_offset for each in new.tracks}
    (first, *_) = media_of(track.inits[new.id].data + stage.body("a", len(track.segments) - 1))
    assert (first.fragment.tracks[0].base_decode_time - starts["a"]) % (2 * 12800) == 0
    heard_track = stage.presentation.tracks["sound"]
    index = next(i for i, s in enumerate(heard_track.segments.values()) if s.epoch == new.id)
    (first, *_) = media_of(heard_track.inits[new.id].data + stage.body("sound", index))
    assert abs(first.fragment.tracks[0].base_decode_time - starts["sound"]) <= 1920


def test_a_track_that_comes_back_as_something_else_is_announced_as_that(stage: Stage) -> None:
    """There was no slate of it, and the others go on."""
    one, other = stage.publish("a"), stage.publish("b")
    upload, sealed = video(300, gop=25), video(60, gop=25, spec=ENCRYPTED)
    stage.send(one, upload, 0, 5)
    other.feed(sealed.init, stage.now)
    for chunk, shown in zip(upload.chunks[5:], sealed.chunks, strict=False):
        stage.pass_time(FRAME)
        one.feed(chunk, stage.now)
        other.feed(shown, stage.now)
    (*_, before) = stage.snapshot.periods
    other.break_off("killed", stage.now)
    again = stage.publish("b")
    again.feed(upload.init, stage.now)
    for chunk, anew in zip(upload.chunks[65:265], upload.chunks, strict=False):
        stage.pass_time(FRAME)
        one.feed(chunk, stage.now)
        again.feed(anew, stage.now)
    *_, newest = stage.snapshot.periods
    track = stage.presentation.tracks["b"]
    assert "b" in {each.name for each in before.tracks}
    assert b"encv" in track.inits[before.id].data
    assert b"encv" not in track.inits[newest.id].data
    assert newest.continues
    first = next(i for i, s in enumerate(track.segments.values()) if s.epoch == newest.id)
    (head, *_) = media_of(track.inits[newest.id].data + stage.body("b", first))
    assert head.random_access


def test_pictures_that_come_to_sound_lead_from_their_first_key_picture_on(stage: Stage) -> None:
    heard, upload = stage.publish("sound"), sound(400)
    stage.send(heard, upload, 0, 83)
    seen, pictures = stage.publish("a"), video(300, gop=25, keys=range(7, 300, 25))
    seen.feed(pictures.init, stage.now)
    for chunk, shown in zip(upload.chunks[83:], pictures.chunks, strict=False):
        stage.pass_time(FRAME)
        heard.feed(chunk, stage.now)
        seen.feed(shown, stage.now)
    old, new = stage.snapshot.periods
    assert new.continues == old.id
    assert [track.name for track in new.tracks] == ["a", "sound"]
    track = stage.presentation.tracks["a"]
    (first, *_) = media_of(track.inits[new.id].data + stage.body("a", 0))
    assert first.random_access
    assert first.fragment.tracks[0].base_decode_time == new.tracks[0].presentation_time_offset


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
    told = newest.tracks[-1]
    segments = stage.presentation.tracks["sound"].segments.values()
    first = next(s for s in segments if s.epoch == newest.id)
    assert first.number == newest.tracks[-1].start_number
    (head, *_) = media_of(
        boxes.init_segment(replace(AUDIO, track_id=1)) + b"".join(first.slice(0, first.bytes))
    )
    assert head.fragment.tracks[0].base_decode_time - told.presentation_time_offset <= 1920


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


def test_an_encoder_that_never_sends_a_second_key_frame_is_kept_within_bounds() -> None:
    stage = Stage(channel_rules(window=20.0, window_bytes=20_000))
    stage.send(stage.publish(), video(500, gop=1000))
    assert stage.presentation.snapshot() is None
    assert stage.presentation.bytes_held <= 20_000


def test_tracks_are_one_progressive_stream_again(stage: Stage) -> None:
    subscriber, sink = player()
    stage.channel.feed(WHOLE).subscribe(subscriber)
    one, other = stage.publish("v1"), stage.publish("v2")
    both(stage, video(60, gop=25), one, other)
    late, late_sink = player()
    stage.channel.feed(WHOLE).subscribe(late)
    assert len(media_of(late_sink.body)) == 20
    one.finish(stage.now)
    assert sink.open
    other.finish(stage.now)
    assert sink.ended
    media = media_of(sink.body)
    assert [chunk.fragment.tracks[0].track_id for chunk in media[-2:]] == [1, 2]
    assert len(media) == 120


def test_that_stream_survives_its_encoder_on_one_timeline(stage: Stage) -> None:
    subscriber, sink = player()
    stage.channel.feed(WHOLE).subscribe(subscriber)
    for _ in range(2):
        publishers = stage.publish("v1"), stage.publish("v2")
        both(stage, video(60, gop=25), *publishers)
        for publisher in publishers:
            publisher.break_off("killed", stage.now)
        stage.pass_time(3)
    assert len(media_of(sink.body)) == 240, "times that only grow, of one init segment"
    stage.pass_time(60)
    assert sink.aborted


def test_a_channel_is_one_stream_or_tracks_not_both(stage: Stage) -> None:
    stage.send(stage.publish("v1"), video(1))
    with pytest.raises(ChannelConflict, match="live is published track by track already"):
        stage.publish()
    other = Stage()
    other.publish()
    with pytest.raises(ChannelConflict, match="live is published as one stream already"):
        other.publish("v1")


def test_who_waits_for_the_first_announcement_is_called_once(stage: Stage) -> None:
    called: list[str] = []
    stage.presentation.await_announcement("a", lambda: called.append("a"))
    stage.presentation.await_announcement("b", lambda: called.append("b"))
    stage.presentation.await_no_longer("b")
    stage.send(stage.publish(), video(80, gop=25))
    assert called == ["a"]


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


def test_an_event_may_end_twice_and_have_nothing_left_to_end(stage: Stage) -> None:
    """Its encoder came back without a single chunk; a player who waits keeps the channel."""
    first = stage.publish()
    stage.send(first, video(60, gop=25))
    first.finish(stage.now)
    stage.pass_time(10)
    assert stage.snapshot.ended
    second = stage.publish()
    second.feed(video(0).init, stage.now)
    second.break_off("killed", stage.now)
    stage.pass_time(15)
    subscriber, _ = player()
    stage.channel.feed(WHOLE).subscribe(subscriber)
    for _ in range(60):
        stage.pass_time(1)
    assert stage.presentation.snapshot() is None
    assert stage.channel.waiting == 1


def test_bytes_are_bound_between_ticks_too(stage: Stage) -> None:
    """A file comes in faster than time passes."""
    stage = Stage(channel_rules(window=20.0, window_bytes=20_000))
    publisher, upload = stage.publish(), video(1000, gop=25)
    stage.send(publisher, upload, 0, 60)
    for chunk in upload.chunks[60:]:
        publisher.feed(chunk, stage.now)
        segment = sum(map(len, upload.chunks[:50]))
        assert stage.presentation.bytes_held < 20_000 + segment


def test_sound_and_picture_make_room_together() -> None:
    stage = Stage(channel_rules(window=20.0, window_bytes=100_000))
    stage.send(stage.publish(), muxed(500, gop=25))
    assert stage.numbers("audio") == stage.numbers("video")
    assert 2 < len(stage.numbers()) < 6
