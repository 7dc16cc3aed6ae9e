"""Top-level boxes out of a byte stream, one header at a time, within limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sorgente.errors import BoxTooLarge, MalformedBox
from sorgente.isobmff.box import BoxHeader, fourcc, read_header

MAX_BOX: Final = 4 << 20
"""A ``moov`` is a few KiB, a ``moof`` of ten seconds some tens, an event rarely a MiB."""

MAX_CHUNK: Final = 64 << 20
"""Ten seconds at 50 Mbit/s come in one ``mdat`` when an encoder cuts fragments per segment."""

MAX_PENDING_BOXES: Final = 1024
"""Boxes since the last chunk. A chunk has about five; this keeps a flood of 8-byte ``free`` boxes
from costing seconds of work at the ``mdat`` that ends it."""

TOP_LEVEL_TYPES: Final = frozenset(
    b"ftyp styp moov moof mdat mfra sidx ssix prft emsg free skip wide uuid pdin meta".split()
)
"""Types whose size is believed: one over the limit is too large; of any other type, not a box."""


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """How large things may grow, in bytes.

    ``max_box`` holds for every box but ``mdat`` and ``mfra``; ``max_chunk`` for those and for all
    that is pending between two chunks; ``max_pending_boxes`` for the number of boxes in there.
    """

    max_box: int = MAX_BOX
    max_chunk: int = MAX_CHUNK
    max_pending_boxes: int = MAX_PENDING_BOXES


DEFAULT_LIMITS: Final = BoxLimits()


class BoxScanner:
    """Bytes in; a cursor that steps from top-level box to top-level box; whole runs of boxes out.

    ``feed`` bytes, look at ``header()``, ``skip()`` over the box once it is whole, and ``take()``
    everything behind the cursor. A box is refused on its header, before its body is waited for.
    The bytes pending are one buffer, so their cost does not depend on how they came in.
    """

    def __init__(self, limits: BoxLimits) -> None:
        self.limits = limits

        self.position = 0
        """Where the first pending byte lies in the upload."""

        self._pending = bytearray()
        self._cursor = 0  # in _pending: every box before it is whole
        self._passed = 0  # boxes before the cursor
        self._header: BoxHeader | None = None  # at the cursor, once known
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Append what came in."""
        self._pending += data

    def end(self) -> None:
        """Nothing more will come; an ``mdat`` of size 0 is whole now."""
        self._ended = True

    @property
    def behind(self) -> int:
        """Bytes from the last ``take()`` to the cursor."""
        return self._cursor

    @property
    def ahead(self) -> int:
        """Bytes after the cursor, which are no whole box yet."""
        return len(self._pending) - self._cursor

    def header(self) -> BoxHeader | None:
        """Return the header at the cursor, known to be within the limits; None until it is whole.

        Raises MalformedBox for what is not a box, BoxTooLarge for one over its limit.
        """
        if self._header is None:
            header = read_header(self._pending, self._cursor, len(self._pending), self.position)
            if header is not None:
                self._check(header)
            self._header = header
        return self._header

    def skip(self) -> bool:
        """Step over the box at the cursor; False while it is not whole.

        Raises BoxTooLarge for an ``mdat`` of size 0 that grows over the limit.
        """
        header = self.header()
        if header is None:
            return False
        end = self._cursor + header.size
        if not header.size:
            if len(self._pending) > self.limits.max_chunk:
                raise self._too_large("a chunk", len(self._pending), self.limits.max_chunk)
            end = len(self._pending) if self._ended else len(self._pending) + 1
        if end > len(self._pending):
            return False
        self._cursor = end
        self._passed += 1
        self._header = None
        return True

    def take(self) -> bytes:
        """Cut off everything behind the cursor."""
        return self._cut(self._cursor)

    def take_all(self) -> bytes:
        """Cut off everything."""
        self._header = None
        return self._cut(len(self._pending))

    def peek(self, length: int) -> bytes:
        """Return at most the next ``length`` bytes from the cursor."""
        return bytes(self._pending[self._cursor : self._cursor + length])

    def _cut(self, length: int) -> bytes:
        pending = self._pending
        if length == len(pending):
            taken = bytes(pending)
            pending.clear()
        else:
            with memoryview(pending) as view:
                taken = bytes(view[:length])
            del pending[:length]
        self.position += length
        self._cursor = self._passed = 0
        return taken

    def _check(self, header: BoxHeader) -> None:
        type_, size, _ = header
        at = self.position + self._cursor
        if not _is_type(type_):
            raise MalformedBox(f"'{fourcc(type_)}' at byte {at} is no box type")
        if size == 0 and type_ != b"mdat":
            raise MalformedBox(f"box '{fourcc(type_)}' at byte {at} has size 0")
        limit = self.limits.max_chunk if type_ in (b"mdat", b"mfra") else self.limits.max_box
        if size > limit:
            if type_ not in TOP_LEVEL_TYPES:
                raise MalformedBox(
                    f"'{fourcc(type_)}' of {size} bytes at byte {at} is no known box"
                )
            raise self._too_large(f"box '{fourcc(type_)}'", size, limit)
        if self._cursor + size > self.limits.max_chunk:
            raise self._too_large("a chunk", self._cursor + size, self.limits.max_chunk)
        if self._passed >= self.limits.max_pending_boxes:
            raise BoxTooLarge(f"more than {self._passed} boxes without a chunk at byte {at}")

    def _too_large(self, what: str, size: int, limit: int) -> BoxTooLarge:
        at = self.position + self._cursor
        return BoxTooLarge(f"{what} of {size} bytes at byte {at} is over the limit of {limit}")


def _is_type(type_: bytes) -> bool:
    """Four printable ASCII characters, or the © that Apple's types begin with."""
    return type_ in TOP_LEVEL_TYPES or all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in type_)
