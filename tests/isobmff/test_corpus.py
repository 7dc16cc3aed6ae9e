"""Media that other people's packagers made: see ``shared/corpus/README.md``."""

from __future__ import annotations

import itertools

import pytest

from sorgente.errors import MediaError
from sorgente.isobmff.init_segment import EditList, parse_init_segment
from sorgente.isobmff.rewrite import relocated, retimed
from sorgente.isobmff.upload import RawBytes
from tests.support.corpus import corpus_file, corpus_files, fuzz_input
from tests.support.uploads import chunks_of, fed_every_way, init_of, joined, units_of

ZERO = "cmaf/zero-3.84s"
STREAMS = {
    "chunked audio": ["cmaf/chunked/audio_init.mp4", "cmaf/chunked/3_chunked.m4s"],
    "avc": ["cmaf/codecs/init.mp4", "cmaf/codecs/1.m4s"],
    "aac": ["cmaf/codecs/aac_init.mp4", "cmaf/codecs/aac_1.m4s"],
    "hevc": ["cmaf/codecs/hvc1_init.mp4", "cmaf/codecs/hvc1_seg_1.m4s"],
    "av1": ["cmaf/codecs/av1_multitile_init.mp4", "cmaf/codecs/av1_multitile_seg.m4s"],
    "opus": ["cmaf/codecs/opus.mp4"],
    "muxed": ["cmaf/muxed/main_1.mp4"],
    "zero audio": [
        f"{ZERO}/audio-nor-128Kbps/{name}.cmfa" for name in ("init_org", *map(str, range(6)))
    ],
    "zero video": [
        f"{ZERO}/video-500Kbps/{name}.cmfv" for name in ("init_org", *map(str, range(6)))
    ],
    "zero text": [f"{ZERO}/text-nor-0/{name}.cmft" for name in ("init_org", *map(str, range(6)))],
}


def stream(name: str) -> bytes:
    return b"".join(map(corpus_file, STREAMS[name]))


@pytest.mark.parametrize(
    ("name", "codec", "size", "bitrate", "language", "encrypted"),
    [
        ("chunked/audio_init.mp4", "mp4a.40.2", (0, 0), 96000, "und", False),
        ("chunked/video_init.mp4", "avc1.64001e", (640, 350), 800000, "und", False),
        ("codecs/aac_init.mp4", "mp4a.40.2", (0, 0), 0, "und", False),
        ("codecs/av1_init.mp4", "av01.0.00M.08", (352, 288), 0, "und", False),
        ("codecs/av1_multitile_init.mp4", "av01.0.05M.08", (1280, 720), 0, "und", False),
        ("codecs/hvc1_init.mp4", "hvc1.1.6.L63.90", (640, 360), 400000, "und", False),
        ("codecs/init.mp4", "avc1.64001e", (640, 360), 0, "und", False),
        ("codecs/init_cenc.cmfv", "avc3.64001e", (640, 360), 0, "und", True),
        ("codecs/opus.mp4", "opus", (0, 0), 128000, "mon", False),
        ("muxed/main_1.mp4", "avc1.64001f", (416, 234), 0, "eng", False),
        ("zero-3.84s/audio-nor-128Kbps/init_org.cmfa", "mp4a.40.2", (0, 0), 128000, "nor", False),
        ("zero-3.84s/video-500Kbps/init_org.cmfv", "avc1.4d4015", (480, 270), 0, "und", False),
        ("zero-3.84s/text-nor-0/init_org.cmft", "wvtt", (0, 0), 0, "nor", False),
    ],
)
def test_what_a_track_says(
    name: str, codec: str, size: tuple[int, int], bitrate: int, language: str, encrypted: bool
) -> None:
    units, _ = fed_every_way(corpus_file(f"cmaf/{name}"))
    track = init_of(units).tracks[0]
    assert track.codec == codec
    assert (track.width, track.height) == size
    assert (track.bitrate, track.language) == (bitrate, language)
    assert track.sample_entry.encrypted is encrypted


def test_roles_edit_lists_and_brands() -> None:
    init = parse_init_segment(corpus_file("cmaf/chunked/audio_init.mp4"))
    assert init.tracks[0].roles[0] == ("urn:mpeg:dash:role:2011", "main")
    assert init.brands == ("cmaf", "isom", "cmaf", "cmfc", "dash")
    init = init_of(units_of(corpus_file("cmaf/codecs/opus.mp4")))
    assert init.tracks[0].edit_list == EditList(0, 312)


def test_cut_off_init_segment_stays_undecided() -> None:
    data = corpus_file("cmaf/codecs/init_truncated.mp4")
    units, error = fed_every_way(data)
    assert (units, error) == ([RawBytes(data)], None)


@pytest.mark.parametrize(
    ("name", "times", "durations"),
    [
        ("chunked audio", [288768, 313344, 336896, 361472], [24576, 23552, 24576, 22528]),
        ("avc", [0], [180000]),
        ("aac", [0], [96256]),
        ("hevc", [0], [11776]),
        ("av1", [0], [3003]),
        ("opus", [0], [48000]),
        ("zero audio", [82760212227996 + 184320 * n for n in range(6)], [184320] * 6),
        ("zero video", [86208554400000 + 192000 * n for n in range(6)], [192000] * 6),
        ("zero text", [86208554400000 + 192000 * n for n in range(6)], [192000] * 6),
    ],
)
def test_times_of_single_tracks(name: str, times: list[int], durations: list[int]) -> None:
    chunks = chunks_of(units_of(stream(name)))
    tracks = [chunk.fragment.tracks[0] for chunk in chunks]
    assert [track.base_decode_time for track in tracks] == times
    assert [track.duration for track in tracks] == durations
    assert all(chunk.random_access for chunk in chunks)


def test_muxed_with_interleaved_runs() -> None:
    units = units_of(stream("muxed"))
    init = init_of(units)
    assert [track.kind for track in init.tracks] == ["video", "meta"]
    assert init.tracks[1].handler == "clcp"
    chunks = chunks_of(units)
    assert len(chunks) > 5
    for before, after in itertools.pairwise(chunks):
        first, second = before.track(1), after.track(1)
        assert first is not None
        assert second is not None
        assert first.base_decode_time + first.duration == second.base_decode_time
    # Runs of the two tracks take turns in the mdat, without a gap.
    runs = sorted(run for track in chunks[1].fragment.tracks for run in track.runs)
    assert len(runs) == 4
    for left, right in itertools.pairwise(runs):
        assert left.offset + left.length == right.offset


@pytest.mark.parametrize("name", STREAMS)
def test_every_way_in_and_all_bytes_out(name: str) -> None:
    data = stream(name)
    units, error = fed_every_way(data)
    assert error is None
    assert joined(units) == data
    for chunk in chunks_of(units):
        assert relocated(chunk) is chunk.data
        shifts = {track.track_id: 12345 for track in chunk.fragment.tracks}
        retimed(chunk, shifts=shifts, sequence_number=1)


@pytest.mark.parametrize("name", corpus_files("fuzz/*") or ["fuzz/0881196294cc083f"])
def test_what_broke_another_parser(name: str) -> None:
    data = fuzz_input(name)
    units, error = fed_every_way(data)
    assert error is not None or joined(units) == data
    # The same where a parser is less suspicious: after an init segment.
    init = corpus_file("cmaf/codecs/init.mp4")
    units, error = fed_every_way(init + data)
    assert error is None or isinstance(error, MediaError)
