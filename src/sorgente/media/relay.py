"""One timeline on its way to its players: an init segment, a window, and who reads it.

A relay begins when the content of an upload is known and lives until that upload ends. When an
encoder of fragmented MP4 breaks off and returns with a compatible init segment, its next upload
goes on in the same relay.

Beside those who follow and those who are behind (see ``fanout``), some subscribers are *aligning*:
they wait for the next random access point.
"""

from __future__ import annotations

from collections.abc import Iterator

from sorgente.isobmff.init_segment import InitSegment
from sorgente.media.chunk import MOVABLE, Buffer, Chunk
from sorgente.media.fanout import Counters, Fanout
from sorgente.media.selection import Menu
from sorgente.media.splice import Progress
from sorgente.media.subscriber import Subscriber
from sorgente.media.window import Window, WindowBounds


class Relay:
    """Hands every chunk to every subscriber.

    ``content_type``  of every response.
    ``init``          None for bytes we do not understand.
    ``max_lag``       seconds a slow player may be behind before it is moved forward.
    ``menu``          of a merged stream: what players may select from.
    """

    def __init__(
        self,
        content_type: str,
        init: InitSegment | None,
        bounds: WindowBounds,
        max_lag: float,
        counters: Counters,
        menu: Menu | None = None,
    ) -> None:
        self.content_type = content_type
        self.init = init
        self.menu = menu
        self.progress = None if init is None else Progress(init)
        self.window = Window(bounds)
        self._max_lag = max_lag
        self._counters = counters
        self._fanout = Fanout(counters)
        self._aligning: dict[Subscriber, None] = {}
        self._init_chunk = None if init is None else Chunk.of(init.data, 0.0)
        self._init_number = -1
        """Where in the window the init segment in force came by; -1: before its first chunk."""

    @property
    def watching(self) -> int:
        """How many subscribers there are."""
        return self._fanout.watching + len(self._aligning)

    def __iter__(self) -> Iterator[Subscriber]:
        yield from self._fanout
        yield from self._aligning

    def unsent(self, subscriber: Subscriber) -> int:
        """How many chunks there are that a subscriber has not got."""
        end = self.window.end
        return end - subscriber.cursor if subscriber in self._fanout.behind else 0

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
        return any(subscriber.cursor <= endangered for subscriber in self._fanout.behind)

    # Chunks in

    def append(self, chunk: Chunk, now: float) -> None:
        """Keep ``chunk`` and hand it to everybody who can take it now."""
        self.window.append(chunk, now)
        self._counters.chunks += 1
        self._fanout.hand_out(chunk)
        if self._aligning:
            self._align()

    def replace_init(self, init: InitSegment, now: float) -> None:
        """A new init segment in mid-stream: relayed in its place, and whoever joins from now on
        starts behind it."""
        self.init = init
        self.progress = Progress(init)
        self._init_chunk = Chunk.of(init.data, now)
        self._init_number = self.window.end
        self.append(self._init_chunk, now)
        self.window.forget_random_access()
        for subscriber in self._aligning:
            self._fanout.send(subscriber, [self._init_chunk])

    # Subscribers

    def attend(self, subscriber: Subscriber) -> None:
        """Let in one who was here before the stream began: it gets the upload byte for byte."""
        self._select(subscriber)
        self._fanout.begin(subscriber, self.content_type, self._opening(subscriber))

    def join(self, subscriber: Subscriber) -> None:
        """Let in a late joiner, at the random access point it asked for.

        Bytes we do not understand have none: it gets them from where they are.
        """
        subscriber.form = MOVABLE[subscriber.form]
        self._select(subscriber)
        opening, window = self._opening(subscriber), self.window
        if self.init is None:
            self._fanout.begin(subscriber, self.content_type, opening)
            return
        newest = subscriber.start == "newest"
        at = self._newest_access(subscriber) if newest else window.oldest_random_access
        if at is None:
            self._aligning[subscriber] = None
            subscriber.sink.begin(self.content_type, opening)
        else:
            backlog = window.run(at, len(window))
            self._fanout.begin(subscriber, self.content_type, opening, backlog)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; its sink is not touched. Unknown ones are ignored."""
        self._fanout.leave(subscriber)
        self._aligning.pop(subscriber, None)

    def pause(self, subscriber: Subscriber) -> None:
        """Its sink takes no more; what it was handed so far counts as sent."""
        subscriber.paused = True
        self._fanout.pause(subscriber, self.window.end)

    def resume(self, subscriber: Subscriber, now: float) -> None:
        """Its sink takes more again: go on from its cursor, or further on if that is too late."""
        subscriber.paused = False
        if subscriber not in self._fanout.behind:
            return
        if self._gone(subscriber):
            self.leave(subscriber)
            subscriber.sink.abort()
        elif not self._late(subscriber, now) or self._skip_forward(subscriber):
            self._fanout.catch_up(subscriber, self.window)

    # Ends

    def end(self) -> None:
        """The upload ended cleanly: so do all responses that have everything; the others when they
        do."""
        for subscriber in list(self):
            if subscriber not in self._fanout.behind:
                subscriber.sink.end()
            elif self._gone(subscriber):
                subscriber.sink.abort()
            else:
                if subscriber.cursor >= self.window.first or self._skip_forward(subscriber):
                    self._fanout.flush(subscriber, self.window)
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

    def _align(self) -> None:
        """Start those who wait for a random access point, if the newest chunk is one."""
        newest = self.window.end - 1
        begins, chunk = self.window.newest_random_access == newest, self.window[newest]
        for subscriber in [s for s in self._aligning if not s.paused]:
            selection = subscriber.selection
            if begins if selection is None else selection.begins_at(chunk):
                del self._aligning[subscriber]
                self._fanout.follow(subscriber)
                self._fanout.send(subscriber, [chunk])

    def _select(self, subscriber: Subscriber) -> None:
        """Give it no more than it asked for."""
        if self.menu is not None and subscriber.picture is not None:
            subscriber.selection = self.menu.select(subscriber.picture, subscriber.form)
            subscriber.form = subscriber.selection or subscriber.form

    def _newest_access(self, subscriber: Subscriber) -> int | None:
        """Where it starts, unless it asks for more."""
        window, selection = self.window, subscriber.selection
        if selection is None:
            return window.newest_random_access
        chunks = window.run(window.first, len(window))
        backwards = zip(range(window.end - 1, window.first - 1, -1), reversed(chunks), strict=True)
        return next((number for number, chunk in backwards if selection.begins_at(chunk)), None)

    def _gone(self, subscriber: Subscriber) -> bool:
        """Whether it needs bytes that have left the window and that nothing can stand in for."""
        gone = self.init is None and subscriber.cursor < self.window.first
        self._counters.lag_aborts += gone
        return gone

    def _late(self, subscriber: Subscriber, now: float) -> bool:
        """Whether its next chunk has left the window, or is older than ``max_lag``.

        Only of what can be skipped; of bytes we do not understand, all there are may be read.
        """
        window = self.window
        if self.init is None or subscriber.cursor == window.end:
            return False
        if subscriber.cursor < window.first:
            return True
        return now - window[subscriber.cursor].received_at > self._max_lag

    def _skip_forward(self, subscriber: Subscriber) -> bool:
        """Move a late player to the newest random access point; False if it has to wait for one."""
        at = self._newest_access(subscriber)
        if at is not None and at <= subscriber.cursor and subscriber.cursor >= self.window.first:
            return True  # it is in the newest group of pictures already: nothing to gain
        self._counters.lag_skips += 1
        subscriber.form = MOVABLE.get(subscriber.form, subscriber.form)
        if self._init_chunk is not None and subscriber.cursor <= self._init_number:
            self._fanout.send(subscriber, [self._init_chunk])
        if at is None:
            self._fanout.leave(subscriber)
            self._aligning[subscriber] = None
            return False
        subscriber.cursor = at
        return True

    def _dismiss_all(self) -> None:
        self._fanout.clear()
        self._aligning.clear()
