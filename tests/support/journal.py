"""A journal that keeps its entries."""

from __future__ import annotations

from sorgente.media.feed import Feed
from sorgente.media.publisher import Outcome, Publisher


class RecordingJournal:
    """Entries are tuples of a verb and what matters."""

    def __init__(self) -> None:
        self.entries: list[tuple[object, ...]] = []

    def published(self, feed: Feed, publisher: Publisher) -> None:
        self.entries.append(("published", feed.name, publisher.who))

    def recognised(self, feed: Feed, publisher: Publisher, *, resumed: bool) -> None:
        self.entries.append(("recognised", feed.name, resumed))

    def unpublished(self, feed: Feed, publisher: Publisher, outcome: Outcome, why: str) -> None:
        self.entries.append(("unpublished", feed.name, outcome, why))

    def abandoned(self, feed: Feed) -> None:
        self.entries.append(("abandoned", feed.name))

    def audience(self, feed: Feed, joined: int, left: int) -> None:
        self.entries.append(("audience", feed.name, joined, left))
