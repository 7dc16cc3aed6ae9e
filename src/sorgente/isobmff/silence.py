"""Silence: frames of it for codecs that have them, and an init segment for a track of nothing else.

A player that began without sound can never be given any (Media Source Extensions §3.1: no source
buffer can be added to it then), so a channel whose sound may come later begins with silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from struct import pack
from typing import Final

from sorgente.isobmff.init_segment import InitSegment, InitTrack, parse_init_segment
from sorgente.isobmff.moov import file_type, packed

SAMPLE_RATE: Final = 48000
BIT_RATE: Final = 1500
"""Of AAC-LC frames of 4 bytes, 46.875 a second."""


@dataclass(frozen=True, slots=True)
class Silence:
    """An access unit that decodes to nothing to hear."""

    frame: bytes
    samples: int
    """How long it lasts."""


_FRAMES: Final = {
    # AAC-LC: one element (SCE, CPE) without spectral data, and ID_END (ISO/IEC 14496-3 §4.4.2).
    ("mp4a.40.2", 1): Silence(bytes.fromhex("01182007"), 1024),
    ("mp4a.40.2", 2): Silence(bytes.fromhex("211004608c1c"), 1024),
    # Opus: a CELT-only frame of 20 ms without data is lost sound, which is played as silence
    # (RFC 6716 §3.1, §3.2.1).
    ("opus", 1): Silence(bytes.fromhex("f8fffe"), 960),
    ("opus", 2): Silence(bytes.fromhex("fcfffe"), 960),
}


def silence_of(track: InitTrack) -> Silence | None:
    """What ``track`` is silent with; None for codecs and layouts that we have nothing of, and where
    samples are encrypted."""
    if track.sample_entry.encrypted or not track.sample_rate:
        return None
    return _FRAMES.get((track.codec.lower(), track.channels))


@cache
def silent_init() -> InitSegment:
    """The init segment of a track of silence: AAC-LC, mono, 48 kHz."""
    unity = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = _full(b"mvhd", pack(">4I", 0, 0, SAMPLE_RATE, 0), pack(">IH10x", 0x10000, 0x100), unity,
                 bytes(24), pack(">I", 2))  # fmt: skip
    tkhd = _full(b"tkhd", pack(">5I8x4H", 0, 0, 1, 0, 0, 0, 0, 0x100, 0), unity, bytes(8), flags=3)
    und = pack(">HH", 0x55C4, 0)
    mdhd = _full(b"mdhd", pack(">4I", 0, 0, SAMPLE_RATE, 0), und)
    hdlr = _full(b"hdlr", bytes(4), b"soun", bytes(12), b"silence\0")
    entry = packed(b"mp4a", pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, SAMPLE_RATE << 16), _esds())
    empty = pack(">I", 0)
    stbl = packed(
        b"stbl",
        _full(b"stsd", pack(">I", 1), entry),
        _full(b"stts", empty),
        _full(b"stsc", empty),
        _full(b"stsz", bytes(4), empty),
        _full(b"stco", empty),
    )
    dinf = packed(b"dinf", _full(b"dref", pack(">I", 1), _full(b"url ", flags=1)))
    minf = packed(b"minf", _full(b"smhd", bytes(4)), dinf, stbl)
    trak = packed(b"trak", tkhd, packed(b"mdia", mdhd, hdlr, minf))
    mvex = packed(b"mvex", _full(b"trex", pack(">5I", 1, 1, 0, 0, 0)))
    return parse_init_segment(
        file_type(b"iso6", b"iso6", b"cmfc") + packed(b"moov", mvhd, trak, mvex)
    )


def _full(type_: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """A full box of version 0."""
    return packed(type_, pack(">I", flags), *parts)


def _esds() -> bytes:
    """ES_Descriptor (ISO/IEC 14496-1 §7.2.6.5) of AAC-LC, mono."""
    specific = _descriptor(5, bytes.fromhex("1188"))  # AudioSpecificConfig: 2, 48 kHz, 1 channel
    buffers = bytes(3) + pack(">II", BIT_RATE, BIT_RATE)
    decoder = _descriptor(4, b"\x40\x15" + buffers + specific)  # audio of ISO/IEC 14496-3
    return _full(b"esds", _descriptor(3, pack(">HB", 0, 0) + decoder + _descriptor(6, b"\x02")))


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body
