"""Streams of a real ffmpeg through the parser, and what the parser makes of them through ffmpeg.

Rows of ``shared/reference/protocols.md`` 1.5 and 1.6: 25 pictures a second, a key picture every
10, two seconds; AAC at 48 kHz beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import EditList
from sorgente.isobmff.rewrite import relocated, retimed
from sorgente.isobmff.track_fragment import DataBase
from sorgente.isobmff.upload import RawBytes, Trailer, UploadParser
from tests.support.uploads import chunks_of, fed_every_way, init_of, joined, units_of

Recording = Callable[[str], bytes]
Frames = Callable[..., list[str]]

GOP = 5120  # ten pictures in ticks of the video track
PACKETS = ("-c", "copy")
PICTURES = ("-map", "0:v")


def read(data: bytes) -> tuple[bytes, list[MediaChunk]]:
    units = units_of(data)
    return init_of(units).data, chunks_of(units)


def hashes(frames: list[str], stream: int) -> list[str]:
    """The MD5s of one stream's frames."""
    fields = [line.split(",") for line in frames]
    return [line[-1] for line in fields if line[0] == str(stream)]


@pytest.mark.parametrize(
    ("name", "chunks", "video_times", "key_chunks", "base"),
    [
        ("muxed", 5, [0, 5394, 10514, 15634, 20754], 5, DataBase.MOOF),
        ("muxed absolute", 5, [0, 5394, 10514, 15634, 20754], 5, DataBase.ABSOLUTE),
        ("cmaf", 5, [GOP * n for n in range(5)], 5, DataBase.MOOF),
        ("delay_moov", 5, [GOP * n for n in range(5)], 5, DataBase.MOOF),
        ("ts offset", 5, [GOP * n for n in range(5)], 5, DataBase.MOOF),
        ("frag_discont", 5, [12_800_000 + GOP * n for n in range(5)], 5, DataBase.MOOF),
        ("every frame", 50, [512 * n for n in range(50)], 5, DataBase.MOOF),
        ("every frame audio", 95, [], 95, DataBase.ABSOLUTE),
        ("frag_duration", 10, [0, *(2834 + 2560 * n for n in range(9))], 5, DataBase.MOOF),
        ("short chunks", 15, [GOP * n + at for n in range(5) for at in (0, 2048, 4096)], 5,
         DataBase.MOOF),
        ("separate_moof", 10, [0, 5394, 10514, 15634, 20754], 5, DataBase.ABSOLUTE),
        ("b-frames", 5, [GOP * n for n in range(5)], 5, DataBase.MOOF),
        ("b-frames absolute", 5, [GOP * n for n in range(5)], 5, DataBase.ABSOLUTE),
        ("b-frames cmaf", 5, [GOP * n for n in range(5)], 5, DataBase.MOOF),
        ("sidx", 5, [GOP * n for n in range(5)], 5, DataBase.MOOF),
    ],
)  # fmt: skip
def test_chunks_and_decode_times(
    recording: Recording,
    name: str,
    chunks: int,
    video_times: list[int],
    key_chunks: int,
    base: DataBase,
) -> None:
    data = recording(name)
    units, error = fed_every_way(data)
    assert error is None
    assert joined(units) == data
    assert isinstance(units[-1], Trailer)  # mfra
    found = chunks_of(units)
    assert len(found) == chunks
    assert sum(chunk.random_access for chunk in found) == key_chunks
    tracks = [track for chunk in found for track in chunk.fragment.tracks]
    assert {track.base for track in tracks} == {base}
    for of_init in init_of(units).tracks:
        mine = [track for track in tracks if track.track_id == of_init.track_id]
        if of_init.kind == "video":
            assert [track.base_decode_time for track in mine] == video_times
            assert sum(track.sample_count for track in mine) == 50
        for before, after in pairwise(mine):
            assert before.base_decode_time + before.duration == after.base_decode_time


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("muxed", EditList(), EditList()),
        ("cmaf", EditList(), EditList()),
        ("delay_moov", EditList(), EditList(0, 1024)),
        # A thousand seconds in the edit list alone; the priming of AAC makes them 1024/48000 less.
        ("ts offset", EditList(48_000_000, 0), EditList(48_000_000 - 1024, 0)),
        ("b-frames cmaf", EditList(0, 1024), None),
    ],
)
def test_edit_lists(
    recording: Recording, name: str, video: EditList, audio: EditList | None
) -> None:
    tracks = init_of(units_of(recording(name))).tracks
    expected = [video] if audio is None else [video, audio]
    assert [track.edit_list for track in tracks] == expected


def test_composition_offsets_of_b_frames(recording: Recording) -> None:
    _, chunks = read(recording("b-frames cmaf"))
    assert [chunk.fragment.tracks[0].composition_offset for chunk in chunks] == [1024] * 5


def test_what_tracks_say(recording: Recording) -> None:
    video, audio = init_of(units_of(recording("delay_moov"))).tracks
    assert video.codec.startswith("avc1.42c0")
    assert (video.width, video.height, video.timescale) == (160, 90, 12800)
    assert (audio.codec, audio.sample_rate, audio.channels) == ("mp4a.40.2", 48000, 1)


def test_reference_times(recording: Recording) -> None:
    _, chunks = read(recording("short chunks"))
    for chunk in chunks:
        [reference] = chunk.fragment.reference_times
        assert (reference.track_id, reference.flags, reference.version) == (1, 24, 1)
        assert reference.unix_seconds > 1_700_000_000


def test_moov_with_samples_is_raw(recording: Recording) -> None:
    data = recording("no empty_moov")
    parser = UploadParser()
    units = units_of(data, parser)
    assert units == [RawBytes(data)]
    assert parser.content_type == "video/mp4"
    assert parser.note is not None
    assert "empty_moov" in parser.note


# --- ffmpeg as the judge ----------------------------------------------------------------------

JOINABLE = [
    "muxed", "muxed absolute", "cmaf", "every frame", "frag_duration", "short chunks",
    "separate_moof", "b-frames", "b-frames absolute", "frag_discont", "sidx",
]  # fmt: skip


@pytest.mark.parametrize("name", JOINABLE)
def test_a_late_joiner_sees_the_rest(recording: Recording, frames: Frames, name: str) -> None:
    data = recording(name)
    init, chunks = read(data)
    start = [index for index, chunk in enumerate(chunks) if chunk.random_access][1]
    late = init + b"".join(map(relocated, chunks[start:]))

    whole, rest = frames(data, *PICTURES), frames(late, *PICTURES)
    assert len(rest) == 40
    assert hashes(rest, 0) == hashes(whole, 0)[-40:]
    before, after = frames(data, *PACKETS), frames(late, *PACKETS)
    for stream in (0, 1):
        expected, got = hashes(before, stream), hashes(after, stream)
        assert got == expected[len(expected) - len(got) :]
    assert len(hashes(after, 1)) > 60 or not hashes(before, 1)


@pytest.mark.parametrize("name", [*JOINABLE, "every frame audio", "delay_moov", "b-frames cmaf"])
def test_a_stream_moved_in_time_is_the_same_stream(
    recording: Recording, frames: Frames, name: str
) -> None:
    data = recording(name)
    units = units_of(data)
    seconds = 7200
    shifts = {track.track_id: seconds * track.timescale for track in init_of(units).tracks}
    moved = [
        retimed(chunk, shifts=shifts, sequence_number=1 + index)
        for index, chunk in enumerate(chunks_of(units))
    ]
    later = init_of(units).data + b"".join(moved)
    decoded, expected = frames(later), frames(data)
    for stream in (0, 1):
        assert hashes(decoded, stream) == hashes(expected, stream)

    copied = frames(later, *PACKETS, "-copyts"), frames(data, *PACKETS, "-copyts")
    scale = {
        str(stream): track.timescale * seconds for stream, track in enumerate(init_of(units).tracks)
    }
    for got, source in zip(*copied, strict=True):
        (index, dts, pts, *rest), (_, old_dts, old_pts, *old_rest) = (
            got.split(","),
            source.split(","),
        )
        assert rest == old_rest
        assert (int(dts) - int(old_dts), int(pts) - int(old_pts)) == (scale[index],) * 2


def test_absolute_offsets_are_wrong_without_relocation(
    recording: Recording, frames: Frames
) -> None:  # fmt: skip
    """The judge would notice: the same late stream as the encoder sent it does not play."""
    init, chunks = read(recording("muxed absolute"))
    late = init + b"".join(chunk.data for chunk in chunks[1:])
    with pytest.raises(AssertionError):
        frames(late)
