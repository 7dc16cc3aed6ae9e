"""The command line, as a property of every plan; that ffmpeg does what it says, in tests/e2e."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.command import encoders, push_command
from sorgente.tools.ffmpeg import Ffmpeg
from sorgente.tools.inputs import Input, parse_input
from sorgente.tools.ladder import Rung
from sorgente.tools.plan import Plan, make_plan
from sorgente.tools.streams import Audio, Source, Video

FFMPEG = Ffmpeg("/usr/bin/ffmpeg")
LIVE = parse_input("rtsp://h/cam")


def line(plan: Plan, inputs: Sequence[Input] = (LIVE,), source: Source | None = None) -> list[str]:
    outputs = [f"pipe:{7 + index}" for index in range(len(plan.tracks))]
    return push_command(FFMPEG, inputs, plan, outputs, source=source)


def parts(command: Sequence[str]) -> list[list[str]]:
    """The arguments of each output, its name last."""
    rest = list(command)
    del rest[: len(rest) - 1 - rest[::-1].index("-i") + 2]
    if rest[:1] == ["-filter_complex"]:
        del rest[:2]
    outputs: list[list[str]] = [[]]
    for argument in rest:
        outputs[-1].append(argument)
        if argument.startswith("pipe:"):
            outputs.append([])
    assert not outputs.pop()
    return outputs


def value(arguments: Sequence[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


videos = st.builds(
    Video,
    st.sampled_from(["h264", "hevc", "av1", "mpeg2video", "rawvideo"]),
    st.integers(2, 4096),
    st.integers(2, 4096),
    st.sampled_from(["yuv420p", "yuv422p"]),
    interlaced=st.booleans(),
    key_frame_seconds=st.none() | st.floats(0.1, 20),
)
sources = st.builds(
    Source,
    videos,
    st.none() | st.builds(Audio, st.sampled_from(["aac", "opus", "mp3"])),
    st.none() | st.floats(1, 1e6),
)
ladders = st.lists(
    st.integers(50, 1100).map(lambda half: Rung(half * 2, 1_000_000)),
    max_size=8,
    unique_by=lambda rung: rung.height,
)
plans = st.builds(make_plan, st.none() | sources, ladder=ladders, encode=st.booleans())


@given(plans)
def test_all_that_is_encoded_has_its_key_frames_at_the_same_times(plan: Plan) -> None:
    encoded = [
        arguments
        for track, arguments in zip(plan.video, parts(line(plan)), strict=False)
        if track.copied is None
    ]
    for arguments in encoded:
        assert value(arguments, "-sc_threshold") == "0"
        assert value(arguments, "-tune") == "zerolatency"
    for flag in ("-g", "-force_key_frames", "-preset"):
        assert len({value(arguments, flag) for arguments in encoded}) <= 1
    assert len(encoded) in (0, len(plan.video))


@given(plans)
def test_every_track_is_a_file_of_its_own_with_times_that_mean_something(plan: Plan) -> None:
    outputs = parts(line(plan))
    assert [arguments[-1] for arguments in outputs] == [
        f"pipe:{7 + index}" for index in range(len(plan.tracks))
    ]
    for arguments in outputs:
        assert arguments.count("-map") == 1
        flags = set(value(arguments, "-movflags").split("+"))
        assert {"cmaf", "frag_every_frame", "frag_discont", "skip_trailer"} <= flags
        assert value(arguments, "-output_ts_offset") == "10"
        assert value(arguments, "-flush_packets") == "1"
        assert value(arguments, "-write_prft") == "wallclock"


@given(plans)
def test_every_rung_is_scaled_from_one_decoded_picture(plan: Plan) -> None:
    command = line(plan)
    encoded = [track for track in plan.video if track.copied is None]
    assert command.count("-filter_complex") == bool(encoded)
    if encoded:
        graph = value(command, "-filter_complex")
        assert graph.startswith("[0:V:0]")
        assert graph.count("split=") == 1
        assert ("yadif" in graph) == encoded[0].interlaced
        for track in encoded:
            assert f"[{track.name}]" in command
            assert graph.endswith(f"[{track.name}]") or f"[{track.name}];" in graph


def test_aac_loses_its_headers_and_its_init_segment_waits_for_that() -> None:
    copied = parts(line(make_plan(Source(None, Audio("aac")))))[0]
    assert value(copied, "-bsf:a") == "aac_adtstoasc"
    assert "delay_moov" in value(copied, "-movflags")
    assert "-bsf:a" not in parts(line(make_plan(Source(None, Audio("opus")))))[0]


def test_hevc_is_called_what_safari_plays() -> None:
    video = Video("hevc", 64, 64, "yuv420p")
    assert value(parts(line(make_plan(Source(video))))[0], "-tag:v") == "hvc1"


def test_only_what_is_all_there_is_held_back() -> None:
    plan = make_plan(Source(Video("h264", 64, 64, "yuv420p")))
    film = Source(duration=60.0)
    assert "-re" not in line(plan)
    assert "-re" in line(plan, source=film)  # a file somewhere else
    assert "-re" in line(plan, [parse_input("a.mp4")])
    assert "-re" in line(plan, [parse_input("test")])
    assert "-re" in line(plan, [parse_input("https://h/live.m3u8?token=x")])
    assert "-re" not in line(plan, [parse_input("/dev/video0")], film)


def test_sound_of_a_second_input() -> None:
    plan = make_plan(Source(Video("rawvideo", 64, 64)), sound=Audio("pcm_s16le"))
    command = line(plan, [parse_input("/dev/video0"), parse_input("alsa:default")])
    assert command.count("-i") == 2
    assert value(parts(command)[1], "-map") == "1:a:0"


def test_only_the_encoders_that_are_used_are_needed() -> None:
    copied = Source(Video("h264", 64, 64, "yuv420p"), Audio("aac"))
    assert encoders(make_plan(copied)) == []
    assert encoders(make_plan(copied, ladder=[Rung(64, 100_000)])) == ["libx264"]
    assert encoders(make_plan(copied, encode=True)) == ["libx264", "aac"]
