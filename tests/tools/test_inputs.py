"""INPUT as people type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sorgente.tools.errors import InputRefused, UnusableArgument
from sorgente.tools.ffmpeg import Ffmpeg
from sorgente.tools.inputs import Kind, parse_input

FFMPEG = Ffmpeg("ffmpeg", bursts=True, writes_text=True)


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("recording.mp4", Kind.FILE, "file:recording.mp4"),
        ("a:b?c=d.mp4", Kind.FILE, "file:a:b?c=d.mp4"),
        ("file:a.mp4", Kind.FILE, "file:a.mp4"),
        ("concat:a|b", Kind.FILE, "file:concat:a|b"),
        ("/dev/video0", Kind.DEVICE, "/dev/video0"),
        ("v4l2:/dev/video2", Kind.DEVICE, "/dev/video2"),
        ("alsa:hw:1,0", Kind.DEVICE, "hw:1,0"),
        ("avfoundation:FaceTime HD Camera:0", Kind.DEVICE, "FaceTime HD Camera:0"),
        ("lavfi:testsrc2=size=64x64?", Kind.SYNTHETIC, "testsrc2=size=64x64?"),
        ("rtmp://0.0.0.0:1935/live/key?listen", Kind.LISTENER, "rtmp://0.0.0.0:1935/live/key"),
        ("rtmp://h/live?a=b&listen=1&c=d", Kind.LISTENER, "rtmp://h/live?a=b&c=d"),
        ("rtmp://h/live?listen&c=d", Kind.LISTENER, "rtmp://h/live?c=d"),
        ("rtmp://h/live/x", Kind.STREAM, "rtmp://h/live/x"),
        ("srt://:9000?mode=listener", Kind.LISTENER, "srt://:9000?mode=listener"),
        ("srt://h:9000", Kind.STREAM, "srt://h:9000"),
        ("rtsp://h/cam", Kind.STREAM, "rtsp://h/cam"),
        ("udp://239.0.0.1:1234", Kind.STREAM, "udp://239.0.0.1:1234"),
        ("https://h/live.m3u8", Kind.STREAM, "https://h/live.m3u8"),
    ],
)
def test_what_is_typed_is_what_is_opened(text: str, kind: Kind, target: str) -> None:
    parsed = parse_input(text)
    assert parsed.kind is kind
    assert parsed.arguments(FFMPEG, paced=False)[-2:] == ["-i", target]


def test_a_test_picture_has_sound_a_size_and_a_clock() -> None:
    parsed = parse_input("test:640x360@25")
    assert parsed.known is not None
    assert parsed.known.video is not None
    assert (parsed.known.video.width, parsed.known.video.height) == (640, 360)
    assert parsed.known.audio is not None
    graph = parsed.arguments(FFMPEG, paced=True)[-1]
    assert "size=640x360:rate=25,drawtext=" in graph
    assert "gmtime" in graph
    mute = parsed.arguments(Ffmpeg("ffmpeg", writes_text=False), paced=True)[-1]
    assert mute.startswith("testsrc2=size=640x360:rate=25[out0];sine=")


@pytest.mark.parametrize(
    "text", ["", "test:641x360", "test:640x360@0", "v4l2:", "srt://h:1?passphrase=in two words"]
)
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(UnusableArgument):
        parse_input(text)


def test_a_camera_goes_by_its_name(tmp_path: Path) -> None:
    for node, name in [("video0", "HD Webcam: HD Webcam"), ("video2", "USB capture")]:
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(f"{name}\n")
    for text, node in [
        ("v4l2:USB capture", "/dev/video2"),
        ("v4l2:HD Webcam?framerate=60", "/dev/video0"),
    ]:
        assert parse_input(text, cameras=tmp_path).target == node
    with pytest.raises(InputRefused, match=r"no camera 'Other'; there are HD Webcam.*USB"):
        parse_input("v4l2:Other", cameras=tmp_path)


def test_what_stands_behind_a_device_is_options() -> None:
    arguments = parse_input("/dev/video0?input_format=mjpeg&video_size=1280x720").options
    assert arguments[:2] == ("-f", "v4l2")
    assert arguments[-4:] == ("-input_format", "mjpeg", "-video_size", "1280x720")


def test_a_camera_is_called_over_tcp_and_given_up_when_silent() -> None:
    options = parse_input("rtsp://h/cam").options
    assert options[options.index("-rtsp_transport") + 1] == "tcp"
    assert options[options.index("-timeout") + 1] == "10000000"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://user:pass@camera/1", "rtsp://…@camera/1"),
        (
            "srt://:9000?mode=listener&passphrase=geheim123",
            "srt://:9000?mode=listener&passphrase=…",
        ),
        ("rtmp://u:p@0.0.0.0/x?listen", "rtmp://…@0.0.0.0/x?listen"),
    ],
)
def test_what_is_shown_holds_no_secret(text: str, shown: str) -> None:
    assert parse_input(text).shown == shown


def test_reading_at_native_speed_begins_without_a_burst() -> None:
    file = parse_input("a.mp4")
    assert file.arguments(FFMPEG, paced=True, loop=True) == [
        "-stream_loop", "-1", "-re", "-readrate_initial_burst", "0.001", "-i", "file:a.mp4"
    ]  # fmt: skip
    assert file.arguments(Ffmpeg("ffmpeg", bursts=False), paced=True) == ["-re", "-i", "file:a.mp4"]
