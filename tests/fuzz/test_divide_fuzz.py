"""Streams with key frames inside their chunks, broken at random, taken apart into tracks.

Whatever comes in, only a MediaError comes out; and what is divided has the samples it had.
Deterministic: a failure names its seed, and the seed is the whole test case.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from sorgente.errors import MediaError
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.split import TrackChunk, TrackSplitter
from sorgente.isobmff.track_fragment import TrackFragment
from sorgente.isobmff.upload import UploadParser
from tests.fuzz.test_isobmff_fuzz import LIMITS, mutated
from tests.support.boxes import (
    AUDIO,
    NON_SYNC,
    STYP,
    SYNC,
    VIDEO,
    Sample,
    TrafSpec,
    chunk,
    full,
    init_segment,
    prft,
    u32,
)

ITERATIONS = 4000
BATCHES = 4

PICTURES = [
    Sample(b"%d" % at * at, 512, SYNC if at in (3, 7) else NON_SYNC, -5 * at) for at in range(1, 12)
]
SAIZ = full(b"saiz", 0, 0, b"\x03", u32(11))
SENC = full(b"senc", 0, 0, u32(11), b"key" * 11)


def streams() -> Iterator[bytes]:
    tables = full(b"sdtp", 0, 0, bytes(11)) + full(b"sbgp", 0, 0, b"rap ", u32(2, 4, 1, 3, 2))
    saio = full(b"saio", 0, 0, u32(1, 0))
    plain = chunk(TrafSpec(1, 5, PICTURES, extra=SAIZ + saio + SENC))
    encrypted = SAIZ + full(b"saio", 0, 0, u32(1, plain.index(b"senc") + 12)) + SENC
    for extra in (b"", tables, encrypted + tables):
        video = TrafSpec(1, 5, PICTURES, extra=extra)
        audio = TrafSpec(2, 5, [Sample(b"sound")] * 3)
        before = STYP + prft(1, 1 << 63, 5)
        yield init_segment(VIDEO) + chunk(video) + chunk(video, before=before)
        yield init_segment(VIDEO, AUDIO) + chunk(video, audio, before=before)


STREAMS = [*streams()]


def test_the_streams_themselves_are_divided() -> None:
    """Else the wounds would all be behind the first error, or in what stays whole."""
    for stream in STREAMS:
        assert [len(parts) for parts in taken_apart(stream)] in ([3, 3], [4])


@pytest.mark.parametrize("batch", range(BATCHES))
def test_broken_streams_raise_media_errors_only(batch: int) -> None:
    for seed in range(batch, ITERATIONS, BATCHES):
        chance = random.Random(seed)
        data = mutated(chance.choice(STREAMS), chance)
        try:
            for _ in taken_apart(data):
                pass
        except MediaError:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed} raises {error!r}") from error


def taken_apart(data: bytes) -> Iterator[list[TrackChunk]]:
    """The tracks of every chunk."""
    parser, splitter = UploadParser(LIMITS), None
    for unit in [*parser.feed(data), *parser.finish()]:
        if isinstance(unit, InitSegment):
            splitter = TrackSplitter(unit)
        elif isinstance(unit, MediaChunk):
            assert splitter is not None
            parts = splitter.split(unit)
            yield parts
            check(unit, parts)


def check(source: MediaChunk, parts: Sequence[TrackChunk]) -> None:
    there = [track for track in source.fragment.tracks if track.sample_count]
    if len({track.track_id for track in there}) < len(there):
        return  # a track that comes twice
    for track in there:
        own = [part for part in parts if part.track_id == track.track_id]
        try:
            read = [parse_chunk(part.data, 0, source.init) for part in own]
        except MediaError as error:
            raise AssertionError("made into something malformed") from error
        assert b"".join(payload(one, one.fragment.tracks[0]) for one in read) == payload(
            source, track
        )
        assert sum(part.sample_count for part in own) == track.sample_count
        assert all(part.random_access for part in own[1:])
        for before, after in pairwise(own):
            assert before.end_time == after.decode_time


def payload(chunk: MediaChunk, track: TrackFragment) -> bytes:
    return b"".join(chunk.data[run.offset : run.offset + run.length] for run in track.runs)
