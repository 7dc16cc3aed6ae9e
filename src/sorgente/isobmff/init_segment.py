"""The init segment: ``ftyp`` and ``moov``, and what every track in it says of itself.

ISO/IEC 14496-12 §8.2–8.8, ISO/IEC 23000-19 §7.3.2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import Box, boxes, fourcc
from sorgente.isobmff.codecs import SampleEntry, sample_entry

_KINDS: Final = {"vide": "video", "soun": "audio"} | dict.fromkeys(("text", "subt", "sbtl"), "text")
SPARSE_KINDS: Final = ("text", "meta")
SWITCHING_SET: Final = "urn:dashif:ingest:switchingset_id"
"""Scheme of a ``kind`` box that names a set of bit rates (DASH-IF Ingest §6)."""

_NORMAL_RATE: Final = 0x10000  # media_rate of an edit, 16.16
_UNDETERMINED: Final = "und"


@dataclass(frozen=True, slots=True)
class EditList:
    """Where the media begins on the presentation's timeline (§8.6.6).

    A sample is presented at its composition time − ``media_time`` (track timescale), and
    ``empty_duration`` (movie timescale) later than that.
    """

    empty_duration: int = 0
    media_time: int = 0

    regular: bool = True
    """At most one empty edit, then one edit at normal speed: all that live media has a use for."""


@dataclass(frozen=True, slots=True)
class TrackDefaults:
    """``trex``: what holds for samples unless the fragment says otherwise (§8.8.3)."""

    duration: int
    size: int
    flags: int


@dataclass(frozen=True, slots=True)
class InitTrack:
    """One ``trak`` with its ``trex``."""

    track_id: int
    handler: str
    """As written in ``hdlr``: vide, soun, text, subt, meta, …"""

    kind: str
    """video, audio, text or meta."""

    timescale: int
    """Ticks per second of all media times of the track (``mdhd``)."""

    language: str
    """``elng`` (BCP 47) if there, else ``mdhd`` (ISO 639-2); "und" when not said."""

    sample_entry: SampleEntry
    width: int
    height: int
    edit_list: EditList
    defaults: TrackDefaults

    roles: tuple[tuple[str, str], ...]
    """``udta/kind`` boxes, as (scheme, value)."""

    configuration: bytes = field(repr=False)
    """What must not change for samples of two init segments to go on in one decoder."""

    @property
    def codec(self) -> str:
        """For the ``codecs`` parameter, e.g. ``avc1.64001f``."""
        return self.sample_entry.codec

    @property
    def sample_aspect_ratio(self) -> tuple[int, int]:
        """Width to height of a pixel on the screen; 1:1 when not said."""
        return self.sample_entry.sample_aspect_ratio

    @property
    def sample_rate(self) -> int:
        """In Hz; 0 when it is not sound."""
        return self.sample_entry.sample_rate

    @property
    def channels(self) -> int:
        """Of sound; 0 when it is none."""
        return self.sample_entry.channels

    @property
    def is_sparse(self) -> bool:
        """Text and metadata: long may pass without any, and nobody waits for it."""
        return self.kind in SPARSE_KINDS

    @property
    def switching_set(self) -> str:
        """What the encoder calls the set of bit rates it belongs to; empty when not said."""
        return next((value for scheme, value in self.roles if scheme == SWITCHING_SET), "")

    @property
    def bitrate(self) -> int:
        """The encoder's own word in bits per second, the peak if it gives one; 0 if neither."""
        return self.sample_entry.max_bitrate or self.sample_entry.avg_bitrate


@dataclass(frozen=True, slots=True)
class InitSegment:
    """All bytes up to and including a ``moov`` that holds no samples of its own."""

    data: bytes = field(repr=False)
    tracks: tuple[InitTrack, ...]
    """In the order of the ``moov``; at least one, and no id twice."""

    movie_timescale: int
    """Ticks per second of ``EditList.empty_duration`` (``mvhd``)."""

    brands: tuple[str, ...]
    """Of ``ftyp``, the major one first; empty when there is no ``ftyp``."""

    by_id: Mapping[int, InitTrack] = field(init=False, repr=False, compare=False)

    leading_track: InitTrack = field(init=False, repr=False, compare=False)
    """The track whose random access points cut segments: the first video, else the first. Asked
    for many times a chunk, so looked for once."""

    def __post_init__(self) -> None:
        leading = next((track for track in self.tracks if track.kind == "video"), self.tracks[0])
        object.__setattr__(self, "by_id", {track.track_id: track for track in self.tracks})
        object.__setattr__(self, "leading_track", leading)

    @property
    def is_sparse(self) -> bool:
        """Nothing but text and metadata."""
        return all(track.is_sparse for track in self.tracks)

    @property
    def content_type(self) -> str:
        """``audio/mp4`` for sound without a picture, else ``video/mp4`` (RFC 4337 §2)."""
        kinds = {track.kind for track in self.tracks}
        return "audio/mp4" if "audio" in kinds and "video" not in kinds else "video/mp4"

    def compatible_with(self, other: InitSegment) -> bool:
        """Whether chunks of both can follow each other: same tracks, same configuration."""
        return [(track.track_id, track.configuration) for track in self.tracks] == [
            (track.track_id, track.configuration) for track in other.tracks
        ]


def parse_init_segment(data: bytes, position: int = 0) -> InitSegment:
    """Read the last ``moov`` in ``data``, and the ``ftyp`` before it.

    ``position`` is where ``data[0]`` lies in the upload. Raises MalformedBox.
    """
    top = {box.type: box for box in boxes(data, 0, len(data), position)}
    moov = top.get(b"moov")
    if moov is None:
        raise MalformedBox(f"no 'moov' in {len(data)} bytes at byte {position}")
    defaults = _track_defaults(moov.need(b"mvex"))
    tracks = tuple(_track(trak, defaults) for trak in moov.children() if trak.type == b"trak")
    if not tracks:
        raise moov.malformed("has no tracks")
    if len({track.track_id for track in tracks}) < len(tracks):
        raise moov.malformed("has two tracks with the same id")
    ftyp = top.get(b"ftyp")
    return InitSegment(
        data=data,
        tracks=tracks,
        movie_timescale=_movie_timescale(moov.need(b"mvhd")),
        brands=brands(ftyp) if ftyp else (),
    )


def brands(box: Box) -> tuple[str, ...]:
    """Brands of an ``ftyp`` or ``styp``, the major one first (§4.3)."""
    fields = box.fields()
    major = fields.raw(4)
    fields.skip(4)
    rest = fields.raw(fields.left)
    return (fourcc(major), *(fourcc(rest[at : at + 4]) for at in range(0, len(rest) - 3, 4)))


def is_fragmented(moov: Box) -> bool:
    """Whether movie fragments may follow this ``moov`` (§8.8.1)."""
    return moov.find(b"mvex") is not None


def carries_samples(moov: Box) -> bool:
    """Whether a track has samples of its own in the ``moov`` (§8.7.3), as a file on disk has."""
    for trak in moov.children():
        if trak.type != b"trak":
            continue
        table = trak.need(b"mdia").need(b"minf").need(b"stbl")
        sizes = table.find(b"stsz") or table.find(b"stz2")
        if sizes is not None and sizes.fields(skip=8).u32():
            return True
    return False


def _movie_timescale(mvhd: Box) -> int:
    fields = mvhd.fields()
    version, _ = fields.version_and_flags()
    fields.skip(16 if version else 8)
    timescale = fields.u32()
    if not timescale:
        raise mvhd.malformed("has timescale 0")
    return timescale


def _track_defaults(mvex: Box) -> dict[int, tuple[TrackDefaults, bytes]]:
    found = {}
    for trex in mvex.children():
        if trex.type == b"trex":
            fields = trex.fields(skip=4)
            track_id = fields.u32()
            fields.skip(4)
            found[track_id] = TrackDefaults(fields.u32(), fields.u32(), fields.u32()), trex.content
    return found


def _track(trak: Box, defaults: Mapping[int, tuple[TrackDefaults, bytes]]) -> InitTrack:
    track_id, width, height = _track_header(trak.need(b"tkhd"))
    if track_id not in defaults:
        raise trak.malformed(f"is track {track_id}, which has no 'trex'")
    trex, trex_bytes = defaults[track_id]
    mdia = trak.need(b"mdia")
    handler = fourcc(mdia.need(b"hdlr").fields(skip=8).raw(4))
    timescale, language = _media_header(mdia.need(b"mdhd"))
    elng = mdia.find(b"elng")
    language = (elng.fields(skip=4).text() if elng else "") or language
    stsd = mdia.need(b"minf").need(b"stbl").need(b"stsd")
    entry = sample_entry(stsd, handler)
    edts = trak.find(b"edts")
    configuration = b"".join(
        [
            f"{handler} {timescale} {language} ".encode("latin-1", "replace"),
            stsd.content,
            edts.content if edts else b"",
            trex_bytes,
        ]
    )
    return InitTrack(
        track_id=track_id,
        handler=handler,
        kind=_KINDS.get(handler, "meta"),
        timescale=timescale,
        language=language,
        sample_entry=entry,
        # The sample entry gives coded pixels; text has a region in tkhd only.
        width=entry.width or width,
        height=entry.height or height,
        edit_list=_edit_list(edts),
        defaults=trex,
        roles=_roles(trak),
        configuration=configuration,
    )


def _track_header(tkhd: Box) -> tuple[int, int, int]:
    """Return track id, width and height (§8.3.2)."""
    fields = tkhd.fields()
    version, _ = fields.version_and_flags()
    fields.skip(16 if version else 8)
    track_id = fields.u32()
    if not track_id:
        raise tkhd.malformed("has track id 0")
    fields.skip(12 if version else 8)  # reserved, duration
    fields.skip(52)  # reserved, layer, group, volume, matrix
    return track_id, fields.u32() >> 16, fields.u32() >> 16


def _media_header(mdhd: Box) -> tuple[int, str]:
    """Return timescale and language, three letters of five bits each (§8.4.2)."""
    fields = mdhd.fields()
    version, _ = fields.version_and_flags()
    fields.skip(16 if version else 8)
    timescale = fields.u32()
    if not timescale:
        raise mdhd.malformed("has timescale 0")
    fields.skip(8 if version else 4)
    packed = fields.u16()
    letters = [packed >> shift & 31 for shift in (10, 5, 0)]
    if not all(1 <= letter <= 26 for letter in letters):
        return timescale, _UNDETERMINED
    return timescale, "".join(chr(0x60 + letter) for letter in letters)


def _edit_list(edts: Box | None) -> EditList:
    elst = edts.find(b"elst") if edts else None
    if elst is None:
        return EditList()
    fields = elst.fields()
    version, _ = fields.version_and_flags()
    count = fields.u32()
    if count * (20 if version else 12) > fields.left:
        raise elst.malformed(f"says it has {count} entries")
    empty = media_time = 0
    regular = count <= 2
    for index in range(min(count, 2)):
        duration, time = (fields.u64(), fields.i64()) if version else (fields.u32(), fields.i32())
        normal = fields.u32() == _NORMAL_RATE
        if time < 0 and index == 0:
            empty = duration
        elif time >= 0:
            media_time = time
            regular = regular and normal and index + 1 == count
            break
        else:
            regular = False
    return EditList(empty, media_time, regular)


def _roles(trak: Box) -> tuple[tuple[str, str], ...]:
    """``kind`` boxes (§8.10.4). QuickTime fills ``udta`` with what it likes: that is no error."""
    try:
        udta = trak.find(b"udta")
        if udta is None:
            return ()
        fields = [kind.fields(skip=4) for kind in udta.children() if kind.type == b"kind"]
        return tuple((kind.text(), kind.text()) for kind in fields)
    except MalformedBox:
        return ()
