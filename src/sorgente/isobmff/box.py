"""Boxes: the one header parser, and a box that knows where it lies (ISO/IEC 14496-12 §4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from sorgente.errors import MalformedBox

MAX_CHILDREN: Final = 4096
"""Boxes side by side in one container. A ``moof`` has a handful; a 4 MiB one made of 8-byte boxes
would hold the event loop for half a second."""

MAX_UNFOLDED: Final = 1 << 16
"""Bytes of a container whose boxes are remembered: 4 MiB of them would take 50."""

_SIZE_AND_TYPE: Final = Struct(">I4s")
_U16: Final = Struct(">H")
_U32: Final = Struct(">I")
_I32: Final = Struct(">i")
_U64: Final = Struct(">Q")
_I64: Final = Struct(">q")

_HEAD: Final = 8  # bytes of a plain header
_LARGE: Final = 1  # this size says: 64 bits of size follow the type
_TO_THE_END: Final = 0  # this one: to the end of the file
_USERTYPE: Final = 16  # bytes of a uuid box between the header and the body


class BoxHeader(NamedTuple):
    """What the first bytes of a box say.

    ``size`` counts the whole box, header included; 0 means "to the end of the file".
    ``length`` is that of the header itself: 8, 16 with a 64-bit size, and 16 more for ``uuid``.
    """

    type: bytes
    size: int
    length: int


def read_header(
    data: bytes | bytearray, start: int, end: int, position: int = 0
) -> BoxHeader | None:
    """Read the header at ``data[start:end]``; None when more bytes are needed to know it.

    ``position`` is where ``data[0]`` lies in the upload: messages name places in the upload.
    Raises MalformedBox for a size that does not even cover the header.
    """
    if end - start < 8:
        return None
    size, type_ = _SIZE_AND_TYPE.unpack_from(data, start)
    length = 8
    if size == _LARGE:
        if end - start < 16:
            return None
        (size,) = _U64.unpack_from(data, start + 8)
        length = 16
        if size < length:
            raise _undersized(type_, size, position + start)
    if type_ == b"uuid":
        length += _USERTYPE
    if size < length and size != _TO_THE_END:
        raise _undersized(type_, size, position + start)
    return BoxHeader(type_, size, length)


def fourcc(type_: bytes) -> str:
    """A box type as one prints it: the four characters, or hex when they are none."""
    text = type_.decode("latin-1")
    return text if text.isprintable() else "0x" + type_.hex()


class Box(msgspec.Struct):
    """One whole box inside ``data``: header at ``start``, body from ``body`` to ``end``.

    ``position`` is where ``data[0]`` lies in the upload.
    """

    type: bytes
    start: int
    body: int
    end: int
    data: bytes
    position: int

    _inside: tuple[Box, ...] | None = None
    """Its children, once somebody has wanted all of them: see ``unfold``."""

    @property
    def content(self) -> bytes:
        """The whole box, header included."""
        return self.data[self.start : self.end]

    def children(self, skip: int = 0) -> Iterator[Box]:
        """Boxes of the body, from ``skip`` bytes into it; raises MalformedBox like ``boxes``."""
        if self._inside is not None and not skip:
            return iter(self._inside)
        if self.body + skip > self.end:
            raise self.malformed("ends inside its fields")
        return boxes(self.data, self.body + skip, self.end, self.position)

    def unfold(self) -> tuple[Box, ...]:
        """All boxes of the body; ``children`` does not read them again, unless they are more than
        any encoder's. For what is walked many times: a ``moof``, its ``traf``. Raises MalformedBox
        like ``boxes``."""
        inside = tuple(self.children())
        if self.end - self.body <= MAX_UNFOLDED:
            self._inside = inside
        return inside

    def find(self, type_: bytes, skip: int = 0) -> Box | None:
        """The first child of this type."""
        return next((child for child in self.children(skip) if child.type == type_), None)

    def need(self, type_: bytes) -> Box:
        """The first child of this type; raises MalformedBox when there is none."""
        child = self.find(type_)
        if child is None:
            raise self.malformed(f"has no '{fourcc(type_)}'")
        return child

    def fields(self, skip: int = 0) -> Fields:
        """A reader of the body, from ``skip`` bytes into it."""
        return Fields(self, skip)

    def malformed(self, why: str) -> MalformedBox:
        """An error to raise that names this box and its place in the upload."""
        return _malformed(self.type, self.position + self.start, why)


class Fields:
    """Reads fields of a box one after the other; raises MalformedBox past the end of the box."""

    __slots__ = ("at", "box")

    def __init__(self, box: Box, skip: int = 0) -> None:
        self.box = box
        self.at = box.body + skip

    def version_and_flags(self) -> tuple[int, int]:
        """What every FullBox begins with (§4.2.2)."""
        word = self.u32()
        return word >> 24, word & 0xFFFFFF

    def u8(self) -> int:
        """One byte."""
        return self.box.data[self._step(1)]

    def u16(self) -> int:
        """Two bytes, unsigned."""
        return self._read(_U16, 2)

    def u32(self) -> int:
        """Four bytes, unsigned."""
        return self._read(_U32, 4)

    def i32(self) -> int:
        """Four bytes, signed."""
        return self._read(_I32, 4)

    def u64(self) -> int:
        """Eight bytes, unsigned."""
        return self._read(_U64, 8)

    def i64(self) -> int:
        """Eight bytes, signed."""
        return self._read(_I64, 8)

    def raw(self, length: int) -> bytes:
        """That many bytes."""
        start = self._step(length)
        return self.box.data[start : start + length]

    def text(self) -> str:
        """UTF-8 up to a zero byte, or to the end of the box: writers forget the last zero."""
        data, end = self.box.data, self.box.end
        self._step(0)
        zero = data.find(b"\0", self.at, end)
        stop = end if zero < 0 else zero
        text = data[self.at : stop].decode("utf-8", "replace")
        self.at = min(stop + 1, end)
        return text

    def skip(self, length: int) -> None:
        """Pass over that many bytes."""
        self._step(length)

    @property
    def left(self) -> int:
        """Bytes of the body not read yet."""
        return self.box.end - self.at

    def _step(self, length: int) -> int:
        start = self.at
        if start + length > self.box.end:
            raise self.box.malformed("ends inside its fields")
        self.at = start + length
        return start

    def _read(self, layout: Struct, length: int) -> int:
        start = self.at
        if start + length > self.box.end:
            raise self.box.malformed("ends inside its fields")
        self.at = start + length
        value: int = layout.unpack_from(self.box.data, start)[0]
        return value


def boxes(data: bytes, start: int, end: int, position: int = 0) -> Iterator[Box]:
    """Iterate over the boxes that fill ``data[start:end]``.

    Fewer than eight zero bytes at the end are padding: QuickTime closes some lists with a 32-bit
    zero. Raises MalformedBox for a box that reaches over ``end``, for a size of 0 (but for
    ``mdat``, which then reaches to ``end``), and for more than MAX_CHILDREN of them.
    """
    count = 0
    while start < end:
        length = _HEAD
        size, type_ = _SIZE_AND_TYPE.unpack_from(data, start) if end - start >= _HEAD else (0, b"")
        if size < _HEAD or type_ == b"uuid":  # more than a plain header, or less
            header = read_header(data, start, end, position)
            if header is None:
                if end - start < _HEAD and not any(data[start:end]):
                    return
                raise MalformedBox(f"{end - start} bytes at byte {position + start} are no box")
            type_, size, length = header
        stop = start + size
        if size == _TO_THE_END:
            if type_ != b"mdat" or start + length > end:
                raise _malformed(type_, position + start, "has size 0")
            stop = end
        if stop > end:
            why = f"of {size} bytes reaches {stop - end} bytes over what holds it"
            raise _malformed(type_, position + start, why)
        count += 1
        if count > MAX_CHILDREN:
            raise _malformed(type_, position + start, f"has {MAX_CHILDREN} boxes before it")
        yield Box(type_, start, start + length, stop, data, position)
        start = stop


def _undersized(type_: bytes, size: int, position: int) -> MalformedBox:
    return _malformed(type_, position, f"says it is {size} bytes long, less than its header")


def _malformed(type_: bytes, position: int, why: str) -> MalformedBox:
    return MalformedBox(f"box '{fourcc(type_)}' at byte {position} {why}")
