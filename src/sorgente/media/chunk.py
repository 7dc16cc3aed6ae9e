"""The unit of the relay: built once, immutable, shared by every player.

HTTP/1.1 chunked-coding frames (RFC 9112 §7.1) are the same bytes for everybody, so a chunk is kept
as its frame; whoever wants the bare bytes (an HTTP/1.0 player, a complete segment) gets a view into
that frame.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

FRAME_TAIL_BYTES = 2
"""The CRLF behind the bytes of a frame."""

CHUNK_OVERHEAD_BYTES = 160
"""What a chunk costs besides its bytes (CPython 3.11, tracemalloc: 72 for the chunk, 33 for its
frame, 24 for its time, 8 in the window; rounded up to what malloc gives). Counted, or an upload in
one-byte pieces would hold twenty times its bound."""

LAST_FRAME = b"0\r\n\r\n"
"""What ends a chunked body cleanly (RFC 9112 §7.1); never sent after an abort."""


def frame(payload: bytes) -> bytes:
    """One chunked-coding frame around ``payload``, which must not be empty."""
    # Not by ``%``: that takes more memory than it needs and gives the rest back, which leaves holes
    # between the frames of a window (an eighth of it, measured).
    return b"".join((b"%x\r\n" % len(payload), payload, b"\r\n"))


def payload_of(framed: bytes) -> memoryview:
    """The bytes inside a frame, without a copy."""
    return memoryview(framed)[framed.index(b"\r\n") + 2 : -FRAME_TAIL_BYTES]


class Chunk(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One ``moof``+``mdat`` with what precedes it, or a piece of bytes we do not understand.

    Nothing in it can be part of a cycle, so the garbage collector need not look at the hundred
    thousands of them that a busy origin keeps (``gc=False``).
    """

    frame: bytes
    """The bytes as uploaded, as a chunked-coding frame."""
    movable: bytes
    """The same for players who did not read the upload from its first byte; another object only
    where the upload addresses its samples by file position (``tfhd.base_data_offset``,
    ISO/IEC 14496-12 §8.8.7)."""
    received_at: float
    """Seconds, when its last byte came in."""
    random_access: bool
    """A player can start here."""
    has_sync_sample: bool
    """A sync sample is inside, though perhaps not the first."""
    track: int = 0
    """Of a merged stream: the id of the track whose it is; 0 is all else."""
    begins: bool = False
    """Of a merged stream: its track can begin here. Players of all of it follow one of them only
    (``random_access``)."""

    @classmethod
    def of(
        cls,
        payload: bytes,
        received_at: float,
        *,
        movable: bytes | None = None,
        random_access: bool = False,
        has_sync_sample: bool = False,
        track: int = 0,
        begins: bool = False,
    ) -> Chunk:
        """A chunk of these bytes; ``movable`` as above, if they differ."""
        as_uploaded = frame(payload)
        anywhere = as_uploaded if movable is None or movable is payload else frame(movable)
        return cls(
            as_uploaded, anywhere, received_at, random_access, has_sync_sample, track, begins
        )

    @property
    def bytes_held(self) -> int:
        """The memory the chunk keeps, in bytes."""
        twin = 0 if self.movable is self.frame else len(self.movable)
        return CHUNK_OVERHEAD_BYTES + len(self.frame) + twin


Buffer = bytes | memoryview
Form = Callable[[Chunk], Buffer]
"""How a chunk looks to a subscriber: one of the four functions below, or a ``selection``. Nothing:
the chunk is not for them."""


def framed(chunk: Chunk) -> Buffer:
    """As uploaded, for HTTP/1.1."""
    return chunk.frame


def framed_movable(chunk: Chunk) -> Buffer:
    """For an HTTP/1.1 player who joined later."""
    return chunk.movable


def plain(chunk: Chunk) -> Buffer:
    """As uploaded, for HTTP/1.0: no chunked coding (RFC 9112 §6.1), ends with the connection."""
    return payload_of(chunk.frame)


def plain_movable(chunk: Chunk) -> Buffer:
    """For an HTTP/1.0 player who joined later."""
    return payload_of(chunk.movable)


MOVABLE: dict[Form, Form] = {
    framed: framed_movable,
    framed_movable: framed_movable,
    plain: plain_movable,
    plain_movable: plain_movable,
}
"""The form to go on with once a player's stream is no longer the upload byte for byte."""
