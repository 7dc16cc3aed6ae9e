"""One timeline on its way to its players: an init segment, a window, and who follows it.

A relay begins when the content of an upload is known and lives until that upload ends. When an
encoder of fragmented MP4 breaks off and returns with a compatible init segment, its next upload
goes on in the same relay.

Every subscriber is in exactly one of three sets:

    following   has everything there is, and its sink takes more: it gets each chunk as it comes
    behind      its sink takes no more, or it is catching up: its cursor says how far it has come
    aligning    waits for the next random access point

Nobody has a queue. A slow player stays where it is and goes on from there, out of the window
(design §3 rule 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sorgente.isobmff.init_segment import InitSegment
from sorgente.media.chunk import MOVABLE, Buffer, Chunk, Form
from sorgente.media.splice import Timeline
from sorgente.media.subscriber import Subscriber
from sorgente.media.window import Window, WindowBounds

CATCH_UP_CHUNKS = 64
"""Chunks handed over in one go to a player who catches up: fewer system calls than one by one, and
what it holds on to when it stalls again is small (they are shared, not copied)."""


@dataclass(slots=True)
class RelayCounters:
    """What happened, in numbers that only grow. One per channel, so that they outlive a relay."""

    bytes_in: int = 0
    bytes_out: int = 0
    chunks: int = 0
    deliveries: int = 0
    lag_skips: int = 0
    """Times a slow player was moved forward to a random access point."""
    stall_aborts: int = 0
    """Players cut off because they took nothing for too long."""
    lag_aborts: int = 0
    """Slow players of bytes we do not understand, whose window ran out."""
    upload_aborts: int = 0
    """Uploads that broke off or were refused."""


class Relay:
    """Hands every chunk to every subscriber.

    ``content_type``  of every response.
    ``init``          None for bytes we do not understand.
    ``max_lag``       seconds a slow player may be behind before it is moved forward.
    """

    def __init__(
        self,
        content_type: str,
        init: InitSegment | None,
        bounds: WindowBounds,
        max_lag: float,
        counters: RelayCounters,
    ) -> None:
        self.content_type = content_type
        self.init = init
        self.timeline = None if init is None else Timeline(init)
        self.window = Window(bounds)
        self._max_lag = max_lag
        self._counters = counters
        self._init_chunk = None if init is None else Chunk.of(init.data, 0.0)
        self._init_number = -1
        """Where in the window the init segment in force came by; -1: before its first chunk."""
        self._following: dict[Form, dict[Subscriber, None]] = {}
        self._behind: dict[Subscriber, None] = {}
        self._aligning: dict[Subscriber, None] = {}

    @property
    def watching(self) -> int:
        """How many subscribers there are."""
        return sum(map(len, self._following.values())) + len(self._behind) + len(self._aligning)

    def __iter__(self) -> Iterator[Subscriber]:
        for followers in self._following.values():
            yield from followers
        yield from self._behind
        yield from self._aligning

    def outrun(self, now: float, burst_seconds: float) -> bool:
        """Whether the upload is about to push out of the window what came in less than
        ``burst_seconds`` ago and some player has yet to read.

        No live encoder fills a window in two seconds; a file sent as fast as the wire takes it
        does, and would leave its players behind however quick they are.
        """
        window = self.window
        oldest = window.oldest_received_at
        if not window.crowded or oldest is None or oldest <= now - burst_seconds:
            return False
        endangered = window.first + len(window) // 4
        return any(subscriber.cursor <= endangered for subscriber in self._behind)

    # Chunks in

    def append(self, chunk: Chunk, now: float) -> None:
        """Keep ``chunk`` and hand it to everybody who can take it now."""
        self.window.append(chunk, now)
        counters = self._counters
        counters.chunks += 1
        for form, followers in self._following.items():
            if followers:
                data = form(chunk)
                counters.deliveries += len(followers)
                counters.bytes_out += len(data) * len(followers)
                # A write may move its subscriber to ``_behind``, hence the copy.
                for subscriber in tuple(followers):
                    subscriber.write(data)
        if self._aligning:
            self._align()

    def replace_init(self, init: InitSegment, now: float) -> None:
        """A new init segment in mid-stream: relayed in its place, and whoever joins from now on
        starts behind it."""
        self.init = init
        self.timeline = Timeline(init)
        self._init_chunk = Chunk.of(init.data, now)
        self._init_number = self.window.end
        self.append(self._init_chunk, now)
        self.window.forget_random_access()
        for subscriber in self._aligning:
            self._send(subscriber, [self._init_chunk])

    # Subscribers

    def attend(self, subscriber: Subscriber) -> None:
        """Let in one who was here before the stream began: it gets the upload byte for byte."""
        self._begin(subscriber, self._opening(subscriber))

    def join(self, subscriber: Subscriber) -> None:
        """Let in a late joiner, at the random access point it asked for.

        Bytes we do not understand have none: it gets them from where they are.
        """
        subscriber.form = MOVABLE[subscriber.form]
        opening = self._opening(subscriber)
        if self.init is None:
            self._begin(subscriber, opening)
            return
        window = self.window
        at = (
            window.newest_random_access
            if subscriber.start == "newest"
            else window.oldest_random_access
        )
        if at is None:
            self._aligning[subscriber] = None
            subscriber.sink.begin(self.content_type, opening)
            return
        backlog = window.run(at, len(window))
        opening.extend(subscriber.form(chunk) for chunk in backlog)
        self._begin(subscriber, opening, delivered=len(backlog))

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; its sink is not touched. Unknown ones are ignored."""
        self._following.get(subscriber.form, {}).pop(subscriber, None)
        self._behind.pop(subscriber, None)
        self._aligning.pop(subscriber, None)

    def pause(self, subscriber: Subscriber) -> None:
        """Its sink takes no more; what it was handed so far counts as sent."""
        subscriber.paused = True
        followers = self._following.get(subscriber.form, {})
        if subscriber in followers:
            del followers[subscriber]
            subscriber.cursor = self.window.end
            self._behind[subscriber] = None

    def resume(self, subscriber: Subscriber, now: float) -> None:
        """Its sink takes more again: go on from its cursor."""
        subscriber.paused = False
        if subscriber in self._behind:
            self._catch_up(subscriber, now)

    # Ends

    def end(self) -> None:
        """The upload ended cleanly: so do all responses that have everything; the others when they
        do."""
        for subscriber in list(self):
            if subscriber in self._behind and not self._flush(subscriber):
                subscriber.sink.abort()
            else:
                subscriber.sink.end()
        self._dismiss_all()

    def abort(self) -> None:
        """The upload broke for good (design §3 rule 5)."""
        for subscriber in list(self):
            subscriber.sink.abort()
        self._dismiss_all()

    # Inside

    def _opening(self, subscriber: Subscriber) -> list[Buffer]:
        return [] if self._init_chunk is None else [subscriber.form(self._init_chunk)]

    def _begin(self, subscriber: Subscriber, opening: list[Buffer], delivered: int = 0) -> None:
        # Into the set first: the write may pause it.
        self._following.setdefault(subscriber.form, {})[subscriber] = None
        self._counters.deliveries += delivered
        self._counters.bytes_out += sum(map(len, opening))
        subscriber.sink.begin(self.content_type, opening)

    def _align(self) -> None:
        """Start those who wait for a random access point, if the newest chunk is one."""
        at = self.window.newest_random_access
        if at is None or at != self.window.end - 1:
            return
        chunk = self.window[at]
        for subscriber in [s for s in self._aligning if not s.paused]:
            del self._aligning[subscriber]
            self._following.setdefault(subscriber.form, {})[subscriber] = None
            self._send(subscriber, [chunk])

    def _catch_up(self, subscriber: Subscriber, now: float) -> None:
        window = self.window
        if not self._within_reach(subscriber, now):
            if self.init is None:
                self._counters.lag_aborts += 1
                self.leave(subscriber)
                subscriber.sink.abort()
                return
            if not self._skip_forward(subscriber):
                return
        while not subscriber.paused and subscriber.cursor < window.end:
            chunks = window.run(subscriber.cursor, CATCH_UP_CHUNKS)
            subscriber.cursor += len(chunks)
            self._send(subscriber, chunks)
        if not subscriber.paused:
            del self._behind[subscriber]
            self._following.setdefault(subscriber.form, {})[subscriber] = None

    def _within_reach(self, subscriber: Subscriber, now: float) -> bool:
        """Whether its next chunk is still here, and not older than ``max_lag``."""
        window = self.window
        if subscriber.cursor == window.end:
            return True
        if subscriber.cursor < window.first:
            return False
        return now - window[subscriber.cursor].received_at <= self._max_lag

    def _skip_forward(self, subscriber: Subscriber) -> bool:
        """Move a late player to the newest random access point; False if it has to wait for one."""
        at = self.window.newest_random_access
        if at is not None and at <= subscriber.cursor and subscriber.cursor >= self.window.first:
            return True  # it is in the newest group of pictures already: nothing to gain
        self._counters.lag_skips += 1
        subscriber.form = MOVABLE[subscriber.form]
        if self._init_chunk is not None and subscriber.cursor <= self._init_number:
            self._send(subscriber, [self._init_chunk])
        if at is None:
            del self._behind[subscriber]
            self._aligning[subscriber] = None
            return False
        subscriber.cursor = at
        return True

    def _flush(self, subscriber: Subscriber) -> bool:
        """Hand over all that is left, paused or not, as the stream is over; False if the window no
        longer holds what this subscriber needs next."""
        window = self.window
        if subscriber.cursor < window.first:
            if self.init is None:
                self._counters.lag_aborts += 1
                return False
            if not self._skip_forward(subscriber):
                return True
        self._send(subscriber, window.run(subscriber.cursor, len(window)))
        return True

    def _send(self, subscriber: Subscriber, chunks: list[Chunk]) -> None:
        data = [subscriber.form(chunk) for chunk in chunks]
        if not data:
            return
        self._counters.deliveries += len(data)
        self._counters.bytes_out += sum(map(len, data))
        subscriber.sink.writelines(data)

    def _dismiss_all(self) -> None:
        self._following.clear()
        self._behind.clear()
        self._aligning.clear()
