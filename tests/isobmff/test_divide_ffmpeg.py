"""Key frames where ffmpeg puts them when nobody asks for chunks that begin with them; ffmpeg reads
what comes out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from tests.isobmff.conftest import AAC, AUDIO, CLOSED_GOP_B_FRAMES, VIDEO, run_ffmpeg
from tests.isobmff.test_split_ffmpeg import PACKETS, SELECT, Taken, assert_legal

Frames = Callable[..., list[str]]

KEY = "76a6c65c5ea762046bd749a2e632ccbb"
ENCRYPTION = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY]
ENCRYPTION += ["-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"]
FRAMES = 50
"""Of two seconds at 25 fps."""


def h264(group: int) -> list[str]:
    closed = ["-g", str(group), "-keyint_min", str(group), "-sc_threshold", "0", "-threads", "1"]
    return ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *closed]


def taken(*arguments: str) -> Taken:
    done = run_ffmpeg(*arguments, "-bitexact", "-f", "mp4", "pipe:1")
    assert done.returncode == 0, done.stderr.decode()
    return Taken(done.stdout)


def hashes(lines: list[str]) -> list[str]:
    return [line.split(",")[5] for line in lines]


def begins(one: Taken) -> list[int]:
    """Which pictures a segment can begin with."""
    at, found = 0, []
    for part in one.chunks[1]:
        found += [at] * part.random_access
        at += part.sample_count
    return found


def chunks(milliseconds: int) -> list[str]:
    duration = str(1000 * milliseconds)
    return ["-frag_duration", duration, "-movflags", "empty_moov+default_base_moof"]


@pytest.mark.parametrize(("group", "milliseconds"), [(13, 200), (25, 200), (25, 320), (30, 200)])
@pytest.mark.parametrize("extra", [[], CLOSED_GOP_B_FRAMES], ids=["", "b-frames"])
@pytest.mark.parametrize("muxed", [True, False], ids=["muxed", "one track"])
def test_every_key_frame_begins_a_chunk_that_decodes_by_itself(
    frames: Frames, group: int, milliseconds: int, extra: list[str], muxed: bool
) -> None:
    sound = [*AUDIO, *AAC] if muxed else []
    one = taken(*VIDEO, *sound, *h264(group), *extra, *chunks(milliseconds))
    assert_legal(one)
    assert begins(one) == list(range(0, FRAMES, group))
    moved: set[Fraction] = set()
    for track_id, kind in one.kinds().items():
        select = ("-map", SELECT[kind])
        expected = hashes(frames(one.data, *select))
        assert hashes(frames(one.stream(track_id))) == expected
        packets = frames(one.stream(track_id), *PACKETS)
        source = frames(one.data, *PACKETS, *select)
        assert hashes(packets) == hashes(source)
        timescale = one.init.by_id[track_id].timescale
        moved |= {
            Fraction(int(got.split(",")[column]) - int(was.split(",")[column]), timescale)
            for got, was in zip(packets, source, strict=True)
            for column in (1, 2)
        }
    assert len(moved) == 1, "sound and picture by the same time"
    pictures = hashes(frames(one.data, "-map", "0:v"))
    for segment, first in zip(segments(one), begins(one), strict=True):
        there = pictures[first : first + group]
        assert hashes(frames(one.inits[1].data + segment)) == there
    inside = [c for c in one.source if c.contains_random_access and not c.random_access]
    assert bool(inside) == (group % (milliseconds // 40) != 0), "what the encoder does"


def segments(one: Taken) -> list[bytes]:
    """As a player gets them: from one key frame to the next."""
    found: list[bytes] = []
    for part in one.chunks[1]:
        if part.random_access:
            found.append(b"")
        found[-1] += part.data
    return found


@pytest.mark.parametrize(
    ("group", "milliseconds", "expected"),
    [
        (10, 600, [0, 10, 20, 30, 40]),  # groups that go on in the next chunk
        (5, 600, [0, 15, 30, 45]),  # whole ones: a segment can begin with every chunk
        (1, 200, list(range(0, FRAMES, 5))),  # intra-only
    ],
)
def test_several_groups_in_a_chunk(
    frames: Frames, group: int, milliseconds: int, expected: list[int]
) -> None:
    one = taken(*VIDEO, *h264(group), *chunks(milliseconds))
    assert_legal(one)
    assert begins(one) == expected
    assert frames(one.stream(1)) == frames(one.data)


def test_encrypted_samples_are_found(tmp_path: Path) -> None:
    one = taken(*VIDEO, *h264(13), *ENCRYPTION, *chunks(200))
    assert_legal(one)
    assert begins(one) == list(range(0, FRAMES, 13))
    path = tmp_path / "encrypted.mp4"
    decrypted = []
    for stream in (one.data, one.stream(1)):
        path.write_bytes(stream)
        source = ("-xerror", "-decryption_key", KEY, "-i", str(path))
        done = run_ffmpeg(*source, "-f", "framemd5", "pipe:1")
        assert not done.stderr, done.stderr.decode()
        decrypted.append(done.stdout)
    assert decrypted[0] == decrypted[1]
    assert decrypted[0].count(b"\n0,") == FRAMES
