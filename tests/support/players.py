"""Players without a network: they keep what they get, and take no more when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sorgente.media.chunk import LAST_FRAME, Buffer, Form, framed
from sorgente.media.subscriber import Start, Subscriber


class RecordingSink:
    """A sink that keeps what it gets.

    With ``room`` it stands for a socket whose buffer takes so many bytes: a write that does not
    fit is kept too, but pauses the subscriber, as a transport does.
    """

    def __init__(self, room: float = float("inf")) -> None:
        self.content_type: str | None = None
        self.writes: list[bytes] = []
        self.ended = self.aborted = False
        self.room = room
        self.on_full: Callable[[], None] = lambda: None

    @property
    def received(self) -> bytes:
        return b"".join(self.writes)

    @property
    def body(self) -> bytes:
        """What was received, without its chunked coding."""
        return unframed(self.received)

    @property
    def open(self) -> bool:
        return not (self.ended or self.aborted)

    def begin(self, content_type: str, first: Sequence[Buffer]) -> None:
        assert self.content_type is None, "a stream begins once"
        self.content_type = content_type
        if first:
            self.writelines(first)

    def write(self, data: Buffer, /) -> None:
        self.writelines([data])

    def writelines(self, data: Sequence[Buffer], /) -> None:
        assert self.open, "nothing may be written to a stream that is over"
        assert self.content_type is not None, "nothing may be written before the head"
        joined = b"".join(data)
        self.writes.append(joined)
        was_full = self.room < 0
        self.room -= len(joined)
        if self.room < 0 and not was_full:
            self.on_full()

    def end(self) -> None:
        assert self.open
        self.ended = True

    def abort(self) -> None:
        assert self.open
        self.aborted = True


def unframed(data: bytes) -> bytes:
    """Take chunked coding off, strictly (RFC 9112 §7.1)."""
    body = bytearray()
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        assert size == b"%x" % length, "one way of writing a size"
        if not length:
            assert rest == b"\r\n"
            assert data == LAST_FRAME
            break
        assert rest[length : length + 2] == b"\r\n"
        body += rest[:length]
        data = rest[length + 2 :]
    return bytes(body)


def player(start: Start = "newest", form: Form = framed) -> tuple[Subscriber, RecordingSink]:
    sink = RecordingSink()
    return Subscriber(sink, form, start), sink
