"""What ffmpeg writes and reads: the encoder of these tests, and their outside oracle."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

VIDEO = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2"]
AUDIO = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10"]
H264 += ["-keyint_min", "10", "-sc_threshold", "0", "-threads", "1"]
CLOSED_GOP_B_FRAMES = ["-bf", "2", "-x264-params", "open-gop=0:b-adapt=0"]
AAC = ["-c:a", "aac", "-b:a", "64k"]
LIVE = "frag_keyframe+empty_moov"

INVOCATIONS: dict[str, list[str]] = {
    "muxed": [*VIDEO, *AUDIO, *H264, *AAC, "-movflags", f"{LIVE}+default_base_moof"],
    "muxed absolute": [*VIDEO, *AUDIO, *H264, *AAC, "-movflags", LIVE],
    "cmaf": [*VIDEO, *AUDIO, *H264, *AAC, "-movflags", "cmaf+frag_keyframe"],
    "delay_moov": [*VIDEO, *AUDIO, *H264, *AAC, "-movflags", "cmaf+delay_moov+frag_keyframe"],
    "ts offset": [
        *VIDEO, *AUDIO, *H264, *AAC,
        "-output_ts_offset", "1000", "-movflags", "cmaf+delay_moov+frag_keyframe",
    ],
    "frag_discont": [
        *VIDEO, *H264,
        "-output_ts_offset", "1000", "-movflags", "cmaf+delay_moov+frag_keyframe+frag_discont",
    ],
    "every frame": [*VIDEO, *H264, "-movflags", "cmaf+frag_every_frame"],
    "every frame audio": [*AUDIO, *AAC, "-movflags", "empty_moov+frag_every_frame"],
    "frag_duration": [
        *VIDEO, *AUDIO, *H264, *AAC,
        "-frag_duration", "200000", "-movflags", "empty_moov+default_base_moof",
    ],
    "short chunks": [
        *VIDEO, *H264, "-frag_duration", "160000", "-movflags", "cmaf+frag_keyframe",
        "-write_prft", "wallclock",
    ],
    "separate_moof": [*VIDEO, *AUDIO, *H264, *AAC, "-movflags", f"{LIVE}+separate_moof"],
    "b-frames": [
        *VIDEO, *AUDIO, *H264, *CLOSED_GOP_B_FRAMES, *AAC,
        "-movflags", f"{LIVE}+default_base_moof",
    ],
    "b-frames absolute": [*VIDEO, *H264, *CLOSED_GOP_B_FRAMES, "-movflags", LIVE],
    "b-frames cmaf": [
        *VIDEO, *H264, *CLOSED_GOP_B_FRAMES, "-movflags", "cmaf+delay_moov+frag_keyframe",
    ],
    "b-frames delay_moov": [
        *VIDEO, *AUDIO, *H264, *CLOSED_GOP_B_FRAMES, *AAC,
        "-movflags", "cmaf+delay_moov+frag_keyframe",
    ],
    "every frame muxed": [
        *VIDEO, *AUDIO, *H264, *AAC, "-movflags", "empty_moov+default_base_moof+frag_every_frame",
    ],
    "every frame delay_moov": [
        *VIDEO, *AUDIO, *H264, *AAC, "-movflags", "cmaf+delay_moov+frag_every_frame",
    ],
    "every frame b-frames": [
        *VIDEO, *AUDIO, *H264, *CLOSED_GOP_B_FRAMES, *AAC,
        "-movflags", "cmaf+delay_moov+frag_every_frame",
    ],
    "reference times": [
        *VIDEO, *AUDIO, *H264, *AAC, "-frag_duration", "160000", "-write_prft", "wallclock",
        "-movflags", "cmaf+delay_moov+frag_keyframe",
    ],
    "sidx": [*VIDEO, *H264, "-movflags", f"{LIVE}+dash+default_base_moof"],
    "no empty_moov": [*VIDEO, *H264, "-movflags", "frag_keyframe"],
}  # fmt: skip


def run_ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=50)


@pytest.fixture(scope="session")
def recording() -> Callable[[str], bytes]:
    """The bytes of an upload, as ffmpeg writes them into a pipe that cannot seek."""
    made: dict[str, bytes] = {}

    def make(name: str) -> bytes:
        if name not in made:
            done = run_ffmpeg(*INVOCATIONS[name], "-bitexact", "-f", "mp4", "pipe:1")
            assert done.returncode == 0, done.stderr.decode()
            made[name] = done.stdout
        return made[name]

    return make


@pytest.fixture
def frames(tmp_path: Path) -> Callable[..., list[str]]:
    """What ffmpeg reads in a stream: a line for every frame, as (stream, …, size, MD5).

    Fails on the first line that ffmpeg has to say about it.
    """
    path = tmp_path / "stream.mp4"

    def read(stream: bytes, *options: str) -> list[str]:
        path.write_bytes(stream)
        done = run_ffmpeg("-xerror", "-i", str(path), *options, "-f", "framemd5", "pipe:1")
        assert not done.stderr, done.stderr.decode()
        lines = done.stdout.decode().splitlines()
        return [line.replace(" ", "") for line in lines if not line.startswith("#")]

    return read
