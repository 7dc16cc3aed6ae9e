"""An observer of uploads that keeps what it sees."""

from __future__ import annotations

from sorgente.isobmff.upload import InitSegment, MediaChunk
from sorgente.media.chunk import Chunk
from sorgente.media.feed import Feed
from sorgente.media.publisher import Outcome


class RecordingObserver:
    """Keeps verbs and names."""

    def __init__(self) -> None:
        self.entries: list[tuple[object, ...]] = []

    def opened(self, feed: Feed, init: InitSegment, now: float) -> None:
        self.entries.append(("opened", feed.name))

    def received(self, feed: Feed, media: MediaChunk, chunk: Chunk | None, now: float) -> None:
        self.entries.append(("received", feed.name))

    def delivered(self, feed: Feed, now: float) -> None:
        self.entries.append(("delivered", feed.name))

    def closed(self, feed: Feed, outcome: Outcome, now: float) -> None:
        self.entries.append(("closed", feed.name, outcome))
