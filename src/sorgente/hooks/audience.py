"""Whether anybody watches a channel."""

from __future__ import annotations

from enum import Enum
from typing import Final

LEFT_SECONDS: Final = 5.0
"""Nobody for so long, and the last viewer is told to have gone: a page that is loaded again, and a
player that recovers, are no news."""

SEGMENTS: Final = 2
"""For so many segments, if that is longer: a player of whole segments asks once in each."""


class Change(Enum):
    """What there is to tell."""

    FIRST = "first"
    LAST = "last"


class Audience:
    """Seen from outside, twice a second: players who are connected, and bytes that went out in
    between. So whoever fetches media counts, whatever the protocol; not who holds a manifest."""

    __slots__ = ("_seen_at", "_sent", "watched")

    def __init__(self) -> None:
        self.watched = False
        self._seen_at = float("-inf")
        self._sent = 0

    def look(self, present: int, sent: int, segment: float, now: float) -> Change | None:
        """``present``: players that follow or wait; ``sent``: bytes of media handed to players so
        far; ``segment``: seconds that one lasts, or 0."""
        if present or sent != self._sent:
            self._seen_at, self._sent = now, sent
            change = None if self.watched else Change.FIRST
            self.watched = True
            return change
        if self.watched and now - self._seen_at >= max(LEFT_SECONDS, SEGMENTS * segment):
            self.watched = False
            return Change.LAST
        return None
