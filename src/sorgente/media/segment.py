"""The addressable unit: one or more chunks, the first of which starts with a random access point.

    growing ──close──▶ complete      every byte is there, for good
       └──────abandon─────▶ gone     it left the window; who has not got all of it is aborted

Rules (design §3):

1. Chunks are appended, never changed: a URL means the same bytes for ever (rule 7).
2. Whoever reads gets whole chunks, in order, without a gap, to the end; or an abort (rules 2, 4).
3. A segment that we cut closes at its last whole chunk, whatever became of its encoder: shorter,
   legal, final, never extended (rule 5).
"""

from __future__ import annotations

from sorgente.media.chunk import Chunk, payload_of
from sorgente.media.fanout import Counters, Fanout
from sorgente.media.subscriber import Subscriber


class Segment:
    """``number`` as in its URL; ``time`` in ticks: its nominal start, on the grid of its period."""

    __slots__ = ("_counters", "_fanout", "bytes", "chunks", "complete", "content_type", "duration",
                 "epoch", "number", "time")  # fmt: skip

    def __init__(
        self, number: int, epoch: str, time: int, content_type: str, counters: Counters
    ) -> None:
        self.number = number
        self.epoch = epoch
        self.time = time
        self.content_type = content_type
        self.chunks: list[Chunk] = []
        self.bytes = 0
        self.duration = 0
        """Ticks, of all chunks so far."""
        self.complete = False
        self._counters = counters
        self._fanout = Fanout(self, counters)

    # Run

    @property
    def end(self) -> int:
        """How many chunks there are."""
        return len(self.chunks)

    def run(self, number: int, limit: int) -> list[Chunk]:
        """At most ``limit`` chunks from ``number`` on."""
        return self.chunks[number : number + limit]

    # Writing

    def append(self, chunk: Chunk, duration: int) -> None:
        """One more chunk, of so many ticks."""
        assert not self.complete, "a complete segment is final"
        self.chunks.append(chunk)
        self.bytes += len(payload_of(chunk.frame))
        self.duration += duration
        self._fanout.hand_out(chunk)

    def close(self) -> None:
        """It is complete."""
        self.complete = True
        for subscriber in list(self._fanout):
            if subscriber in self._fanout.behind:
                self._fanout.flush(subscriber)
            subscriber.sink.end()
        self._fanout.clear()

    def abandon(self) -> None:
        """It left the window while somebody still read it."""
        for subscriber in list(self._fanout):
            self._counters.lag_aborts += 1
            subscriber.sink.abort()
        self._fanout.clear()

    # Reading

    @property
    def bytes_held(self) -> int:
        """Memory, in bytes."""
        return sum(chunk.bytes_held for chunk in self.chunks)

    def attend(self, subscriber: Subscriber) -> None:
        """Follow a growing segment: all there is in one write, then chunk by chunk."""
        assert not self.complete, "a complete segment is sent whole"
        self._fanout.begin(subscriber, self.content_type, (), self.chunks)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a reader."""
        self._fanout.leave(subscriber)

    def pause(self, subscriber: Subscriber) -> None:
        """Its connection takes no more."""
        subscriber.paused = True
        self._fanout.pause(subscriber)

    def resume(self, subscriber: Subscriber) -> None:
        """Its connection takes more again."""
        subscriber.paused = False
        if subscriber in self._fanout.behind:
            self._fanout.catch_up(subscriber)

    def slice(self, start: int, end: int) -> list[memoryview]:
        """Bytes ``start`` … ``end - 1``, as views."""
        views: list[memoryview] = []
        at = 0
        for chunk in self.chunks:
            payload = payload_of(chunk.frame)
            if at < end and start < at + len(payload):
                views.append(payload[max(0, start - at) : end - at])
            at += len(payload)
        return views
