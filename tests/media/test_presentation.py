"""Uploads in, segments and snapshots out, on a clock of our own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sorgente.dash.recording import recorded
from sorgente.errors import ChannelConflict
from sorgente.isobmff.prft import NTP_EPOCH
from sorgente.media.channel import WHOLE
from sorgente.media.track import Absence
from tests.media.stage import FRAME, UTC, Stage, both
from tests.support import boxes
from tests.support.boxes import AUDIO, ENCRYPTED, NON_SYNC, SYNC, VIDEO, Sample, TrafSpec
from tests.support.live import TICKS, media_of, muxed, video
from tests.support.players import player
from tests.support.rules import channel_rules


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
    ("window", "target", "kept"), [(0.5, None, 8.0), (5.0, Fraction(10), 14.0), (60.0, None, 60.0)]
)
def test_players_at_the_target_find_what_they_ask_for_in_the_smallest_window(
    window: float, target: Fraction | None, kept: float
) -> None:
    """The target, and two segments of two seconds; and time to be told of the end."""
    stage = Stage(channel_rules(window=window, latency_target=target))
    stage.send(stage.publish(), video(600, gop=25))
    assert stage.snapshot.window == kept
    aimed_at = stage.now - float(stage.snapshot.latency_target)
    segments = stage.presentation.tracks["video"].segments.values()
    assert min(segment.began_at for segment in segments) < aimed_at


@pytest.mark.parametrize(
    ("asked", "target"), [(Fraction(1, 100), Fraction(1, 20)), (Fraction(1, 5), Fraction(1, 5))]
)
def test_no_player_is_asked_to_be_closer_than_a_chunk_is_long(
    asked: Fraction, target: Fraction
) -> None:
    stage = Stage(channel_rules(latency_target=asked))
    stage.send(stage.publish(), video(160, gop=25))
    assert stage.snapshot.latency_target == target


@pytest.mark.parametrize(
    ("asked", "target"),
    [("3", "1.7"), ("1", "0.5"), ("0.3", "0.3"), (None, "0.5")],
    ids=["the rest", "what players get by with", "no more than is asked", "by default"],
)
def test_what_the_encoder_keeps_for_itself_is_made_up_for_as_far_as_players_can(
    asked: str | None, target: str
) -> None:
    """It says with each chunk that this was made 1.3 s ago."""
    rules = channel_rules(latency_target=None if asked is None else Fraction(asked))
    stage, upload = Stage(rules), video(160, gop=25)
    made = [round((UTC + n * FRAME - 1.3 + NTP_EPOCH) * 2**32) for n in range(160)]
    chunks = [
        boxes.prft(1, when, 0) + chunk for when, chunk in zip(made, upload.chunks, strict=True)
    ]
    stage.send(stage.publish(), replace(upload, chunks=chunks))
    snapshot = stage.snapshot
    assert float(snapshot.periods[-1].encoder_delay) == pytest.approx(1.3, abs=0.01)
    assert float(snapshot.latency_target) == pytest.approx(float(target), abs=0.01)


@pytest.mark.parametrize("reordered", [0, 2, 4])
def test_an_encoder_that_reorders_speaks_of_pictures_as_they_are_presented(reordered: int) -> None:
    """Half a second passes from a picture's being made to when it is here; it is shown so many
    pictures later than it is decoded."""
    stage, upload = Stage(), video(160, gop=25, offset=reordered * TICKS)
    made = [round((UTC + (n + 1) * FRAME - 0.5 + NTP_EPOCH) * 2**32) for n in range(160)]
    chunks = [
        boxes.prft(1, when, 0) + chunk for when, chunk in zip(made, upload.chunks, strict=True)
    ]
    stage.send(stage.publish(), replace(upload, chunks=chunks))
    first = stage.snapshot.periods[0]
    assert float(first.produced_at) == pytest.approx(UTC + FRAME - 0.5, abs=0.001)


def test_an_encoder_whose_clock_is_right_is_understood_by_an_origin_that_is_ahead() -> None:
    """The origin's machine was set back by 5 s: both are right now, but players go on."""
    stage, upload = Stage(), video(160, gop=25)
    stage.utc.sync(stage.now, UTC - 5, announced=True)
    made = [round((UTC - 5 + n * FRAME - 1.3 + NTP_EPOCH) * 2**32) for n in range(160)]
    chunks = [
        boxes.prft(1, when, 0) + chunk for when, chunk in zip(made, upload.chunks, strict=True)
    ]
    stage.send(stage.publish(), replace(upload, chunks=chunks))
    assert float(stage.snapshot.periods[-1].encoder_delay) == pytest.approx(1.3, abs=0.01)
    age = stage.presentation.tracks["video"].pulse.age
    assert age == pytest.approx(1.3 + FRAME, abs=0.01)


def test_chunks_that_are_whole_segments_go_on_over_a_drift() -> None:
    """An encoder whose clock is 200 ppm slow, by track: 12 minutes, of which every 75 ms of drift
    make a period."""
    stage = Stage(channel_rules(window_bytes=1 << 26))
    publishers = stage.publish("v"), stage.publish("a")
    publishers[0].feed(boxes.init_segment(VIDEO), stage.now)
    publishers[1].feed(boxes.init_segment(replace(AUDIO, track_id=1)), stage.now)
    slated = set()
    for group in range(360):
        for _ in range(8):
            stage.pass_time(0.25 * 1.0002)
        samples = [Sample(b"frame", TICKS, NON_SYNC if n else SYNC) for n in range(50)]
        for publisher, traf in zip(
            publishers,
            (
                TrafSpec(1, group * 50 * TICKS, samples),
                TrafSpec(1, group * 96_000, [Sample(b"sound", 1920)] * 50),
            ),
            strict=True,
        ):
            publisher.feed(boxes.chunk(traf, sequence_number=group + 1), stage.now)
        period = stage.presentation.newest_period
        members = {} if period is None else period.members
        slated |= {name for name, member in members.items() if member.slates}
    assert not slated, "the encoder never stopped"
    assert 2 <= stage.channel.counters.periods <= 3


@pytest.mark.parametrize("target", ["1", "0.5"])
def test_a_number_is_one_segment_however_soon_periods_follow_each_other(target: str) -> None:
    rules = channel_rules(window_bytes=1 << 26)
    short = replace(rules.presentation, segment_target=Fraction(target))
    for late in range(5, 100, 6):
        stage = Stage(replace(rules, presentation=short))
        upload = video(200, gop=13)
        publishers = [stage.publish("v"), stage.publish("u")]
        both(stage, replace(upload, chunks=upload.chunks[:late]), *publishers)
        publishers.append(stage.publish("w"))  # another bit rate
        publishers[-1].feed(upload.init, stage.now)
        stage.send_together(*((each, upload.chunks[late:]) for each in publishers))
        for track in stage.presentation.tracks.values():
            for number, segment in track.segments.items():
                assert stage.presentation.find(track, number, stage.now) is segment


def test_a_recording_stays_one_when_subtitles_hang_up_later(stage: Stage) -> None:
    wvtt = boxes.box(b"wvtt", bytes(6), boxes.u16(1), boxes.box(b"vttC", b"WEBVTT"))
    text = replace(VIDEO, handler=b"text", entry=wvtt)
    pictures, subtitles = stage.publish("v"), stage.publish("t")
    subtitles.feed(boxes.init_segment(text), stage.now)
    subtitles.feed(boxes.chunk(TrafSpec(1, 0, [Sample(b"hello", TICKS)])), stage.now)
    stage.send(pictures, video(200, gop=25))
    pictures.finish(stage.now)
    for _ in range(160):
        stage.pass_time(0.1)
    assert stage.snapshot.ended
    assert not stage.snapshot.farewell
    subtitles.finish(stage.now)
    for _ in range(150):
        stage.pass_time(0.1)
        assert stage.presentation.over or not stage.snapshot.farewell


@pytest.mark.parametrize("window", [0.5, 8.0, 12.0])
def test_the_end_of_an_event_is_told_however_small_the_window(window: float) -> None:
    """Shaka ends with nothing but a static manifest, and with none of an empty period."""
    stage = Stage(channel_rules(window=window))
    publisher = stage.publish()
    stage.send(publisher, video(310, gop=25))
    publisher.finish(stage.now)
    while not stage.snapshot.ended or stage.snapshot.farewell:
        stage.pass_time(0.1)
    (period,) = recorded(stage.snapshot).periods
    assert period.end is not None
    assert period.end > period.start
    for track in period.tracks:
        assert track.start_number in stage.presentation.tracks[track.name].segments


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


@pytest.mark.parametrize(
    ("packets", "segment"), [((94, 93), 2.1), ((188, 187), 4.1), ((187, 188), 4.0)]
)
def test_segments_of_sound_are_no_shorter_than_its_chunks(
    stage: Stage, packets: tuple[int, int], segment: float
) -> None:
    """Radio, sent a segment at a time: no number is left out, for as long as it plays."""
    publisher = stage.publish("a")
    publisher.feed(boxes.init_segment(AUDIO), stage.now)
    time = 0
    for count in packets * 200:
        stage.pass_time(count * 1024 / 48000)
        samples = [Sample(b"sound", 1024, SYNC)] * count
        publisher.feed(boxes.chunk(TrafSpec(2, time, samples)), stage.now)
        time += count * 1024
        if stage.presentation.tracks["a"].segments:
            numbers = stage.numbers("a")
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    (track,) = stage.snapshot.periods[0].tracks
    assert track.segment_duration == round(segment * 48000)


@pytest.mark.parametrize("gop", [50, 40])
@pytest.mark.parametrize("frames", [53, 75, 125, 150])
def test_sound_in_chunks_longer_than_segments_has_its_part_in_all_of_them(
    frames: int, gop: int
) -> None:
    """Beside pictures; players at the target ask for one segment after the other."""
    stage = Stage(channel_rules(window=60.0, window_bytes=1 << 26))
    pictures, noise = stage.publish("v"), stage.publish("a")
    upload = video(1500, gop=gop)
    pictures.feed(upload.init, stage.now)
    noise.feed(boxes.init_segment(replace(AUDIO, track_id=1)), stage.now)
    met: set[object] = set()
    newest = None
    for frame, picture in enumerate(upload.chunks, 1):
        stage.send_together((pictures, [picture]))
        if frame % frames == 0:
            traf = TrafSpec(1, (frame - frames) * 1920, [Sample(b"sound", 1920)] * frames)
            noise.feed(boxes.chunk(traf, sequence_number=frame), stage.now)
        newest = stage.presentation.newest_period
        if frame > 750 and newest is not None:
            aimed_at = Fraction(stage.now - 100.0 + UTC) - stage.snapshot.latency_target
            number = newest.number_due(aimed_at) - 1
            found = stage.presentation.find(stage.presentation.tracks["a"], number, stage.now)
            met.add(found if isinstance(found, Absence) else "there")
    assert met == {"there"}
    assert stage.channel.counters.periods <= 2, "one without sound, and one with it"
    assert not stage.presentation.changes_soon
    assert newest is not None
    assert not any(member.slates for member in newest.members.values())


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


@pytest.mark.parametrize(
    ("window", "target", "gop", "depth"),
    [
        (20.0, None, 25, 20),
        (5.0, 4, 25, 8),
        (5.0, 4, 100, 12),
        (5.0, None, 250, Fraction(205, 10)),
    ],
)
def test_what_players_need_is_kept_though_the_window_is_shorter(
    window: float, target: int | None, gop: int, depth: Fraction
) -> None:
    """The latency target and two segments, as long as the encoder's groups of pictures are."""
    latency = None if target is None else Fraction(target)
    stage = Stage(channel_rules(window=window, window_bytes=1 << 24, latency_target=latency))
    publisher, upload = stage.publish(), video(1250, gop=gop)
    stage.send(publisher, upload, 0, 1000)
    assert stage.snapshot.window == depth
    for at in range(1000, 1250):
        stage.send(publisher, upload, at, at + 1)
        (period,) = stage.snapshot.periods
        (track,) = period.tracks
        late = Fraction(stage.now - 100.0 + UTC) - period.start - depth
        number = track.start_number + late * track.timescale // track.segment_duration + 1
        found = stage.presentation.find(stage.presentation.tracks["video"], number, stage.now)
        assert not isinstance(found, Absence), "all that is announced is there"


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


def test_a_break_of_the_rhythm_is_forgiven_after_a_while(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(
        publisher,
        video(1700, keys={*range(0, 100, 25), *range(110, 1650, 25), *range(1665, 1700, 25)}),
    )
    (track,) = stage.snapshot.periods[-1].tracks
    assert track.segment_duration == 50 * 512
    publisher.finish(stage.now)


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


def test_silence_right_after_the_first_chunk_is_no_presentation(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(1))
    stage.pass_time(100)
    assert stage.presentation.snapshot() is None
    publisher.break_off("silent", stage.now)


def test_an_encoder_that_never_sends_a_second_key_frame_is_kept_within_bounds() -> None:
    stage = Stage(channel_rules(window=20.0, window_bytes=20_000))
    stage.send(stage.publish(), video(500, gop=1000))
    assert stage.presentation.snapshot() is None
    assert stage.presentation.bytes_held <= 20_000


def test_an_event_of_one_group_is_announced_at_its_end(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(100, gop=250))
    assert stage.presentation.snapshot() is None
    publisher.finish(stage.now)
    (track,) = stage.snapshot.periods[0].tracks
    assert track.segment_duration == 4 * 12800
    stage.pass_time(20)
    first = next(iter(stage.presentation.tracks["video"].segments.values()))
    assert first.complete
    assert len(first.chunks) == 100
    assert stage.presentation.ended


def test_and_with_all_its_tracks(stage: Stage) -> None:
    """They end one by one."""
    one, other = stage.publish("v1"), stage.publish("v2")
    both(stage, video(100, gop=250), one, other)
    one.finish(stage.now)
    other.finish(stage.now)
    assert {"v1", "v2"} <= {track.name for track in stage.snapshot.periods[0].tracks}
    for name in ("v1", "v2"):
        first = next(iter(stage.presentation.tracks[name].segments.values()))
        assert len(first.chunks) == 100


def test_one_that_broke_off_may_come_back_with_its_second_key_frame(stage: Stage) -> None:
    publisher = stage.publish()
    stage.send(publisher, video(40, gop=250))
    publisher.break_off("killed", stage.now)
    assert stage.presentation.snapshot() is None


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
