"""``GET /play[/{channel}[/{track}]]``: an endless response, chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from sorgente.broker import Broker
from sorgente.errors import InvalidToken, NotFound
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.media.chunk import LAST_FRAME, Buffer, framed, plain
from sorgente.media.feed import Feed
from sorgente.media.subscriber import Start, Subscriber
from sorgente.tokens.grant import EXPIRED

PICTURES: Final = b"Sorgente-Pictures"
"""Which there are to select from, where there are several."""


class PlayExchange(Exchange):
    """A player, from its request to the end of the stream. It is its subscriber's sink."""

    __slots__ = ("_begun", "_broker", "_channel", "_feed", "_stall_seconds", "_subscriber",
                 "_track", "until", "write", "writelines")  # fmt: skip

    endless = True

    def __init__(
        self,
        line: Line,
        request: Request,
        broker: Broker,
        channel: str,
        track: str,
        stall_seconds: float,
    ) -> None:
        super().__init__(line, request)
        self.write: Callable[[Buffer], None] = line.send
        self.writelines: Callable[[Sequence[Buffer]], None] = line.writelines
        self._broker = broker
        self._channel = channel
        self._track = track
        self._stall_seconds = stall_seconds
        self._feed: Feed | None = None
        self._subscriber: Subscriber | None = None
        self._begun = False
        self.until = math.inf
        """Of the clock that only grows: when the token of who watches expires. Then the response
        breaks off; to end well would mean that the event is over."""

    # Exchange

    def complete(self) -> None:
        """Watch; the head goes out when it is known what there is to watch."""
        if self.request.method == "HEAD":
            self._answer_head()
            return
        framing = framed if self.request.version == "1.1" else plain
        start: Start = "oldest" if self.request.query("from") == "oldest" else "newest"
        if self.until < math.inf:
            self._allow(math.inf)
        self._subscriber = Subscriber(
            self,
            framing,
            start,
            picture=self.request.query("picture"),
            who=self.request.who,
            since=self.line.now,
        )
        self._feed = self._broker.subscribe(self._channel, self._subscriber, self._track)
        if not self.line.writable:
            self.paused()  # by the backlog, before it was known whose that is

    def lost(self, why: str) -> None:
        """The player is gone."""
        feed, subscriber = self._feed, self._subscriber
        self._let_go()
        if feed is not None and subscriber is not None:
            self._broker.leave(self._channel, feed, subscriber)

    def paused(self) -> None:
        """The player takes no more for now; if it never does again, it is cut off."""
        self._allow(self._stall_seconds)
        if self._feed is not None and self._subscriber is not None:
            self._feed.pause(self._subscriber)

    def resumed(self) -> None:
        """The player takes more again."""
        self._allow(math.inf)
        if self._feed is not None and self._subscriber is not None:
            self._feed.resume(self._subscriber, self.line.now)

    def expired(self) -> None:
        """The player took nothing for too long, or may no longer watch."""
        if self._feed is None:
            super().expired()
            return
        may_watch = self.line.now < self.until
        if may_watch and self.line.takes(self.line.now):
            self._allow(self._stall_seconds)
            return
        if may_watch:
            self._feed.counters.stall_aborts += 1
        self.lost("stalled" if may_watch else "expired")
        if not may_watch and not self._begun:
            raise InvalidToken(EXPIRED)
        self.line.abort()

    def _allow(self, seconds: float) -> None:
        """Let nothing happen for so long."""
        seconds = min(seconds, self.until - self.line.now)
        self.line.set_deadline(None if seconds == math.inf else seconds)

    # Sink

    def begin(self, content_type: str, first: Sequence[Buffer]) -> None:
        """Send the head and what there is, in one write."""
        self._begun = True
        self.writelines([self._head(content_type, self._pictures()), *first])

    def end(self) -> None:
        """The stream is complete."""
        self._let_go()
        if self.request.version == "1.1":
            self.write(LAST_FRAME)
        self.line.finish()

    def abort(self) -> None:
        """The stream broke."""
        self._let_go()
        self.line.abort()

    def _let_go(self) -> None:
        """Drop what points back here, so that neither waits for the garbage collector."""
        self._feed = self._subscriber = None

    def _pictures(self) -> bytes:
        """What else the player could have selected; empty: there is no choice."""
        subscriber = self._subscriber
        selection = None if subscriber is None else subscriber.selection
        return b"" if selection is None else selection.pictures

    def _head(self, content_type: str, pictures: bytes = b"") -> bytes:
        headers = [(b"Content-Type", content_type.encode()), wire.NO_STORE]
        if pictures:
            headers.append((PICTURES, pictures))
        if self.request.version == "1.1":
            headers.append((b"Transfer-Encoding", b"chunked"))
        else:
            self.line.close_after = True  # all that ends a body without framing
        return self.line.head(200, headers)

    def _answer_head(self) -> None:
        """Never held: a HEAD asks what is, not what will be."""
        channel = self._broker.get(self._channel)
        feed = None if channel is None else channel.find(self._track)
        if feed is None or feed.relay is None:
            raise NotFound(f"nobody publishes {self._channel}")
        self.write(self._head(feed.relay.content_type))
        self.line.finish()
