"""Streams as encoders send them that speak DASH-IF ingest: an init segment, then segment by
segment."""

from __future__ import annotations

from tests.support import boxes
from tests.support.boxes import AUDIO, TrackSpec, TrafSpec
from tests.support.live import Upload

LAST_WORD = boxes.box(b"mfra")
"""An empty one: the event is over."""

SEGMENT_CHUNKS = 5

TEXT = TrackSpec(3, b"text", 1000, boxes.box(b"wvtt", bytes(6), boxes.u16(1)), width=0, height=0)
META = TrackSpec(4, b"meta", 1000, boxes.box(b"urim", bytes(6), boxes.u16(1)), width=0, height=0)


def styp(*brands: bytes) -> bytes:
    return boxes.box(b"styp", b"msdh", boxes.u32(0), *brands)


def segments(upload: Upload, *, chunks: int = SEGMENT_CHUNKS, last: bool = False) -> list[bytes]:
    """The chunks of ``upload``, so many in each; with ``last``, the last one says that it is."""
    bodies = [
        b"".join(upload.chunks[at : at + chunks]) for at in range(0, len(upload.chunks), chunks)
    ]
    if last:
        bodies[-1] = styp(b"lmsg") + bodies[-1]
    return bodies


def one_chunk(spec: TrackSpec, start: float, seconds: float, payload: bytes = b"x") -> bytes:
    """A segment of one chunk of one sample; times in seconds."""
    sample = boxes.Sample(payload, round(seconds * spec.timescale))
    return boxes.chunk(TrafSpec(spec.track_id, round(start * spec.timescale), [sample]))


def sound(start: float, seconds: float) -> bytes:
    """A segment of one chunk of AAC frames; times in seconds."""
    count = round(seconds * 48000 / 1024)
    samples = [boxes.Sample(b"sound", 1024)] * count
    return boxes.chunk(TrafSpec(AUDIO.track_id, round(start * 48000), samples))
