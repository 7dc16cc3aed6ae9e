"""Builds small valid boxes, init segments and chunks for tests.

Every function returns bytes; lengths and offsets are right unless a test asks for wrong ones.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

SYNC = 0x02000000
NON_SYNC = 0x01010000


def box(type_: bytes, *body: bytes) -> bytes:
    payload = b"".join(body)
    return struct.pack(">I4s", 8 + len(payload), type_) + payload


def large_box(type_: bytes, *body: bytes) -> bytes:
    """The same with a 64-bit size."""
    payload = b"".join(body)
    return struct.pack(">I4sQ", 1, type_, 16 + len(payload)) + payload


def full(type_: bytes, version: int, flags: int, *body: bytes) -> bytes:
    return box(type_, struct.pack(">I", version << 24 | flags), *body)


def u16(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def u32(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *(value & 0xFFFFFFFF for value in values))


def u64(*values: int) -> bytes:
    return struct.pack(f">{len(values)}Q", *(value & 0xFFFFFFFFFFFFFFFF for value in values))


# --- init segments ----------------------------------------------------------------------------

AVCC = box(b"avcC", bytes([1, 0x64, 0x00, 0x1F, 0xFF, 0xE0, 0x00]))


def sinf(original: bytes) -> bytes:
    """Protection of a sample entry (common encryption)."""
    return box(b"sinf", box(b"frma", original), full(b"schm", 0, 0, b"cenc", u32(0x10000)))


def visual_entry(
    type_: bytes = b"avc1", *parts: bytes, width: int = 160, height: int = 90
) -> bytes:
    fields = bytes(6) + u16(1) + bytes(16) + u16(width, height) + bytes(50)
    return box(type_, fields, *(parts or (AVCC,)))


def audio_entry(
    type_: bytes = b"mp4a", *parts: bytes, channels: int = 2, sample_rate: int = 48000
) -> bytes:
    fields = bytes(6) + u16(1) + bytes(8) + u16(channels, 16) + bytes(4) + u32(sample_rate << 16)
    return box(type_, fields, *(parts or (esds(),)))


def events_entry() -> bytes:
    """Of an event message track (ISO/IEC 23001-18)."""
    return box(b"evte", bytes(6), u16(1))


def uri_entry(uri: bytes = b"urn:x") -> bytes:
    """Of a track of URI metadata (ISO/IEC 14496-12 §12.3.3)."""
    return box(b"urim", bytes(6), u16(1), full(b"uri ", 0, 0, uri + b"\0"))


def esds(
    object_type: int = 0x40, config: bytes = b"\x11\x90", bitrates: tuple[int, int] = (0, 0)
) -> bytes:
    specific = bytes([5, len(config)]) + config if config else b""
    decoder = bytes([object_type, 0x15, 0, 0, 0]) + u32(*bitrates) + specific
    # Lengths in four bytes, as ffmpeg writes them.
    decoder = b"\x04\x80\x80\x80" + bytes([len(decoder)]) + decoder
    es = u16(1) + b"\0" + decoder
    return full(b"esds", 0, 0, b"\x03\x80\x80\x80" + bytes([len(es)]) + es)


@dataclass(frozen=True)
class TrackSpec:
    """A track to build an init segment with; the defaults are a video track."""

    track_id: int = 1
    handler: bytes = b"vide"
    timescale: int = 12800
    entry: bytes = visual_entry()
    language: str = "und"
    edts: bytes = b""
    trex: tuple[int, int, int] = (0, 0, 0)
    mdia_extra: bytes = b""
    udta: bytes = b""
    version: int = 0
    samples: int = 0
    width: int = 160
    height: int = 90


VIDEO = TrackSpec()
ENCRYPTED = TrackSpec(entry=visual_entry(b"encv", AVCC, sinf(b"avc1")))
"""A video track that the origin can make no slates of."""
AUDIO = TrackSpec(2, b"soun", 48000, audio_entry(), width=0, height=0)


def trak(spec: TrackSpec) -> bytes:
    times = u64(0, 0) if spec.version else u32(0, 0)
    zero = u64(0) if spec.version else u32(0)
    tkhd = full(
        b"tkhd", spec.version, 3, times, u32(spec.track_id, 0), zero, bytes(8 + 8 + 36),
        u32(spec.width << 16, spec.height << 16),
    )  # fmt: skip
    packed = 0
    for letter in spec.language:
        packed = packed << 5 | (ord(letter) - 0x60)
    mdhd = full(b"mdhd", spec.version, 0, times, u32(spec.timescale), zero, u16(packed, 0))
    hdlr = full(b"hdlr", 0, 0, u32(0), spec.handler, bytes(13))
    stsd = full(b"stsd", 0, 0, u32(1), spec.entry)
    sizes = u32(1) * spec.samples
    stbl = box(
        b"stbl", stsd, full(b"stts", 0, 0, u32(0)), full(b"stsc", 0, 0, u32(0)),
        full(b"stsz", 0, 0, u32(0, spec.samples), sizes), full(b"stco", 0, 0, u32(0)),
    )  # fmt: skip
    mdia = box(b"mdia", mdhd, hdlr, spec.mdia_extra, box(b"minf", stbl))
    return box(b"trak", tkhd, spec.edts, mdia, spec.udta)


def moov(*specs: TrackSpec, timescale: int = 1000, fragmented: bool = True) -> bytes:
    mvhd = full(b"mvhd", 0, 0, u32(0, 0, timescale, 0), bytes(80))
    trex = [full(b"trex", 0, 0, u32(spec.track_id, 1, *spec.trex)) for spec in specs]
    mvex = box(b"mvex", *trex) if fragmented else b""
    return box(b"moov", mvhd, *map(trak, specs), mvex)


def ftyp(*brands: bytes) -> bytes:
    major, *rest = brands or (b"iso6", b"cmfc")
    return box(b"ftyp", major, u32(512), *rest)


def init_segment(*specs: TrackSpec) -> bytes:
    return ftyp() + moov(*(specs or (VIDEO,)))


def edts(*entries: tuple[int, int], version: int = 0) -> bytes:
    """``entries`` are (duration, media_time)."""
    word = u64 if version else u32
    rows = b"".join(word(*entry) + u32(0x10000) for entry in entries)
    return box(b"edts", full(b"elst", version, 0, u32(len(entries)), rows))


# --- chunks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    payload: bytes = b"sample"
    duration: int = 512
    flags: int = SYNC
    offset: int = 0


@dataclass(frozen=True)
class TrafSpec:
    """One ``traf``; every sample field is written per sample."""

    track_id: int = 1
    time: int = 0
    samples: Sequence[Sample] = (Sample(),)
    base: str = "moof"
    """moof, absolute (from the data), position (from the moof, also absolute) or implicit."""

    tfdt_version: int = 1
    data_offset: bool = True
    extra: bytes = b""


def traf(spec: TrafSpec, base_data_offset: int, data_offset: int) -> bytes:
    flags = {"moof": 0x020000, "implicit": 0}.get(spec.base, 0x1)
    base = u64(base_data_offset) if flags == 0x1 else b""
    tfhd = full(b"tfhd", 0, flags, u32(spec.track_id), base)
    time = u64(spec.time) if spec.tfdt_version else u32(spec.time)
    tfdt = full(b"tfdt", spec.tfdt_version, 0, time)
    rows = [u32(s.duration, len(s.payload), s.flags, s.offset) for s in spec.samples]
    offset = u32(data_offset) if spec.data_offset else b""
    trun = full(
        b"trun", 1, 0xF00 | spec.data_offset, u32(len(spec.samples)), offset, *rows
    )  # fmt: skip
    return box(b"traf", tfhd, tfdt, trun, spec.extra)


def moof(*specs: TrafSpec, position: int = 0, sequence_number: int = 1, gap: int = 8) -> bytes:
    """A ``moof`` whose data begins ``gap`` bytes after it.

    ``position`` is where it lies in the upload, for absolute offsets.
    """

    def build(size: int) -> bytes:
        trafs = []
        data = size + gap
        previous_end = 0
        for spec in specs:
            base = {"absolute": data, "implicit": previous_end}.get(spec.base, 0)
            trafs.append(traf(spec, position + base, data - base))
            data += sum(len(sample.payload) for sample in spec.samples)
            previous_end = data
        return box(b"moof", full(b"mfhd", 0, 0, u32(sequence_number)), *trafs)

    return build(len(build(0)))


def chunk(
    *specs: TrafSpec, position: int = 0, sequence_number: int = 1, before: bytes = b""
) -> bytes:  # fmt: skip
    """``before`` + ``moof`` + ``mdat``; ``position`` is that of its first byte in the upload."""
    specs = specs or (TrafSpec(),)
    head = moof(*specs, position=position + len(before), sequence_number=sequence_number)
    return before + head + mdat(*specs)


def mdat(*specs: TrafSpec) -> bytes:
    return box(b"mdat", *(sample.payload for spec in specs for sample in spec.samples))


def prft(track_id: int, ntp: int, media_time: int, *, version: int = 1, flags: int = 24) -> bytes:
    time = u64(media_time) if version else u32(media_time)
    return full(b"prft", version, flags, u32(track_id), u64(ntp), time)


def emsg(
    scheme: bytes = b"urn:x", value: bytes = b"1", timescale: int = 1000, time: int = 0,
    duration: int = 0, event_id: int = 7, payload: bytes = b"", version: int = 1,
) -> bytes:  # fmt: skip
    names = scheme + b"\0" + value + b"\0"
    if version:
        return full(
            b"emsg", 1, 0, u32(timescale), u64(time), u32(duration, event_id), names, payload
        )
    return full(b"emsg", 0, 0, names, u32(timescale, time, duration, event_id), payload)


def emib(
    scheme: bytes = b"urn:x", value: bytes = b"1", delta: int = 0, duration: int = 0,
    event_id: int = 7, payload: bytes = b"", version: int = 0,
) -> bytes:  # fmt: skip
    """An event in a sample of an event message track."""
    return full(
        b"emib", version, 0, u32(0), u64(delta), u32(duration, event_id),
        scheme + b"\0" + value + b"\0", payload,
    )  # fmt: skip


def sidx(track_id: int, timescale: int, earliest: int, *, version: int = 1) -> bytes:
    times = u64(earliest, 0) if version else u32(earliest, 0)
    return full(
        b"sidx", version, 0, u32(track_id, timescale), times, u16(0, 1), u32(100, 200, 1 << 31)
    )


STYP = box(b"styp", b"msdh", u32(0), b"msdh", b"msix")
