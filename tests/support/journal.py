"""A journal that keeps its entries."""

from __future__ import annotations

from sorgente.media.channel import Channel
from sorgente.media.publisher import Outcome, Publisher


class RecordingJournal:
    """Entries are tuples of a verb and what matters."""

    def __init__(self) -> None:
        self.entries: list[tuple[object, ...]] = []

    def published(self, channel: Channel, publisher: Publisher) -> None:
        self.entries.append(("published", channel.name, publisher.who))

    def recognised(self, channel: Channel, publisher: Publisher, *, resumed: bool) -> None:
        self.entries.append(("recognised", channel.name, resumed))

    def unpublished(
        self, channel: Channel, publisher: Publisher, outcome: Outcome, why: str
    ) -> None:
        self.entries.append(("unpublished", channel.name, outcome, why))

    def abandoned(self, channel: Channel) -> None:
        self.entries.append(("abandoned", channel.name))

    def audience(self, channel: Channel, joined: int, left: int) -> None:
        self.entries.append(("audience", channel.name, joined, left))
