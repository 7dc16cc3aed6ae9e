"""What the page's player reads from a stream, against what the origin reads from it."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from sorgente.isobmff.init_segment import parse_init_segment
from tests.support.boxes import (
    AUDIO,
    NON_SYNC,
    SYNC,
    VIDEO,
    TrackSpec,
    TrafSpec,
    audio_entry,
    box,
    chunk,
    esds,
    full,
    init_segment,
    u32,
    visual_entry,
)
from tests.web.modules import in_module

CUT = """
const cutter = new module.Cutter();
const data = Buffer.from(argument.data, "base64");
const found = { inits: [], chunks: [] };
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
for (let at = 0; at < data.length; at += argument.piece) {
  const piece = new Uint8Array(data.subarray(at, at + argument.piece));
  for (const { init, chunk } of cutter.feed(piece)) {
    if (init) found.inits.push({ bytes: base64(init.bytes), tracks: init.tracks });
    else found.chunks.push({ ...chunk, bytes: base64(chunk.bytes) });
  }
}
return found;
"""


def cut(data: bytes, piece: int = 1 << 20) -> dict[str, Any]:
    found = in_module("boxes.js", CUT, {"data": b64encode(data).decode(), "piece": piece})
    assert isinstance(found, dict)
    return found


HVCC = box(b"hvcC", bytes([1, 0x64]) + u32(0x60000000) + bytes.fromhex("9000b2000000"), bytes([90]))
ENTRIES = [
    *(visual_entry(), visual_entry(b"hvc1", HVCC), visual_entry(b"vvc1", box(b"vvcC"))),
    visual_entry(b"av01", box(b"av1C", bytes([0x81, 0x4D, 0x60, 0]))),
    visual_entry(b"av01", box(b"av1C", bytes([0x81, 0x29, 0xC0, 0]))),
    visual_entry(b"vp09", full(b"vpcC", 1, 0, bytes([2, 10, 0xA0, 2, 2, 2, 0, 0]))),
]
SOUNDS = [
    *(audio_entry(), audio_entry(b"mp4a", esds(config=b"\x2b\x92\x08\x00"))),
    audio_entry(b"mp4a", esds(config=b"\xf9\x46\x40")),
    audio_entry(b"mp4a", esds(0x6B, b"")),
    audio_entry(b"Opus", box(b"dOps", bytes([0, 2, 1, 56, 0, 0, 187, 128]))),
    audio_entry(b"fLaC", full(b"dfLa", 0, 0, b"\x80\0\0\x22", bytes(34))),
]


@pytest.mark.parametrize("track", [
    *(replace(VIDEO, entry=entry, track_id=7) for entry in ENTRIES),
    *(replace(AUDIO, entry=entry, version=1) for entry in SOUNDS),
])  # fmt: skip
def test_it_names_codecs_as_the_manifest_does(track: TrackSpec) -> None:
    data = init_segment(track)
    known = parse_init_segment(data).tracks[0]
    (init,) = cut(data)["inits"]
    assert b64decode(init["bytes"]) == data
    assert init["tracks"] == [
        {
            "id": known.track_id,
            "kind": known.kind,
            "codec": known.codec,
            "timescale": known.timescale,
            "flags": known.defaults.flags,
        }
    ]


@pytest.mark.parametrize("piece", [1, 7, 1000, 1 << 20])
def test_chunks_come_whole_however_the_bytes_do(piece: int) -> None:
    chunks = [chunk(TrafSpec(time=512 * number, tfdt_version=number % 2)) for number in range(3)]
    found = cut(b"".join([init_segment(VIDEO), *chunks, chunks[0][:-1]]), piece)
    assert [b64decode(each["bytes"]) for each in found["chunks"]] == chunks
    assert [each["time"] for each in found["chunks"]] == [0, 0.04, 0.08]


def test_of_several_pictures_it_takes_the_first() -> None:
    tracks = [VIDEO, replace(VIDEO, track_id=3), AUDIO]
    chunks = [chunk(TrafSpec(track_id=number, time=number)) for number in (1, 2, 3, 1)]
    found = cut(init_segment(*tracks) + b"".join(chunks))
    assert [each["kind"] for each in found["chunks"]] == ["video", "audio", "video"]
    (init,) = found["inits"]
    assert [each["id"] for each in init["tracks"]] == [1, 2]
    kept = parse_init_segment(b64decode(init["bytes"])).tracks
    assert [each.track_id for each in kept] == [1, 2]


def test_a_chunk_of_sound_and_picture_is_told_by_the_picture() -> None:
    sound, picture = TrafSpec(track_id=2, time=48000), TrafSpec(track_id=1, time=512)
    data = init_segment(AUDIO, VIDEO) + chunk(sound, picture)
    (found,) = cut(data)["chunks"]
    assert (found["kind"], found["time"]) == ("video", 0.04)


def test_of_a_real_upload_of_two_pictures_and_two_sounds_one_of_each_is_left() -> None:
    """ffmpeg judges what it is fed: the first of each, byte by byte as if there were no others."""
    sources = ["testsrc=size=64x36:rate=25", "smptebars=size=64x36:rate=25", "sine=440", "sine=880"]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-t", "2", "-i", source)]
    maps = [word for index in range(4) for word in ("-map", str(index))]
    coded = ["-c:v", "libx264", "-tune", "zerolatency", "-g", "10", "-c:a", "aac"]
    form = ["-f", "mp4", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "200000"]
    muxed = piped(*inputs, *maps, *coded, *form, "pipe:1")

    found = cut(muxed)
    (init,) = found["inits"]
    fed = b"".join(b64decode(each["bytes"]) for each in (init, *found["chunks"]))
    hashes = ["-c", "copy", "-f", "framemd5", "pipe:1"]
    firsts = piped("-i", "pipe:0", "-map", "0:v:0", "-map", "0:a:0", *hashes, data=muxed)
    assert len(firsts.splitlines()) > 100
    assert piped("-i", "pipe:0", "-map", "0", *hashes, data=fed) == firsts


def piped(*arguments: str, data: bytes = b"") -> bytes:
    """What ffmpeg prints."""
    command = [get_ffmpeg_exe(), "-v", "error", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def test_an_init_segment_in_the_middle_is_one() -> None:
    other = replace(VIDEO, track_id=5, timescale=90000)
    data = init_segment(VIDEO) + chunk() + init_segment(other) + chunk(TrafSpec(track_id=5))
    found = cut(data)
    assert [init["tracks"][0]["timescale"] for init in found["inits"]] == [12800, 90000]
    assert [each["kind"] for each in found["chunks"]] == ["video", "video"]


FIRST = 0x4
EACH = 0x400
SIZES_AND_MORE = 0x301
"""Of a ``trun``: a data offset, durations and sizes."""


@pytest.mark.parametrize("others", [0, SIZES_AND_MORE])
@pytest.mark.parametrize("default", [0, 0x20, 0x3B])
@pytest.mark.parametrize("where", [0, FIRST, EACH])
@pytest.mark.parametrize("flags", [SYNC, NON_SYNC])
def test_it_knows_key_frames(flags: int, where: int, default: int, others: int) -> None:
    """What is said nearest to the sample counts: ``default`` are the flags of the ``tfhd``."""
    opposite = SYNC + NON_SYNC - flags
    of_tfhd = opposite if where else flags
    of_trex = opposite if where or default else flags
    before = [8, 4, 4, 4] if default == 0x3B else []
    tfhd = full(b"tfhd", 0, 0x20000 | default, u32(1), *map(bytes, before))
    tfhd = (
        tfhd
        if not default
        else full(b"tfhd", 0, 0x20000 | default, u32(1), *map(bytes, before), u32(of_tfhd))
    )
    sample = u32(512, 4) if others else b""
    trun = full(
        b"trun", 0, where | others, u32(1), u32(0) if others else b"",
        u32(flags) if where == FIRST else b"", sample, u32(flags) if where == EACH else b"",
    )  # fmt: skip
    traf = box(b"traf", tfhd, full(b"tfdt", 0, 0, u32(0)), trun)
    data = box(b"moof", full(b"mfhd", 0, 0, u32(1)), traf) + box(b"mdat", b"data")
    (found,) = cut(init_segment(replace(VIDEO, trex=(512, 4, of_trex))) + data)["chunks"]
    assert found["key"] is (flags == SYNC)
