"""Slates behind what a real encoder made, with ffmpeg as the judge."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from sorgente.isobmff.slate import key_picture, silence, slate
from sorgente.isobmff.split import TrackSplitter, split_init
from sorgente.isobmff.upload import InitSegment, MediaChunk
from tests.isobmff.conftest import AUDIO, CLOSED_GOP_B_FRAMES, H264, VIDEO, run_ffmpeg
from tests.support.boxes import (
    AVCC,
    Sample,
    TrackSpec,
    TrafSpec,
    chunk,
    init_segment,
    sinf,
    visual_entry,
)
from tests.support.boxes import VIDEO as TRACK
from tests.support.uploads import chunks_of, init_of, units_of

PICTURES = {
    "h264": [*H264, "-movflags", "cmaf+frag_every_frame"],
    "h264 of whole groups": [*H264, "-movflags", "cmaf+frag_keyframe"],
    "h264 b-frames": [*H264, *CLOSED_GOP_B_FRAMES, "-movflags", "cmaf+delay_moov+frag_keyframe"],
    "hevc": ["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=0", "-tag:v", "hvc1",
             "-g", "10", "-pix_fmt", "yuv420p", "-movflags", "cmaf+frag_every_frame"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0",
            "-g", "10", "-pix_fmt", "yuv420p", "-movflags", "cmaf+frag_every_frame"],
    "av1": ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0",
            "-g", "10", "-pix_fmt", "yuv420p",
            "-movflags", "cmaf+delay_moov+frag_every_frame"],
}  # fmt: skip
SOUNDS = {"aac": ["-c:a", "aac"], "opus": ["-c:a", "libopus"]}
SHOWN = 5


def recorded(source: list[str], *options: str) -> tuple[InitSegment, list[MediaChunk]]:
    done = run_ffmpeg(*source, "-t", "1", *options, "-f", "mp4", "pipe:1")
    assert done.returncode == 0, done.stderr.decode()
    units = units_of(done.stdout)
    return init_of(units), chunks_of(units)


def encrypted(spec: TrackSpec) -> MediaChunk:
    media = chunk(TrafSpec(spec.track_id, 0, [Sample(b"secret", 512)]))
    return chunks_of(units_of(init_segment(spec) + media))[0]


@pytest.mark.parametrize("codec", PICTURES)
def test_the_last_key_picture_is_shown_again_and_again(codec: str, tmp_path: Path) -> None:
    init, chunks = recorded(VIDEO, *PICTURES[codec])
    (alone,) = split_init(init).values()
    splitter = TrackSplitter(init, lead=1)
    parts = [part for each in chunks for part in splitter.split(each)]
    at = next(index for index in reversed(range(len(parts))) if parts[index].random_access)
    (key,) = chunks_of(units_of(alone.data + parts[at].data))
    sample = key_picture(key)
    assert sample is not None
    own = alone.data + b"".join(part.data for part in parts)
    ticks = alone.leading_track.timescale // 5
    more = slate(1, parts[-1].end_time, [ticks] * SHOWN, sample, 0)
    (read,) = chunks_of(units_of(alone.data + more))
    assert read.random_access
    assert read.fragment.tracks[0].duration == ticks * SHOWN
    before, after = pictures(own, tmp_path), pictures(own + more, tmp_path)
    assert after[: len(before)] == before
    shown = after[len(before) :]
    first = sum(part.sample_count for part in parts[:at])
    assert shown == [before[first]] * SHOWN


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("codec", SOUNDS)
def test_silence_is_silent(codec: str, channels: int, tmp_path: Path) -> None:
    init, chunks = recorded(
        AUDIO, *SOUNDS[codec], "-ac", str(channels), "-movflags", "cmaf+frag_every_frame"
    )
    sample = silence(init.leading_track)
    assert sample is not None
    end = chunks[-1].fragment.tracks[0]
    count = init.leading_track.sample_rate // sample.duration  # a second
    more = slate(1, end.base_decode_time + end.duration, [sample.duration] * count, sample, 0)
    path = tmp_path / "sound.mp4"
    path.write_bytes(init.data + b"".join(each.data for each in chunks) + more)
    done = run_ffmpeg("-xerror", "-i", str(path), "-f", "s16le", "pipe:1")
    assert not done.stderr, done.stderr.decode()
    heard = array("h", done.stdout)
    second = channels * 48000
    assert max(map(abs, heard[: second // 2])) > 1000
    assert len(heard) > 1.8 * second
    assert max(map(abs, heard[-second // 2 :])) <= 1


def test_what_is_encrypted_cannot_be_shown_by_itself() -> None:
    spec = TrackSpec(entry=visual_entry(b"encv", AVCC, sinf(b"avc1")))
    assert key_picture(encrypted(spec)) is None


def test_what_needs_other_pictures_cannot_be_shown_by_itself() -> None:
    media = chunk(TrafSpec(1, 0, [Sample(b"picture", 512, 0x01010000)]))
    (only,) = chunks_of(units_of(init_segment(TRACK) + media))
    assert key_picture(only) is None


def test_a_key_picture_of_an_open_group_cannot_come_twice() -> None:
    _, chunks = recorded(
        VIDEO, "-c:v", "libx265", "-x265-params", "log-level=none:open-gop=1", "-tag:v", "hvc1",
        "-g", "10", "-pix_fmt", "yuv420p", "-movflags", "cmaf+frag_keyframe",
    )  # fmt: skip
    assert all(key_picture(each) is None for each in chunks[1:])
    assert chunks[1].random_access


def pictures(stream: bytes, directory: Path) -> list[str]:
    """The MD5 of every frame that ffmpeg decodes; it may not complain."""
    path = directory / "stream.mp4"
    path.write_bytes(stream)
    done = run_ffmpeg("-xerror", "-i", str(path), "-fps_mode", "passthrough", "-f", "framemd5", "-")
    assert not done.stderr, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    return [line.split(",")[5].strip() for line in lines if not line.startswith("#")]
