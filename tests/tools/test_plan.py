"""What is copied, what is encoded anew, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sorgente.tools.ladder import Rung, parse_ladder
from sorgente.tools.plan import AudioTrack, Plan, VideoTrack, make_plan
from sorgente.tools.streams import Audio, Source, Video

H264 = Video("h264", 1280, 720, "yuv420p", 25.0, key_frame_seconds=2.0)
COPIED = Source(H264, Audio("aac"))


@pytest.mark.parametrize(
    "video",
    [
        H264,
        replace(H264, key_frame_seconds=None),
        replace(H264, key_frame_seconds=4.0),
        replace(H264, pixel_format="yuvj420p"),
        replace(H264, codec="hevc", pixel_format="yuv420p10le"),
        replace(H264, codec="av1"),
    ],
)
def test_what_browsers_play_is_copied(video: Video) -> None:
    plan = make_plan(Source(video, Audio("opus")))
    assert plan.video == (VideoTrack("v", copied=video.codec),)
    assert plan.audio == AudioTrack(copied="opus")
    assert not plan.notes


@pytest.mark.parametrize(
    ("video", "why"),
    [
        (replace(H264, codec="mpeg2video"), "mpeg2video"),
        (replace(H264, pixel_format="yuv422p10le"), "yuv422p10le"),
        (replace(H264, interlaced=True), "interlaced"),
        (replace(H264, turned=True), "turned"),
        (replace(H264, key_frame_seconds=8.34), "8.3 s apart, and 4 s is the most"),
    ],
)
def test_what_they_do_not_play_is_encoded_and_said(video: Video, why: str) -> None:
    plan = make_plan(Source(video, Audio("aac")))
    assert plan.video == (
        VideoTrack("v", bit_rate=2_720_000, interlaced=video.interlaced),
    )  # fmt: skip
    assert why in plan.notes[0]


def test_sound_that_browsers_do_not_play_is_encoded_and_said() -> None:
    plan = make_plan(Source(H264, Audio("ac3")))
    assert plan.audio == AudioTrack()
    assert plan.notes == ("the sound is encoded anew: browsers do not play ac3",)


def test_raw_input_is_encoded_without_a_word() -> None:
    plan = make_plan(Source(Video("rawvideo", 640, 480, "yuyv422"), Audio("pcm_s16le")))
    assert (plan.video[0].copied, plan.audio, plan.notes) == (None, AudioTrack(), ())


def test_a_ladder_is_encoded_and_what_is_too_high_left_out_and_said() -> None:
    plan = make_plan(COPIED, ladder=parse_ladder("1080p,720p,360p:500k"))
    assert [(t.name, t.height, t.bit_rate) for t in plan.video] == [
        ("v720", 720, 2_720_000), ("v360", 360, 500_000)
    ]  # fmt: skip
    assert plan.notes == ("left out: 1080p; the source has 720 lines, no more",)
    assert plan.audio == AudioTrack(copied="aac")


def test_a_ladder_above_the_source_becomes_the_source() -> None:
    plan = make_plan(Source(replace(H264, height=361)), ladder=[Rung(720, 1_000_000)])
    assert [track.name for track in plan.video] == ["v360"]
    assert plan.audio is None


def test_encode_means_all_of_it() -> None:
    plan = make_plan(COPIED, encode=True)
    assert [track.copied for track in plan.tracks] == [None, None]
    assert not plan.notes


def test_another_input_for_the_sound() -> None:
    plan = make_plan(COPIED, sound=Audio("pcm_s16le"))
    assert plan.audio == AudioTrack(copied=None, input=1)
    assert make_plan(Source(None), sound=Audio("aac")).tracks == (
        AudioTrack(copied="aac", input=1),
    )


def test_a_caller_nobody_knows_is_taken_for_what_most_are() -> None:
    guess = make_plan(None)
    assert guess.does_for(make_plan(COPIED))
    assert guess.does_for(make_plan(Source(replace(H264, codec="hevc"), Audio("opus"))))
    assert not guess.does_for(make_plan(Source(H264)))
    assert not guess.does_for(make_plan(Source(replace(H264, codec="mpeg2video"), Audio("aac"))))


def test_an_unknown_caller_gets_the_whole_ladder_until_its_size_is_seen() -> None:
    ladder = parse_ladder("1080p,720p")
    guess = make_plan(None, ladder=ladder)
    assert [track.name for track in guess.video] == ["v1080", "v720"]
    assert not guess.does_for(make_plan(COPIED, ladder=ladder))
    assert guess.does_for(
        make_plan(Source(replace(H264, height=1080), Audio("aac")), ladder=ladder)
    )


def test_a_plan_in_a_few_words() -> None:
    assert make_plan(None).shown == "v copied, a copied"
    assert make_plan(Source(H264, Audio("mp3"))).shown == "v h264, a encoded"
    assert Plan((), AudioTrack()).shown == "a encoded"
