"""Whole streams in memory: what an encoder sends, and a check that what a player got is legal."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from sorgente.isobmff.upload import InitSegment, MediaChunk
from tests.support import boxes
from tests.support.boxes import AUDIO, NON_SYNC, SYNC, VIDEO, Sample, TrackSpec, TrafSpec
from tests.support.uploads import units_of

TICKS = 512
"""Of a video chunk: one frame at 25 fps."""


@dataclass(frozen=True)
class Upload:
    """The pieces of one upload."""

    init: bytes
    chunks: Sequence[bytes]
    trailer: bytes = b""

    @property
    def whole(self) -> bytes:
        return self.init + b"".join(self.chunks) + self.trailer


def video(
    count: int, *, gop: int = 5, first_time: int = 0, size: int = 40, base: str = "moof",
    spec: TrackSpec = VIDEO, first_number: int = 1, trailer: bytes = b"",
    keys: Container[int] | None = None, offset: int = 0,
) -> Upload:  # fmt: skip
    """``count`` one-frame chunks, every ``gop``-th a key frame, or those of ``keys``; each payload
    tells its number. ``offset``: ticks from decoding to presentation."""
    keys = range(0, count, gop) if keys is None else keys
    init = boxes.init_segment(spec)
    chunks: list[bytes] = []
    position = len(init)
    for index in range(count):
        payload = f"frame {first_number + index:06d} ".encode().ljust(size, b".")
        sample = Sample(payload, TICKS, SYNC if index in keys else NON_SYNC, offset)
        traf = TrafSpec(spec.track_id, first_time + index * TICKS, [sample], base)
        chunks.append(
            boxes.chunk(traf, position=position, sequence_number=first_number + index)
        )  # fmt: skip
        position += len(chunks[-1])
    return Upload(init, chunks, trailer)


def sound(count: int, *, first_time: int = 0) -> Upload:
    """``count`` chunks of a packet, 40 ms each."""
    trafs = [
        TrafSpec(1, first_time + index * 1920, [Sample(b"sound %06d" % index, 1920)])
        for index in range(count)
    ]
    spec = replace(AUDIO, track_id=1)
    chunks = [boxes.chunk(traf, sequence_number=n) for n, traf in enumerate(trafs, 1)]
    return Upload(boxes.init_segment(spec), chunks)


def muxed(count: int, *, gop: int = 5, first_time: int = 0) -> Upload:
    """Chunks of one video and one audio fragment each."""
    chunks = []
    for index in range(count):
        picture = Sample(b"picture %06d" % index, TICKS, NON_SYNC if index % gop else SYNC)
        sound = Sample(b"sound %06d" % index, 1920)
        chunks.append(
            boxes.chunk(
                TrafSpec(1, first_time + index * TICKS, [picture]),
                TrafSpec(2, (first_time * 48000) // 12800 + index * 1920, [sound]),
                sequence_number=index + 1,
            )
        )
    return Upload(boxes.init_segment(VIDEO, AUDIO), chunks)


def media_of(body: bytes) -> list[MediaChunk]:
    """The chunks of a legal stream: an init segment first, then whole chunks that can be decoded
    from the first on, with times and sequence numbers that only grow."""
    units = units_of(body)
    if not units:
        return []
    assert isinstance(units[0], InitSegment), "a stream begins with its init segment"
    chunks = [unit for unit in units if isinstance(unit, MediaChunk)]
    assert not chunks or chunks[0].contains_random_access, "and then with a key frame"
    ends: dict[int, int] = {}
    number = -1
    for chunk in chunks:
        assert chunk.fragment.sequence_number > number
        number = chunk.fragment.sequence_number
        for track in chunk.fragment.tracks:
            assert track.base_decode_time >= ends.get(track.track_id, 0), "time went back"
            ends[track.track_id] = track.base_decode_time + track.duration
    return chunks


def payloads(body: bytes) -> list[bytes]:
    """The ``mdat`` payloads of a legal stream of :func:`video`."""
    return [chunk.data[chunk.data.index(b"mdat") + 4 :] for chunk in media_of(body)]
