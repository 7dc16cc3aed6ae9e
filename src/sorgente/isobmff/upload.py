"""One upload: bytes of an HTTP body in, units to relay out.

    undecided ──moov that begins fragments──▶ fragmented   InitSegment, MediaChunk…, Trailer
        └─────────anything else─────────────▶ raw          RawBytes…

The rules:

1. Content decides, never a file name or a header. As long as the bytes may still turn out to be
   fragmented MP4 they are held; a stream that cannot be is passed on with its first bytes.
2. Once fragmented, the bytes of all units in order are the bytes of the upload, and every
   unit is whole: what breaks the rules after that raises, after the units before it were given.
3. Undecided or raw bytes never raise: whatever they are, somebody may know how to read them. The
   exception is a ``moov`` that announces fragments and then contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sorgente.errors import BoxTooLarge, MalformedBox, MediaError, TruncatedUpload
from sorgente.isobmff.box import Box, BoxHeader, boxes, fourcc
from sorgente.isobmff.fragment import MediaChunk, parse_chunk
from sorgente.isobmff.init_segment import (
    InitSegment,
    carries_samples,
    is_fragmented,
    parse_init_segment,
)
from sorgente.isobmff.scanner import DEFAULT_LIMITS, BoxLimits, BoxScanner

__all__ = ["InitSegment", "MediaChunk", "RawBytes", "Trailer", "Unit", "UploadParser"]

OPENING_TYPES: Final = frozenset(b"ftyp styp moov free skip wide uuid pdin emsg prft sidx".split())
"""Boxes that may stand before, or be, the ``moov`` of a fragmented stream."""

EMPTY_MFRA: Final = b"\0\0\0\x08mfra"
MEDIA_TYPES: Final = frozenset((b"moof", b"mdat"))

_MEDIA_FIRST = "the upload has media before any init segment (ftyp+moov); it is relayed as it is"
_NO_FRAGMENTS = "the moov announces no fragments; add +frag_keyframe+empty_moov to movflags"
_CARRIES_SAMPLES = "the moov carries samples; add +empty_moov to movflags to make it joinable"
_INIT_TOO_LARGE = "the moov is too large for an init segment; it is relayed as it is"


@dataclass(frozen=True, slots=True)
class RawBytes:
    """A piece of an upload that is not fragmented MP4, as it came in."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trailer:
    """What stands after the last chunk, such as ffmpeg's ``mfra``; of no use to a player."""

    data: bytes = field(repr=False)

    @property
    def ends_event(self) -> bool:
        """An ``mfra`` with nothing in it: an encoder's last word (DASH-IF Ingest §6)."""
        return self.data.endswith(EMPTY_MFRA)


Unit: TypeAlias = RawBytes | InitSegment | MediaChunk | Trailer


class UploadParser:
    """Cuts one upload into units.

    With ``init`` given, the upload goes on where another ended: one HTTP body per segment, say. It
    is fragmented from the first byte then, and may begin with an init segment of its own.

    After an error the parser is of no use.
    """

    def __init__(
        self, limits: BoxLimits = DEFAULT_LIMITS, *, init: InitSegment | None = None
    ) -> None:
        self.content_type: str | None = None if init is None else init.content_type
        """MIME type of the upload; None while undecided."""

        self.note: str | None = None
        """One line for the operator of the encoder: why an MP4 was not taken as a live stream."""

        self.media_first = False
        """It began with media, and no init segment was known; it is relayed as raw bytes."""

        self._scanner = BoxScanner(limits)
        self._init = init
        self._raw = False
        self._moof_pending = False

    @property
    def pending(self) -> int:
        """Bytes held that are not yet a whole unit."""
        return self._scanner.behind + self._scanner.ahead

    def feed(self, data: bytes) -> Iterator[Unit]:
        """Yield every unit that ``data`` completes, then raise if what follows breaks the rules.

        A generator: nothing happens to ``data`` before the first unit is asked for.
        Raises MalformedBox, BoxTooLarge.
        """
        if self._raw:
            if data:
                yield RawBytes(data)
            return
        self._scanner.feed(data)
        yield from self._units()

    def finish(self) -> Iterator[Unit]:
        """Yield what is left at the clean end of the body.

        Raises TruncatedUpload when a fragmented upload ends inside a box, or between a ``moof``
        and its ``mdat``.
        """
        self._scanner.end()
        yield from self._units()
        if self.content_type is None:
            yield from self._become_raw(None)
        elif self._init is not None:
            yield from self._close()

    # --- undecided ------------------------------------------------------------------------

    def _units(self) -> Iterator[Unit]:
        if self.content_type is None:
            yield from self._sniff()
        if self._init is not None:
            yield from self._fragmented(self._init)

    def _sniff(self) -> Iterator[Unit]:
        scanner = self._scanner
        while True:
            try:
                header = scanner.header()
                legal = header is None or header.type in OPENING_TYPES
                whole = legal and scanner.skip()
            except MediaError as error:
                type_ = scanner.peek(8)[4:]
                self.media_first = type_ in MEDIA_TYPES
                yield from self._become_raw(_why_raw(type_, error))
                return
            if header is None:
                if not self._may_open(scanner.peek(8)):
                    yield from self._become_raw(None)
                return
            if not legal:
                self.media_first = header.type in MEDIA_TYPES
                yield from self._become_raw(_why_raw(header.type))
                return
            if not whole:
                return
            if header.type == b"moov":
                yield from self._decide()
                return

    def _may_open(self, prefix: bytes) -> bool:
        """Whether the first bytes of a header can become one that is acceptable here."""
        least = int.from_bytes(prefix[:4].ljust(4, b"\0"), "big")
        if least > self._scanner.limits.max_box:
            return False
        return any(opening.startswith(prefix[4:8]) for opening in OPENING_TYPES)

    def _decide(self) -> Iterator[Unit]:
        """Tell an init segment from the ``moov`` of a file."""
        position, data = self._scanner.position, self._scanner.take()
        *_, moov = boxes(data, 0, len(data), position)
        note = _why_not_init(moov)
        if note is not None:
            yield from self._become_raw(note, data)
            return
        init = parse_init_segment(data, position)
        self.content_type = init.content_type
        self._init = init
        yield init

    def _become_raw(self, note: str | None, taken: bytes = b"") -> Iterator[Unit]:
        self._raw = True
        self.note = note
        held = taken + self._scanner.take_all()
        is_mp4 = held[4:8] == b"ftyp" and int.from_bytes(held[:4], "big") >= 8
        self.content_type = "video/mp4" if is_mp4 else "application/octet-stream"
        if held:
            yield RawBytes(held)

    # --- fragmented -----------------------------------------------------------------------

    def _fragmented(self, init: InitSegment) -> Iterator[Unit]:
        scanner = self._scanner
        while (header := scanner.header()) is not None:
            self._check_order(header)
            if not scanner.skip():
                return
            if header.type == b"moof":
                self._moof_pending = True
            elif header.type == b"mdat":
                self._moof_pending = False
                position = scanner.position
                yield parse_chunk(scanner.take(), position, init)
            elif header.type == b"moov":
                init = self._next_init()
                yield init

    def _close(self) -> Iterator[Unit]:
        scanner = self._scanner
        at = scanner.position + scanner.behind
        if scanner.ahead:
            raise TruncatedUpload(
                f"the upload ended {scanner.ahead} bytes into the box at byte {at}"
            )
        if self._moof_pending:
            raise TruncatedUpload(f"the upload ended at byte {at}, before the 'mdat' of a 'moof'")
        if scanner.behind:
            yield Trailer(scanner.take())

    def _check_order(self, header: BoxHeader) -> None:
        """ISO/IEC 23000-19 §7.3.2.3: a chunk is a ``moof`` and its ``mdat``."""
        wrong = header.type == (b"moov" if self._moof_pending else b"mdat")
        if wrong:
            where = "between 'moof' and 'mdat'" if self._moof_pending else "without a 'moof'"
            at = self._scanner.position + self._scanner.behind
            raise MalformedBox(f"'{fourcc(header.type)}' at byte {at} comes {where}")

    def _next_init(self) -> InitSegment:
        position, data = self._scanner.position, self._scanner.take()
        *_, moov = boxes(data, 0, len(data), position)
        if not is_fragmented(moov) or carries_samples(moov):
            raise moov.malformed("is that of a file, in the middle of a live stream")
        self._init = parse_init_segment(data, position)
        return self._init


def _why_not_init(moov: Box) -> str | None:
    """A note when the ``moov`` is that of a file; raises MalformedBox if it announces fragments
    and contradicts itself."""
    try:
        if not is_fragmented(moov):
            return _NO_FRAGMENTS
        return _CARRIES_SAMPLES if carries_samples(moov) else None
    except MalformedBox:
        if b"mvex" in moov.content:
            raise
        return _NO_FRAGMENTS


def _why_raw(type_: bytes, error: MediaError | None = None) -> str | None:
    """A note about the box that decided against fragmented MP4."""
    if type_ in MEDIA_TYPES:
        return _MEDIA_FIRST
    return _INIT_TOO_LARGE if isinstance(error, BoxTooLarge) else None
