"""The addressable unit: one or more chunks, the first of which starts with a random access point.

    growing ──close──▶ complete      every byte is there, for good
       └──────abandon─────▶ gone     it left the window; who has not got all of it is aborted

Rules (design §3):

1. Chunks are appended, never changed: a URL means the same bytes for ever (rule 7).
2. Whoever reads gets whole chunks, in order, without a gap, to the end; or an abort (rules 2, 4).
3. A segment that we cut closes at its last whole chunk, whatever became of its encoder: shorter,
   legal, final, never extended (rule 5).
4. Who asks for a part waits until all of it is here, and gets it in one piece.
5. What is complete is put together for the first who asks for all of it, and its chunks are let
   go: 64 pieces cost a third more to send than one (400 KB: 68 against 51 µs), and every player.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sorgente.media.chunk import Buffer, Chunk, payload_of
from sorgente.media.fanout import Counters, Fanout
from sorgente.media.subscriber import Subscriber

PUT_TOGETHER_BYTES: Final = 2 << 20
"""Larger ones stay in pieces: for a millisecond of copying (with the page faults of fresh memory),
nobody else would get anything."""


class Segment:
    """``number`` as in its URL; ``time`` in ticks: its nominal start, on the grid of its period."""

    __slots__ = ("_awaited", "_counters", "_fanout", "_whole", "answer", "began_at", "bytes",
                 "bytes_held", "chunks", "complete", "content_type", "duration", "end", "epoch",
                 "label", "newest_at", "number", "time")  # fmt: skip

    def __init__(
        self, number: int, epoch: str, time: int, content_type: str, counters: Counters
    ) -> None:
        self.number = number
        self.epoch = epoch
        self.time = time
        self.content_type = content_type
        self.chunks: list[Chunk] = []
        """None any more once they were put together."""
        self.end = 0
        """How many chunks there are, or were."""
        self.bytes = 0
        self.bytes_held = 0
        """Memory, in bytes, of its chunks; put together, they take a little less."""
        self.began_at = self.newest_at = 0.0
        """Seconds, when its first and its newest chunk came in."""
        self.duration = 0
        """Ticks, of all chunks so far."""
        self.complete = False
        self.label: bytes | None = None
        """What is said of it to whoever gets it, in the words of those who say it. Kept here, as it
        is true for as long as the segment is what it is now; None until somebody asks, and again
        once it is complete."""
        self.answer: bytes | None = None
        """How the answer to a request for all of it begins, likewise; once it is complete."""
        self._counters = counters
        self._fanout = Fanout(counters)
        self._awaited: dict[Subscriber, int] = {}
        self._whole: tuple[bytes] | None = None

    # Run

    def run(self, number: int, limit: int) -> list[Chunk]:
        """At most ``limit`` chunks from ``number`` on."""
        return self.chunks[number : number + limit]

    # Writing

    def append(self, chunk: Chunk, duration: int) -> None:
        """One more chunk, of so many ticks."""
        assert not self.complete, "a complete segment is final"
        if not self.chunks:
            self.began_at = chunk.received_at
        self.newest_at = chunk.received_at
        self.chunks.append(chunk)
        self.end += 1
        self.bytes += len(payload_of(chunk.frame))
        self.bytes_held += chunk.bytes_held
        self.duration += duration
        self._fanout.hand_out(chunk)
        if self._awaited:
            self._tell(self.bytes)

    def close(self) -> None:
        """It is complete."""
        self.complete = True
        self.label = None
        for subscriber in list(self._fanout):
            if subscriber in self._fanout.behind:
                self._fanout.flush(subscriber, self)
            subscriber.sink.end()
        self._fanout.clear()
        self._tell(max(self._awaited.values(), default=0))

    def abandon(self) -> None:
        """It left the window while somebody still read it."""
        readers = [*self._fanout, *self._awaited]
        self._fanout.clear()
        self._awaited.clear()
        for subscriber in readers:
            self._counters.lag_aborts += 1
            subscriber.sink.abort()

    # Reading

    @property
    def reading(self) -> int:
        """How many follow it while it grows."""
        return self._fanout.watching + len(self._awaited)

    def attend(self, subscriber: Subscriber, start: int = 0) -> None:
        """Follow a growing segment from byte ``start``, which is there: all there is in one write,
        then chunk by chunk."""
        assert not self.complete, "a complete segment is sent whole"
        index, opening = 0, []
        while start:
            chunk = self.chunks[index]
            payload = payload_of(chunk.frame)
            if start < len(payload):
                rest = Chunk.of(bytes(payload[start:]), chunk.received_at)
                opening.append(subscriber.form(rest))
            start = max(0, start - len(payload))
            index += 1
        self._fanout.begin(subscriber, self.content_type, opening, self.chunks[index:])

    def await_bytes(self, subscriber: Subscriber, count: int) -> None:
        """Call ``subscriber``'s ``begin``, with nothing to send, when there are ``count`` bytes or
        all there will ever be."""
        assert not self.complete, "a complete segment has all its bytes"
        self._awaited[subscriber] = count

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a reader."""
        self._fanout.leave(subscriber)
        self._awaited.pop(subscriber, None)

    def stalled(self, subscriber: Subscriber) -> None:
        """Forget a reader that took nothing for too long."""
        self._counters.stall_aborts += 1
        self.leave(subscriber)

    def pause(self, subscriber: Subscriber) -> None:
        """Its connection takes no more."""
        subscriber.paused = True
        self._fanout.pause(subscriber, self.end)

    def resume(self, subscriber: Subscriber) -> None:
        """Its connection takes more again."""
        subscriber.paused = False
        if subscriber in self._fanout.behind:
            self._fanout.catch_up(subscriber, self)

    def slice(self, start: int, end: int) -> Sequence[Buffer]:
        """Bytes ``start`` … ``end - 1``, as views, for one player: they count as delivered."""
        views = self._whole or [payload_of(chunk.frame) for chunk in self.chunks]
        if end - start < self.bytes:
            views = _cut(views, start, end)
        self._counters.deliveries += len(views)
        self._counters.bytes_out += end - start
        return views

    def whole(self) -> Sequence[Buffer]:
        """All of it, complete, for one player: it counts as delivered."""
        assert self.complete, "what grows is followed"
        whole = self._whole
        if whole is None:
            if self.bytes > PUT_TOGETHER_BYTES:
                return self.slice(0, self.bytes)
            whole = self._whole = (b"".join([payload_of(chunk.frame) for chunk in self.chunks]),)
            self.chunks = []
        self._counters.deliveries += self.end
        self._counters.bytes_out += self.bytes
        return whole

    # Inside

    def _tell(self, there: int) -> None:
        """Tell those who await at most ``there`` bytes."""
        for subscriber in [each for each, count in self._awaited.items() if count <= there]:
            # One of them may take another one along.
            if self._awaited.pop(subscriber, None) is not None:
                subscriber.sink.begin(self.content_type, ())


def _cut(pieces: Sequence[Buffer], start: int, end: int) -> list[memoryview]:
    """Bytes ``start`` … ``end - 1`` of all of them."""
    part: list[memoryview] = []
    for piece in pieces:
        if end <= 0:
            break
        if start < len(piece):
            part.append(memoryview(piece)[max(0, start) : end])
        start -= len(piece)
        end -= len(piece)
    return part
