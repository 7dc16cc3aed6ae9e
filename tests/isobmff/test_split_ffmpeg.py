"""Recordings of a real ffmpeg taken apart, and put together again, with ffmpeg as the judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise

import pytest

from sorgente.isobmff.fragment import parse_chunk
from sorgente.isobmff.init_segment import EditList, InitSegment
from sorgente.isobmff.merge import merge_inits, renumbered
from sorgente.isobmff.split import TrackChunk, TrackSplitter, split_init
from sorgente.isobmff.upload import MediaChunk
from tests.isobmff.conftest import INVOCATIONS
from tests.support.corpus import corpus_file
from tests.support.uploads import chunks_of, init_of, units_of

Recording = Callable[[str], bytes]
Frames = Callable[..., list[str]]
Read = Callable[..., list[list[str]]]

PACKETS = ("-c", "copy", "-copyts")
SELECT = {"video": "0:v", "audio": "0:a", "meta": "0:s"}

BROKEN = {
    "every frame muxed": "muxed",
    "every frame delay_moov": "delay_moov",
    "every frame b-frames": "b-frames delay_moov",
}
"""Decode times and durations of these are wrong as they come, and those of the same without
frag_every_frame are not."""

SOUND = [name for name in INVOCATIONS if name not in ("no empty_moov", *BROKEN)]
PRIMED = ("delay_moov", "b-frames delay_moov", "reference times")
"""The edit list hides one frame of audio, which is there after it is folded."""


class Taken:
    """A recording and its tracks."""

    def __init__(self, data: bytes) -> None:
        units = units_of(data)
        self.data = data
        self.init = init_of(units)
        self.source = chunks_of(units)
        self.inits = split_init(self.init)
        self.splitter = TrackSplitter(self.init)
        self.chunks: dict[int, list[TrackChunk]] = {track_id: [] for track_id in self.inits}
        for chunk in self.source:
            for part in self.splitter.split(chunk):
                self.chunks[part.track_id].append(part)

    def stream(self, track_id: int) -> bytes:
        return self.inits[track_id].data + b"".join(part.data for part in self.chunks[track_id])

    def kinds(self) -> Mapping[int, str]:
        return {track.track_id: track.kind for track in self.init.tracks}


@pytest.fixture
def read(frames: Frames) -> Read:
    def lines(stream: bytes, *options: str) -> list[list[str]]:
        return [line.split(",") for line in frames(stream, *options)]

    return lines


def hashes(lines: list[list[str]]) -> list[str]:
    return [line[5] for line in lines]  # before that of the side data, if there is any


def reparsed(part: TrackChunk, init: InitSegment) -> MediaChunk:
    return parse_chunk(part.data, 0, init)


def assert_legal(taken: Taken) -> None:
    """What a track chunk says of itself is what its bytes say."""
    for track_id, parts in taken.chunks.items():
        init = taken.inits[track_id]
        assert [track.track_id for track in init.tracks] == [track_id]
        assert init.tracks[0].edit_list == EditList()
        for part in parts:
            fragment = reparsed(part, init).fragment
            [track] = fragment.tracks
            assert fragment.is_relocatable
            assert (track.base_decode_time, track.duration) == (part.decode_time, part.duration)
            assert track.earliest_time == part.earliest_time
            assert track.sample_count == part.sample_count
            assert track.first_sample_sync == part.random_access
            assert all(one.track_id == track_id for one in fragment.reference_times)
        for before, after in pairwise(parts):
            assert before.duration > 0
            assert before.end_time == after.decode_time


@pytest.mark.parametrize("name", SOUND)
def test_every_track_alone_has_the_frames_it_had(
    recording: Recording, read: Read, name: str
) -> None:
    taken = Taken(recording(name))
    assert_legal(taken)
    moved = set()
    for track_id, kind in taken.kinds().items():
        stream = taken.stream(track_id)
        decoded, expected = read(stream), read(taken.data, "-map", SELECT[kind])
        hidden = 1 if kind == "audio" and name in PRIMED else 0
        assert len(decoded) == len(expected) + hidden
        assert hashes(decoded)[hidden:] == hashes(expected)

        packets = read(stream, *PACKETS)
        source = read(taken.data, *PACKETS, "-map", SELECT[kind])
        assert hashes(packets) == hashes(source)
        timescale = taken.init.by_id[track_id].timescale
        for got, was in zip(packets, source, strict=True):
            moved.add(Fraction(int(got[2]) - int(was[2]), timescale))
            moved.add(Fraction(int(got[1]) - int(was[1]), timescale))
    # Sound and picture by the same time, exactly.
    assert len(moved) == 1


@pytest.mark.parametrize("name", ["every frame muxed", "every frame delay_moov"])
def test_broken_decode_times_are_repaired(recording: Recording, read: Read, name: str) -> None:
    """As if the encoder had been asked for whole GOPs: same frames at the same times."""
    taken, clean = Taken(recording(name)), Taken(recording(BROKEN[name]))
    assert any(track.duration == 0 for chunk in taken.source for track in chunk.fragment.tracks)
    assert_legal(taken)
    for track_id in taken.chunks:
        got, expected = taken.stream(track_id), clean.stream(track_id)
        assert read(got) == read(expected)
        assert read(got, *PACKETS) == read(expected, *PACKETS)


def test_composition_offsets_that_ffmpeg_has_lost_cannot_be_repaired(
    recording: Recording, read: Read
) -> None:
    """frag_every_frame, muxed, with B-frames: decode times are right again; what the pictures are
    shown at is gone before we see it ("pts has no value")."""
    taken = Taken(recording("every frame b-frames"))
    clean = Taken(recording("b-frames delay_moov"))
    assert_legal(taken)
    video, audio = taken.chunks
    assert read(taken.stream(audio)) == read(clean.stream(audio))
    got = read(taken.stream(video), *PACKETS)
    expected = read(clean.stream(video), *PACKETS)
    assert hashes(got) == hashes(expected)
    assert [line[1] for line in got] == [line[1] for line in expected]


def test_pictures_and_captions_of_somebody_else(read: Read) -> None:
    taken = Taken(corpus_file("cmaf/muxed/main_1.mp4"))
    assert taken.kinds() == {1: "video", 2: "meta"}
    for track_id, kind in taken.kinds().items():
        stream = taken.stream(track_id)
        packets = read(stream, *PACKETS, "-map", SELECT[kind])
        source = read(taken.data, *PACKETS, "-map", SELECT[kind])
        assert packets == [["0", *line[1:]] for line in source]
    assert hashes(read(taken.stream(1))) == hashes(read(taken.data, "-map", "0:v"))


def test_reference_times_go_with_their_track(recording: Recording) -> None:
    taken = Taken(recording("reference times"))
    video, audio = taken.chunks.values()
    assert all(part.unix_time and part.unix_time > 1_700_000_000 for part in video)
    assert all(part.unix_time is None for part in audio)


@pytest.mark.parametrize(
    "name", ["muxed", "muxed absolute", "b-frames delay_moov", "frag_duration", "separate_moof"]
)
def test_tracks_merged_again_play_the_same(recording: Recording, read: Read, name: str) -> None:
    taken = Taken(recording(name))
    merged = merge_inits([taken.inits[2], taken.inits[1]])
    assert [track.kind for track in merged.tracks] == ["audio", "video"]
    new_id = {2: 1, 1: 2}
    in_order = sorted(
        (part for parts in taken.chunks.values() for part in parts),
        key=lambda part: Fraction(part.decode_time, taken.init.by_id[part.track_id].timescale),
    )
    stream = merged.data + b"".join(
        renumbered(part.data, new_id[part.track_id], number)
        for number, part in enumerate(in_order, start=1)
    )
    numbers = [chunk.fragment.sequence_number for chunk in chunks_of(units_of(stream))]
    assert numbers == list(range(1, len(in_order) + 1))
    for track_id, kind in taken.kinds().items():
        select = ("-map", SELECT[kind])
        assert hashes(read(stream, *select)) == hashes(read(taken.stream(track_id)))
        assert read(stream, *PACKETS, *select) == read(taken.stream(track_id), *PACKETS)
