"""What became of events, counted by type: ``/metrics`` has as many series as there are types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from sorgente.hooks.event import TYPES


class Fate(Enum):
    """Of one event and one receiver."""

    DELIVERED = "delivered"
    """It was answered 2xx."""
    FAILED = "failed"
    """It was tried as often, or for as long, as it may be."""
    DROPPED = "dropped"
    """It was never tried: the queue was full, or the receiver wants no more (410)."""


@dataclass(frozen=True, slots=True)
class HookStatus:
    """Events by type, over all receivers; nothing without any."""

    fates: Mapping[tuple[str, str], int]
    """By type and fate."""
    queued: Mapping[str, int]


class Tally:
    """See the module."""

    def __init__(self) -> None:
        self.fates = Counter[tuple[str, str]]()
        self.queued = Counter[str]()

    def queue(self, kind: str) -> None:
        """One is waiting to be told."""
        self.queued[kind] += 1

    def settle(self, kind: str, fate: Fate) -> None:
        """One waits no longer."""
        self.queued[kind] -= 1
        self.fates[kind, fate.value] += 1

    def status(self) -> HookStatus:
        """As of now, zeros included: a rate needs a number to begin with."""
        fates = {
            (kind, fate.value): self.fates[kind, fate.value] for kind in TYPES for fate in Fate
        }
        return HookStatus(fates, {kind: self.queued[kind] for kind in TYPES})
