"""Who reads a run of chunks, and how far each has come.

Every subscriber is in one of two sets:

    following   has everything there is, and its sink takes more: it gets each chunk as it comes
    behind      its sink takes no more, or it is catching up: its cursor says how far it has come

Nobody has a queue. A slow player stays where it is and goes on from there, out of what is kept
(design §3 rule 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, Protocol

from sorgente.media.chunk import Buffer, Chunk, Form
from sorgente.media.subscriber import Subscriber

CATCH_UP_CHUNKS: Final = 64
"""Chunks handed over in one go to a player who catches up: fewer system calls than one by one, and
what it holds on to when it stalls again is small (they are shared, not copied)."""


@dataclass(slots=True)
class Counters:
    """What happened, in numbers that only grow. One per channel: it outlives what counts in it."""

    bytes_in: int = 0
    bytes_out: int = 0
    chunks: int = 0
    deliveries: int = 0
    lag_skips: int = 0
    """Times a slow player was moved forward to a random access point."""
    lag_aborts: int = 0
    """Slow players cut off because what they needed next was gone."""
    stall_aborts: int = 0
    """Players cut off because they took nothing for too long."""
    upload_aborts: int = 0
    """Uploads that broke off or were refused."""
    repeated_chunks: int = 0
    """Chunks that were here already, from another encoder or from the same one."""
    filler_chunks: int = 0
    """Chunks that an encoder sent in place of an input it had lost (``slat``)."""
    periods: int = 0
    """Timelines begun: encoders that began anew, jumps, drift that was corrected."""

    @property
    def too_slow(self) -> int:
        """Times a player could not keep up."""
        return self.lag_skips + self.lag_aborts + self.stall_aborts


def total(counters: Iterable[Counters]) -> Counters:
    """What they come to."""
    every = tuple(counters)
    return Counters(
        **{name.name: sum(getattr(each, name.name) for each in every) for name in fields(Counters)}
    )


class Run(Protocol):
    """Chunks numbered from the first ever to ``end - 1``, perhaps without the oldest."""

    @property
    def end(self) -> int:
        """The number the next chunk will get."""

    def run(self, number: int, limit: int) -> list[Chunk]:
        """At most ``limit`` chunks from ``number`` on."""


class Fanout:
    """The subscribers of one run of chunks.

    It does not know the run, which is its owner: a cycle would keep the chunks of a run that was
    let go until the garbage collector comes by, which is minutes.
    """

    __slots__ = ("_counters", "_following", "behind")

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._following: dict[Form, dict[Subscriber, None]] = {}
        self.behind: dict[Subscriber, None] = {}
        """Those with a cursor."""

    def __iter__(self) -> Iterator[Subscriber]:
        for followers in self._following.values():
            yield from followers
        yield from self.behind

    @property
    def watching(self) -> int:
        """How many subscribers there are."""
        return sum(map(len, self._following.values())) + len(self.behind)

    def hand_out(self, chunk: Chunk) -> None:
        """Give the newest chunk of the run to everybody who can take it now."""
        counters = self._counters
        # A write may let in a reader of another form, hence the copy.
        for form, followers in tuple(self._following.items()):
            if followers:
                data = form(chunk)
                if not data:
                    continue  # of a track that they did not select
                counters.deliveries += len(followers)
                counters.bytes_out += len(data) * len(followers)
                # A write may move its subscriber to ``behind``, hence the copy.
                for subscriber in tuple(followers):
                    subscriber.write(data)

    def begin(
        self,
        subscriber: Subscriber,
        content_type: str,
        opening: Sequence[Buffer],
        chunks: Sequence[Chunk] = (),
    ) -> None:
        """Let in a subscriber: it gets ``opening`` and ``chunks``, the newest of the run, in one
        write with its head, and follows from there."""
        seen = _as_seen(subscriber, chunks)
        data = [*opening, *seen]
        self._count(len(seen), data)
        self.follow(subscriber)  # first: the write may pause it
        subscriber.sink.begin(content_type, data)

    def follow(self, subscriber: Subscriber) -> None:
        """``subscriber`` has everything there is."""
        self.behind.pop(subscriber, None)
        self._following.setdefault(subscriber.form, {})[subscriber] = None

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; unknown ones are ignored."""
        self._following.get(subscriber.form, {}).pop(subscriber, None)
        self.behind.pop(subscriber, None)

    def clear(self) -> None:
        """Forget all."""
        self._following.clear()
        self.behind.clear()

    def pause(self, subscriber: Subscriber, end: int) -> None:
        """Its sink takes no more; what it was handed so far, up to chunk ``end``, counts as
        sent."""
        followers = self._following.get(subscriber.form, {})
        if subscriber in followers:
            del followers[subscriber]
            subscriber.cursor = end
            self.behind[subscriber] = None

    def catch_up(self, subscriber: Subscriber, run: Run) -> None:
        """Send what it has not got yet, as long as its sink takes it."""
        while not subscriber.paused and subscriber.cursor < run.end:
            chunks = run.run(subscriber.cursor, CATCH_UP_CHUNKS)
            subscriber.cursor += len(chunks)
            self.send(subscriber, chunks)
        if not subscriber.paused:
            self.follow(subscriber)

    def flush(self, subscriber: Subscriber, run: Run) -> None:
        """Send all it has not got yet, paused or not: the run is over."""
        self.send(subscriber, run.run(subscriber.cursor, run.end - subscriber.cursor))

    def send(self, subscriber: Subscriber, chunks: Sequence[Chunk]) -> None:
        """Send these chunks to one subscriber."""
        data = _as_seen(subscriber, chunks)
        if data:
            self._count(len(data), data)
            subscriber.sink.writelines(data)

    def _count(self, chunks: int, data: Sequence[Buffer]) -> None:
        self._counters.deliveries += chunks
        self._counters.bytes_out += sum(map(len, data))


def _as_seen(subscriber: Subscriber, chunks: Sequence[Chunk]) -> list[Buffer]:
    """Those that are for it."""
    return [data for chunk in chunks if (data := subscriber.form(chunk))]
