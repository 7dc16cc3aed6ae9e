"""A look at inputs, with a real ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from sorgente.tools.errors import InputRefused
from sorgente.tools.ffmpeg import Ffmpeg
from sorgente.tools.inputs import parse_input
from sorgente.tools.look import KeyFrames, look
from sorgente.tools.streams import Audio, Source, Video

FFMPEG = Ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2")


def made(path: Path, *arguments: str) -> str:
    """A file of 3 s."""
    picture = "testsrc2=size=160x90:rate=25:duration=3"
    command = [FFMPEG.path, "-v", "error", "-f", "lavfi", "-i", picture, *arguments, str(path)]
    subprocess.run(command, check=True, timeout=20)
    return str(path)


@pytest.mark.parametrize(("name", "gop", "apart"), [("a.mp4", 20, 0.8), ("a.ts", 250, 2.96)])
async def test_a_file_tells_its_streams_and_how_far_apart_its_key_frames_are(
    tmp_path: Path, name: str, gop: int, apart: float
) -> None:
    sound = ["-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac"]
    path = made(tmp_path / name, *sound, *H264, "-g", str(gop))
    source = await look(FFMPEG, parse_input(path), key_frames=True)
    assert source.video is not None
    assert (source.video.codec, source.video.width, source.video.height) == ("h264", 160, 90)
    assert source.video.key_frame_seconds == pytest.approx(apart)
    assert source.audio == Audio("aac")
    assert source.duration == pytest.approx(3, abs=0.1)


async def test_key_frames_of_what_is_encoded_anyway_are_not_looked_for(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mkv", "-c:v", "mpeg2video", "-g", "100")
    source = await look(FFMPEG, parse_input(path), key_frames=True)
    assert source.video == Video("mpeg2video", 160, 90, "yuv420p", 25.0)


async def test_sound_alone_is_an_input(tmp_path: Path) -> None:
    path = made(tmp_path / "a.m4a", "-f", "lavfi", "-i", "sine=duration=3", "-map", "1:a")
    source = await look(FFMPEG, parse_input(path), key_frames=True)
    assert (source.video, source.audio) == (None, Audio("aac"))


async def test_what_never_ends_is_left_when_enough_is_known() -> None:
    source = await look(FFMPEG, parse_input("lavfi:testsrc2=size=160x90"), key_frames=True)
    assert source == Source(Video("wrapped_avframe", 160, 90, "yuv420p", 25.0))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/nowhere/a.mp4", r"^/nowhere/a\.mp4: Error opening input: No such file or directory$"),
        ("rtmp://127.0.0.1:1/a/b", r"^rtmp://127\.0\.0\.1:1/a/…: .*Connection refused"),
        (
            "rtsp://me:p@ss[word@127.0.0.1:1/a?token=t",
            r"^rtsp://…@127\.0\.0\.1:1/a\?token=…: Connection to tcp:.*Connection refused$",
        ),
        ("nothing://x", r"^nothing://x: .*Protocol not found"),
        ("lavfi:nosuchfilter", r"^lavfi:nosuchfilter: .*nosuchfilter"),
        ("/dev/video99", r"^v4l2:/dev/video99: .*No such file or directory$"),
    ],
)
async def test_a_refusal_is_the_first_thing_that_went_wrong(text: str, line: str) -> None:
    with pytest.raises(InputRefused, match=line):
        await look(FFMPEG, parse_input(text), key_frames=True)


async def test_what_is_no_media_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(2000))
    with pytest.raises(InputRefused, match=r"a\.mp4: "):
        await look(FFMPEG, parse_input(str(tmp_path / "a.mp4")), key_frames=True)


def test_what_follows_the_last_key_frame_counts() -> None:
    keys = KeyFrames()
    for line in ["#tb 0: 1/10", "0, 0, 0, 1, 9, 0x0", "0, 5, 5, 1, 9, 0x0, F=0x0", "rubbish",
                 "0, 7, 7, 1, 9, 0x0, S=1", "0, 30, 30, 1, 9, 0x0, F=0x0"]:  # fmt: skip
        keys.feed(line)
    assert keys.count == 2
    assert keys.longest == pytest.approx(2.3)
    assert KeyFrames().longest is None
