from __future__ import annotations

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import boxes
from sorgente.isobmff.codecs import SampleEntry, sample_entry
from tests.support.boxes import AVCC, audio_entry, box, esds, full, sinf, u16, u32, visual_entry


def read(entry: bytes, handler: str) -> SampleEntry:
    data = full(b"stsd", 0, 0, u32(1), entry)
    return sample_entry(next(boxes(data, 0, len(data))), handler)


def hvcc(profile: int, compatibility: int, constraints: str, level: int) -> bytes:
    head = bytes([1, profile]) + u32(compatibility) + bytes.fromhex(constraints).ljust(6, b"\0")
    return box(b"hvcC", head, bytes([level]), bytes(10))


BTRT = box(b"btrt", u32(0, 900_000, 800_000))


@pytest.mark.parametrize(
    ("entry", "codec"),
    [
        (visual_entry(b"avc1"), "avc1.64001f"),
        (visual_entry(b"avc3", box(b"avcC", bytes([1, 0x4D, 0x40, 0x0A, 0]))), "avc3.4d400a"),
        (visual_entry(b"hvc1", hvcc(0x01, 0x60000000, "90", 93)), "hvc1.1.6.L93.90"),
        (visual_entry(b"hev1", hvcc(0x22, 0x20000000, "90", 150)), "hev1.2.4.H150.90"),
        (visual_entry(b"hev1", hvcc(0x64, 0x60000000, "9000b2", 90)), "hev1.A4.6.H90.90.0.B2"),
        (visual_entry(b"hvc1", hvcc(0x01, 0x60000000, "", 90)), "hvc1.1.6.L90"),
        (visual_entry(b"av01", box(b"av1C", bytes([0x81, 0x04, 0x0C, 0]))), "av01.0.04M.08"),
        (visual_entry(b"av01", box(b"av1C", bytes([0x81, 0x29, 0xC0, 0]))), "av01.1.09H.10"),
        (visual_entry(b"av01", box(b"av1C", bytes([0x81, 0x4D, 0x60, 0]))), "av01.2.13M.12"),
        (visual_entry(b"vp09", full(b"vpcC", 1, 0, bytes([0, 31, 0x82, 2, 2, 2, 0, 0]))),
         "vp09.00.31.08"),
        (visual_entry(b"vp09", full(b"vpcC", 1, 0, bytes([2, 10, 0xA0, 2, 2, 2, 0, 0]))),
         "vp09.02.10.10"),
        (visual_entry(b"encv", AVCC, sinf(b"avc1")), "avc1.64001f"),
        (visual_entry(b"avc1", box(b"free")), "avc1"),
        (visual_entry(b"hvc1", box(b"free")), "hvc1"),
        (visual_entry(b"av01", box(b"free")), "av01"),
        (visual_entry(b"vp09", box(b"free")), "vp09"),
        (visual_entry(b"vvc1", box(b"vvcC")), "vvc1"),
    ],
)  # fmt: skip
def test_pictures(entry: bytes, codec: str) -> None:
    found = read(entry, "vide")
    assert found.codec == codec
    assert found.fourcc == codec[:4]
    assert (found.width, found.height) == (160, 90)


@pytest.mark.parametrize(
    ("entry", "codec", "channels", "sample_rate"),
    [
        (audio_entry(), "mp4a.40.2", 2, 48000),
        (audio_entry(b"mp4a", esds(config=b"\x12\x08")), "mp4a.40.2", 1, 48000),
        (audio_entry(b"mp4a", esds(config=b"\x11\xb8")), "mp4a.40.2", 8, 48000),
        (audio_entry(b"mp4a", esds(config=b"\x2b\x92\x08\x00")), "mp4a.40.5", 2, 48000),
        # 31 is an escape: 32 + the next six bits; here 42, xHE-AAC.
        (audio_entry(b"mp4a", esds(config=b"\xf9\x46\x40")), "mp4a.40.42", 2, 48000),
        # Sampling frequency index 15: 24 bits of frequency.
        (audio_entry(b"mp4a", esds(config=b"\x17\x80\x2e\xe0\x08")), "mp4a.40.2", 1, 24000),
        (audio_entry(b"mp4a", esds(0x6B, b"")), "mp4a.6b", 2, 48000),
        (audio_entry(b"mp4a", box(b"free")), "mp4a", 2, 48000),
        (audio_entry(b"enca", esds(), sinf(b"mp4a")), "mp4a.40.2", 2, 48000),
        (audio_entry(b"ac-3", box(b"dac3", bytes([0x10, 0x3D, 0xE0]))), "ac-3", 6, 48000),
        (audio_entry(b"ec-3", box(b"dec3", bytes([0x0C, 0, 0x20, 0x0F, 0]))), "ec-3", 6, 48000),
        (audio_entry(b"Opus", box(b"dOps", bytes([0, 6, 1, 56, 0, 0, 187, 128]))),
         "opus", 6, 48000),
        (audio_entry(b"fLaC", full(b"dfLa", 0, 0, b"\x80\0\0\x22", bytes(10),
                                   u32(96000 << 12 | 1 << 9), bytes(20)), sample_rate=0),
         "flac", 2, 96000),
        (audio_entry(b"alac", box(b"alac")), "alac", 2, 48000),
        (audio_entry(b"ipcm", box(b"pcmC")), "ipcm", 2, 48000),
    ],
)  # fmt: skip
def test_sound(entry: bytes, codec: str, channels: int, sample_rate: int) -> None:
    found = read(entry, "soun")
    assert (found.codec, found.channels, found.sample_rate) == (codec, channels, sample_rate)


@pytest.mark.parametrize(
    ("entry", "codec"),
    [
        (box(b"wvtt", bytes(6), u16(1), box(b"vttC", b"WEBVTT")), "wvtt"),
        (box(b"stpp", bytes(6), u16(1), b"http://www.w3.org/ns/ttml\0\0\0", BTRT),
         "stpp.ttml.im1t"),
        (box(b"stpp", bytes(6), u16(1), b"http://www.w3.org/ns/ttml\0\0image/png\0"),
         "stpp.ttml.im1i"),
        (box(b"stpp", bytes(6), u16(1), b"urn:ebu:tt:datatypes\0\0\0"), "stpp.ttml.etd1"),
        (box(b"stpp", bytes(6), u16(1), b"unterminated"), "stpp.ttml.im1t"),
        (box(b"urim", bytes(6), u16(1), full(b"uri ", 0, 0, b"urn:x\0")), "urim"),
        (box(b"mett", bytes(6), u16(1), b"\0application/json\0"), "mett"),
    ],
)  # fmt: skip
def test_text_and_metadata(entry: bytes, codec: str) -> None:
    assert read(entry, "meta").codec == codec


@pytest.mark.parametrize(
    ("extra", "ratio"),
    [
        (b"", (1, 1)),
        (box(b"pasp", u32(16, 11)), (16, 11)),
        (box(b"pasp", u32(0, 1)), (1, 1)),
        (box(b"pasp", u32(1, 0)), (1, 1)),
    ],
)
def test_the_shape_of_a_pixel(extra: bytes, ratio: tuple[int, int]) -> None:
    assert read(visual_entry(b"avc1", AVCC, extra), "vide").sample_aspect_ratio == ratio


@pytest.mark.parametrize(
    ("entry", "handler", "codec"),
    [
        (visual_entry(b"av01", box(b"av1C")), "vide", "av01"),
        (visual_entry(b"hev1", box(b"hvcC")), "vide", "hev1"),
        (visual_entry(b"avc3", box(b"avcC")), "vide", "avc3"),
        (audio_entry(b"mp4a", box(b"esds")), "soun", "mp4a"),
        (audio_entry(b"Opus", box(b"dOps")), "soun", "opus"),
    ],
)
def test_an_empty_configuration_says_nothing(entry: bytes, handler: str, codec: str) -> None:
    """ffmpeg with libaom, unless it is told to wait for the first picture (``delay_moov``)."""
    assert read(entry, handler).codec == codec


def test_quicktime_sound_descriptions_have_more_fields() -> None:
    for version, extra in ((1, 16), (2, 36)):
        fields = bytes(6) + u16(1, version) + bytes(6) + u16(2, 16) + bytes(4) + u32(48000 << 16)
        # Seen without the extra fields, these bytes are no box.
        entry = box(b"mp4a", fields, b"\0\0\4\0" * (extra // 4), esds())
        assert read(entry, "soun").codec == "mp4a.40.2"


def test_bitrate_comes_from_btrt_then_from_esds() -> None:
    found = read(visual_entry(b"avc1", AVCC, BTRT), "vide")
    assert (found.max_bitrate, found.avg_bitrate) == (900_000, 800_000)
    found = read(audio_entry(b"mp4a", esds(bitrates=(70_000, 64_000))), "soun")
    assert (found.max_bitrate, found.avg_bitrate) == (70_000, 64_000)
    found = read(audio_entry(b"mp4a", esds(bitrates=(70_000, 64_000)), BTRT), "soun")
    assert (found.max_bitrate, found.avg_bitrate) == (900_000, 800_000)


def test_encryption_is_seen() -> None:
    assert read(visual_entry(b"encv", AVCC, sinf(b"avc1")), "vide").encrypted
    assert not read(visual_entry(), "vide").encrypted


def test_elementary_stream_descriptor_with_optional_fields() -> None:
    """streamDependence, URL and OCR fields stand before the decoder configuration."""
    decoder = b"\x04\x11" + bytes([0x40, 0x15, 0, 0, 0]) + u32(0, 0) + b"\x05\x02\x11\x90"
    body = u16(1) + b"\xe0" + u16(2) + b"\x03url" + u16(3) + decoder
    entry = audio_entry(b"mp4a", full(b"esds", 0, 0, bytes([3, len(body)]) + body))
    assert read(entry, "soun").codec == "mp4a.40.2"


@pytest.mark.parametrize(
    ("entry", "handler"),
    [
        (b"", "vide"),
        (box(b"avc1", bytes(40)), "vide"),
        (visual_entry(b"avc1", box(b"avcC", b"\1\2")), "vide"),
        (visual_entry(b"hvc1", box(b"hvcC", bytes(10))), "vide"),
        (visual_entry(b"encv", box(b"sinf")), "vide"),
        (visual_entry(b"avc1", AVCC, box(b"pasp", bytes(7))), "vide"),
        (box(b"mp4a", bytes(20)), "soun"),
        (audio_entry(b"mp4a", full(b"esds", 0, 0)), "soun"),
        (audio_entry(b"mp4a", full(b"esds", 0, 0, b"\x03\xff\xff\xff\xff")), "soun"),
        (audio_entry(b"mp4a", full(b"esds", 0, 0, b"\x03\x03\0\1\0")), "soun"),
        (audio_entry(b"mp4a", esds(config=b"\x11")), "soun"),
        (box(b"stpp", bytes(4)), "subt"),
    ],
)
def test_entries_cut_short_are_refused(entry: bytes, handler: str) -> None:
    with pytest.raises(MalformedBox):
        read(entry, handler)
