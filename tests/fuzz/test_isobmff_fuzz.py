"""Streams broken at random: whatever comes in, only a MediaError comes out.

Deterministic: a failure names its seed, and the seed is the whole test case.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sorgente.errors import MediaError
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.rewrite import relocated, retimed
from sorgente.isobmff.scanner import BoxLimits
from sorgente.isobmff.upload import UploadParser
from tests.support.boxes import (
    STYP,
    Sample,
    TrackSpec,
    TrafSpec,
    audio_entry,
    box,
    chunk,
    edts,
    emsg,
    full,
    init_segment,
    prft,
    sidx,
    u32,
)
from tests.support.corpus import CORPUS
from tests.support.uploads import in_pieces

ITERATIONS = 6000
BATCHES = 6
LIMITS = BoxLimits(max_box=1 << 16, max_chunk=1 << 18)

INTERESTING = [0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def built_streams() -> Iterator[bytes]:
    video = TrackSpec(edts=edts((1000, -1), (0, 1024)), version=1)
    audio = TrackSpec(2, b"soun", 48000, audio_entry(b"Opus", box(b"dOps", bytes(11))))
    saio = full(b"saio", 0, 0, u32(1, 40))
    for base in ("moof", "absolute", "position", "implicit"):
        init = init_segment(video, audio)
        before = STYP + prft(1, 1, 2, version=0) + emsg(version=0) + emsg() + sidx(1, 1000, 5)
        specs = [
            TrafSpec(1, 5, [Sample(offset=-5), Sample()], base, extra=saio),
            TrafSpec(2, 6, [Sample(b"sound")] * 3, base, tfdt_version=0),
        ]
        yield init + chunk(*specs, position=len(init), before=before)


def corpus_streams() -> Iterator[bytes]:
    """Small real ones, where the corpus is there."""
    for init, segment in (("init", "1"), ("hvc1_init", "hvc1_seg_1"), ("aac_init", "aac_1")):
        paths = [CORPUS / "cmaf/codecs" / f"{init}.mp4", CORPUS / "cmaf/codecs" / f"{segment}.m4s"]
        if all(path.is_file() for path in paths):
            # The head is where the structure is.
            yield b"".join(path.read_bytes() for path in paths)[:5000]
            yield paths[0].read_bytes() + paths[1].read_bytes()


STREAMS = [*built_streams(), *corpus_streams()]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to four random wounds, mostly where the boxes are."""
    wounded = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        reach = min(len(wounded), chance.choice([1000, 2500, len(wounded)]))
        at = chance.randrange(max(reach, 1))
        match chance.randrange(6):
            case 0:
                wounded[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                wounded[at : at + 4] = chance.choice(INTERESTING).to_bytes(4, "big")
            case 2:
                del wounded[at : at + chance.randint(1, 40)]
            case 3:
                wounded[at:at] = wounded[at : at + chance.randint(1, 60)]
            case 4:
                wounded[at : at + 4] = chance.choice([b"moof", b"moov", b"trun", b"tfhd", b"mdat"])
            case _:
                wounded[at : at + 4] = (chance.randrange(256)).to_bytes(4, "big")
    return bytes(wounded)


def try_everything(data: bytes, size: int) -> None:
    parser = UploadParser(LIMITS)
    for piece in [*in_pieces(data, size), None]:
        for unit in parser.finish() if piece is None else parser.feed(piece):
            if isinstance(unit, MediaChunk):
                try_rewriting(unit)


def try_rewriting(chunk: MediaChunk) -> None:
    """What a rewrite lets through can be read again, and points at the same samples."""
    rewritten = []
    with suppress(MediaError):
        rewritten.append(relocated(chunk))
    with suppress(MediaError):
        rewritten.append(retimed(chunk, shifts={1: 1 << 33, 2: -3}, sequence_number=7))
    for data in rewritten:
        position = chunk.position if data is chunk.data else 0
        try:
            again = parse_chunk(data, position, chunk.init)
        except MediaError as error:
            raise AssertionError("rewritten into something malformed") from error
        assert payloads(again) == payloads(chunk)


def payloads(chunk: MediaChunk) -> list[bytes]:
    """The data of the runs that lies behind the last moof, where nothing is rewritten."""
    _, media = chunk.fragment.moofs[-1]
    return [
        chunk.data[run.offset : run.offset + run.length]
        for track in chunk.fragment.tracks
        for run in track.runs
        if media <= run.offset
    ]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_broken_streams_raise_media_errors_only(batch: int) -> None:
    for seed in range(batch, ITERATIONS, BATCHES):
        chance = random.Random(seed)
        data = mutated(chance.choice(STREAMS), chance)
        try:
            try_everything(data, chance.choice([1 << 20, 1000, 97]))
        except MediaError:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed} raises {error!r}") from error


@pytest.mark.parametrize("stream", STREAMS)
def test_the_streams_themselves_are_sound(stream: bytes) -> None:
    """Else the wounds would all be behind the first error."""
    parser = UploadParser(LIMITS)
    assert len(list(parser.feed(stream))) >= 1
    assert parser.content_type in ("video/mp4", "audio/mp4")
