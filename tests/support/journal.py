"""A journal that keeps its entries."""

from __future__ import annotations

from sorgente.media.feed import Feed
from sorgente.media.publisher import Outcome, Publisher
from sorgente.media.segment import Segment
from sorgente.media.session import Session
from sorgente.media.track import Track


class RecordingJournal:
    """Entries are tuples of a verb and what matters."""

    def __init__(self) -> None:
        self.entries: list[tuple[object, ...]] = []

    def published(self, feed: Feed, session: Session) -> None:
        self.entries.append(("published", feed.name, session.who))

    def recognised(self, feed: Feed, session: Session, *, resumed: bool) -> None:
        self.entries.append(("recognised", feed.name, resumed))

    def repeated(self, feed: Feed, publisher: Publisher) -> None:
        self.entries.append(("repeated", feed.name, publisher.who))

    def cut(self, feed: Feed, track: Track, segment: Segment) -> None:
        self.entries.append(("cut", feed.name, track.name, segment.duration / track.timescale))

    def unpublished(self, feed: Feed, session: Session, outcome: Outcome, why: str) -> None:
        self.entries.append(("unpublished", feed.name, outcome, why))

    def abandoned(self, feed: Feed) -> None:
        self.entries.append(("abandoned", feed.name))

    def audience(self, feed: Feed, joined: int, left: int) -> None:
        self.entries.append(("audience", feed.name, joined, left))
