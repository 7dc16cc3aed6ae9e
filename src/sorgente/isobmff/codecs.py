"""Sample entries: what a decoder must know, as the ``codecs`` parameter says it (RFC 6381).

One function per family, looked up by fourcc; an entry nobody here knows is named by its fourcc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import Box, fourcc

_VISUAL_FIELDS: Final = 78  # ISO/IEC 14496-12 §12.1.3.2
_AUDIO_FIELDS: Final = 28  # §12.2.3.2
_PLAIN_FIELDS: Final = 8  # §8.5.2.2: reserved, data_reference_index

_QUICKTIME_SOUND_EXTRA: Final = {1: 16, 2: 36}
"""Bytes that version 1 and 2 of QuickTime's sound description put before the child boxes."""

_AAC: Final = 0x40  # objectTypeIndication of MPEG-4 audio, ISO/IEC 14496-1 §7.2.6.6
_AC3_CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)  # per acmod, ETSI TS 102 366 §4.4.2.3
_AAC_CHANNELS: Final = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
)  # per channelConfiguration, ISO/IEC 14496-3 §1.6.3.5


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """The first entry of a ``stsd``; 0 stands for "not said"."""

    fourcc: str
    """The coding; for an encrypted entry the one underneath (``sinf/frma``)."""

    codec: str
    """For the ``codecs`` parameter, e.g. ``avc1.64001f``."""

    width: int = 0
    height: int = 0
    sample_aspect_ratio: tuple[int, int] = (1, 1)
    """Width to height of a pixel on the screen."""

    sample_rate: int = 0
    channels: int = 0
    max_bitrate: int = 0
    avg_bitrate: int = 0
    encrypted: bool = False
    uri: str = ""
    """What samples of URI metadata are (``urim``, ISO/IEC 14496-12 §12.3.3)."""


@dataclass(slots=True)
class _Sound:
    """What a codec's own box knows better than the sample entry around it."""

    channels: int = 0
    sample_rate: int = 0
    max_bitrate: int = 0
    avg_bitrate: int = 0


def sample_entry(stsd: Box, handler: str) -> SampleEntry:
    """Read the first entry of ``stsd`` for a track of that handler (ISO/IEC 14496-12 §8.5.2).

    Raises MalformedBox when there is no entry or its configuration is cut short.
    """
    entry = next(stsd.children(skip=8), None)
    if entry is None:
        raise stsd.malformed("has no sample entry")
    if handler == "vide":
        return _visual(entry)
    if handler == "soun":
        return _audio(entry)
    return _timed_text(entry)


def _visual(entry: Box) -> SampleEntry:
    fields = entry.fields(skip=24)
    width, height = fields.u16(), fields.u16()
    parts = _parts(entry, _VISUAL_FIELDS)
    coding = _coding(entry, parts)
    max_bitrate, avg_bitrate = _bitrate(parts)
    name = _VISUAL.get(coding, _bare)
    return SampleEntry(
        fourcc=fourcc(coding),
        codec=name(coding, parts),
        width=width,
        height=height,
        sample_aspect_ratio=_sample_aspect_ratio(parts),
        max_bitrate=max_bitrate,
        avg_bitrate=avg_bitrate,
        encrypted=b"sinf" in parts,
    )


def _audio(entry: Box) -> SampleEntry:
    fields = entry.fields(skip=8)
    version = fields.u16()
    fields.skip(6)
    channels = fields.u16()
    fields.skip(6)
    sample_rate = fields.u32() >> 16
    try:
        parts = _parts(entry, _AUDIO_FIELDS)
    except MalformedBox:
        if version not in _QUICKTIME_SOUND_EXTRA:
            raise
        parts = _parts(entry, _AUDIO_FIELDS + _QUICKTIME_SOUND_EXTRA[version])
    coding = _coding(entry, parts)
    sound = _Sound()
    codec = _AUDIO.get(coding, _bare_sound)(coding, parts, sound)
    max_bitrate, avg_bitrate = _bitrate(parts)
    return SampleEntry(
        fourcc=fourcc(coding),
        codec=codec,
        sample_rate=sound.sample_rate or sample_rate,
        channels=sound.channels or channels,
        max_bitrate=max_bitrate or sound.max_bitrate,
        avg_bitrate=avg_bitrate or sound.avg_bitrate,
        encrypted=b"sinf" in parts,
    )


def _timed_text(entry: Box) -> SampleEntry:
    """Everything without a picture or a sound: text, subtitles, metadata."""
    skip = _PLAIN_FIELDS
    codec = fourcc(entry.type)
    if entry.type == b"stpp":
        fields = entry.fields(skip)
        namespace, _schema, images = fields.text(), fields.text(), fields.text()
        skip = fields.at - entry.body
        codec = f"stpp.ttml.{_ttml_profile(namespace, images)}"
    try:
        parts = _parts(entry, skip)
    except MalformedBox:
        # Metadata entries begin with strings whose number we do not know: urim, mett, sbtt.
        parts = {}
    max_bitrate, avg_bitrate = _bitrate(parts)
    uri = parts.get(b"uri ") if entry.type == b"urim" else None
    return SampleEntry(
        fourcc=fourcc(entry.type),
        codec=codec,
        max_bitrate=max_bitrate,
        avg_bitrate=avg_bitrate,
        uri=uri.fields(skip=4).text() if uri else "",
    )


def _ttml_profile(namespace: str, images: str) -> str:
    """W3C TTML Media Type Definition §5: IMSC1 text unless the entry says otherwise."""
    if "ebu" in namespace:
        return "etd1"
    return "im1i" if "image" in images else "im1t"


def _parts(entry: Box, skip: int) -> dict[bytes, Box]:
    return {part.type: part for part in entry.children(skip)}


def _coding(entry: Box, parts: Mapping[bytes, Box]) -> bytes:
    """Return the fourcc under encryption (ISO/IEC 14496-12 §8.12.2), else that of the entry."""
    protection = parts.get(b"sinf")
    return protection.need(b"frma").fields().raw(4) if protection else entry.type


def _bitrate(parts: Mapping[bytes, Box]) -> tuple[int, int]:
    """Return ``btrt`` as (max, average) in bits per second (ISO/IEC 14496-12 §8.5.2.2)."""
    btrt = parts.get(b"btrt")
    if btrt is None:
        return 0, 0
    fields = btrt.fields(skip=4)
    return fields.u32(), fields.u32()


def _configuration(parts: Mapping[bytes, Box], name: bytes) -> Box | None:
    """What a decoder is told; None where the encoder left it out, or empty.

    ffmpeg writes an empty ``av1C`` if its encoder has said nothing yet (libaom without
    ``delay_moov``): the pictures themselves say it, so that is no reason to refuse them.
    """
    box = parts.get(name)
    return None if box is None or box.body == box.end else box


# --- pictures ---------------------------------------------------------------------------------


def _sample_aspect_ratio(parts: Mapping[bytes, Box]) -> tuple[int, int]:
    """ISO/IEC 14496-12 §12.1.4.2: ``pasp``; a ratio with a zero in it says nothing."""
    pasp = parts.get(b"pasp")
    if pasp is None:
        return 1, 1
    fields = pasp.fields()
    wide, high = fields.u32(), fields.u32()
    return (wide, high) if wide and high else (1, 1)


def _bare(coding: bytes, parts: Mapping[bytes, Box]) -> str:
    return fourcc(coding)


def _avc(coding: bytes, parts: Mapping[bytes, Box]) -> str:
    """ISO/IEC 14496-15 Annex E.2: profile, constraints and level as six hex digits."""
    config = _configuration(parts, b"avcC")
    if config is None:
        return _bare(coding, parts)
    return f"{fourcc(coding)}.{config.fields(skip=1).raw(3).hex()}"


def _hevc(coding: bytes, parts: Mapping[bytes, Box]) -> str:
    """ISO/IEC 14496-15 Annex E.3: profile, reversed compatibility, tier and level, constraints."""
    config = _configuration(parts, b"hvcC")
    if config is None:
        return _bare(coding, parts)
    fields = config.fields(skip=1)
    profile = fields.u8()
    compatibility = int(f"{fields.u32():032b}"[::-1], 2)
    constraints = fields.raw(6).rstrip(b"\0")
    level = fields.u8()
    space = ("", "A", "B", "C")[profile >> 6]
    tier = "H" if profile & 0x20 else "L"
    return ".".join(
        [
            fourcc(coding),
            f"{space}{profile & 0x1F}",
            f"{compatibility:X}",
            f"{tier}{level}",
            *(f"{byte:X}" for byte in constraints),
        ]
    )


def _av1(coding: bytes, parts: Mapping[bytes, Box]) -> str:
    """AV1 in ISO-BMFF §5: profile, level and tier, bit depth; the colour tail may be left out."""
    config = _configuration(parts, b"av1C")
    if config is None:
        return _bare(coding, parts)
    fields = config.fields(skip=1)
    first, second = fields.u8(), fields.u8()
    profile, level = first >> 5, first & 0x1F
    tier = "H" if second & 0x80 else "M"
    high, twelve = second & 0x40, second & 0x20
    depth = 8 if not high else 12 if profile == 2 and twelve else 10
    return f"{fourcc(coding)}.{profile}.{level:02d}{tier}.{depth:02d}"


def _vp(coding: bytes, parts: Mapping[bytes, Box]) -> str:
    """VP Codec ISO Media File Format Binding: profile, level, bit depth."""
    config = _configuration(parts, b"vpcC")
    if config is None:
        return _bare(coding, parts)
    fields = config.fields(skip=4)
    return f"{fourcc(coding)}.{fields.u8():02d}.{fields.u8():02d}.{fields.u8() >> 4:02d}"


# --- sound ------------------------------------------------------------------------------------


def _bare_sound(coding: bytes, parts: Mapping[bytes, Box], sound: _Sound) -> str:
    return fourcc(coding)


def _mp4a(coding: bytes, parts: Mapping[bytes, Box], sound: _Sound) -> str:
    """RFC 6381 §3.3: object type indication, and for AAC the audio object type."""
    esds = _configuration(parts, b"esds")
    if esds is None:
        return fourcc(coding)
    decoder = _descend(esds)
    object_type = decoder[0]
    sound.max_bitrate = int.from_bytes(decoder[5:9], "big")
    sound.avg_bitrate = int.from_bytes(decoder[9:13], "big")
    if object_type != _AAC:
        return f"{fourcc(coding)}.{object_type:02x}"
    audio_object_type = _audio_specific_config(esds, decoder[13:], sound)
    return f"{fourcc(coding)}.40.{audio_object_type}"


def _descend(esds: Box) -> bytes:
    """Return the body of the DecoderConfigDescriptor (ISO/IEC 14496-1 §7.2.6), 13 bytes or more."""
    tag, body, _ = _descriptor(esds, esds.fields(skip=4).raw(esds.end - esds.body - 4))
    if tag == 3:
        flags = body[2] if len(body) > 2 else 0
        skip = 3 + (2 if flags & 0x80 else 0)
        if flags & 0x40:
            skip += 1 + (body[skip] if len(body) > skip else 0)
        skip += 2 if flags & 0x20 else 0
        tag, body, _ = _descriptor(esds, body[skip:])
    if tag != 4 or len(body) < 13:
        raise esds.malformed("has no decoder configuration")
    return body


def _descriptor(esds: Box, data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag, body and rest; lengths are 7 bits a byte, most significant first (§8.3.3)."""
    length = 0
    for at in range(1, min(5, len(data))):
        length = length << 7 | data[at] & 0x7F
        if not data[at] & 0x80:
            start = at + 1
            return data[0], data[start : start + length], data[start + length :]
    raise esds.malformed("is cut short")


def _audio_specific_config(esds: Box, data: bytes, sound: _Sound) -> int:
    """Return the audio object type, 31 being an escape; note channels (ISO/IEC 14496-3 §1.6.2)."""
    tag, config, _ = _descriptor(esds, data)
    if tag != 5 or len(config) < 2:
        raise esds.malformed("has no AudioSpecificConfig")
    bits = int.from_bytes(config[:8].ljust(8, b"\0"), "big")
    left = 64

    def take(count: int) -> int:
        nonlocal left
        left -= count
        return bits >> left & (1 << count) - 1

    object_type = take(5)
    if object_type == 31:
        object_type = 32 + take(6)
    if take(4) == 15:
        sound.sample_rate = take(24)
    channels = take(4)
    if channels < len(_AAC_CHANNELS):
        sound.channels = _AAC_CHANNELS[channels]
    return object_type


def _ac3(coding: bytes, parts: Mapping[bytes, Box], sound: _Sound) -> str:
    """ETSI TS 102 366 Annex F.4: acmod and lfeon in ``dac3``."""
    config = _configuration(parts, b"dac3")
    if config is not None:
        bits = config.fields(skip=1).u8()
        sound.channels = _AC3_CHANNELS[bits >> 3 & 7] + (bits >> 2 & 1)
    return fourcc(coding)


def _ec3(coding: bytes, parts: Mapping[bytes, Box], sound: _Sound) -> str:
    """ETSI TS 102 366 Annex F.6: acmod and lfeon of the first substream in ``dec3``."""
    config = _configuration(parts, b"dec3")
    if config is not None:
        bits = config.fields(skip=3).u8()
        sound.channels = _AC3_CHANNELS[bits >> 1 & 7] + (bits & 1)
    return fourcc(coding)


def _opus(coding: bytes, parts: Mapping[bytes, Box], sound: _Sound) -> str:
    """Encapsulation of Opus in ISO-BMFF §4.3.2; MSE and DASH write it in lower case."""
    config = _configuration(parts, b"dOps")
    if config is not None:
        sound.channels = config.fields(skip=1).u8()
    return "opus"


def _flac(coding: bytes, parts: Mapping[bytes, Box], sound: _Sound) -> str:
    """Encapsulation of FLAC in ISO-BMFF §3.3.2; STREAMINFO knows rates over 65535 Hz."""
    config = _configuration(parts, b"dfLa")
    if config is not None:
        bits = config.fields(skip=18).u32()
        sound.sample_rate, sound.channels = bits >> 12, (bits >> 9 & 7) + 1
    return "flac"


_VISUAL: Final[dict[bytes, Callable[[bytes, Mapping[bytes, Box]], str]]] = {
    b"avc1": _avc,
    b"avc3": _avc,
    b"hvc1": _hevc,
    b"hev1": _hevc,
    b"av01": _av1,
    b"vp08": _vp,
    b"vp09": _vp,
}

_AUDIO: Final[dict[bytes, Callable[[bytes, Mapping[bytes, Box], _Sound], str]]] = {
    b"mp4a": _mp4a,
    b"ac-3": _ac3,
    b"ec-3": _ec3,
    b"Opus": _opus,
    b"fLaC": _flac,
}
