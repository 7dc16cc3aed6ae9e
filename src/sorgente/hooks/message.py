"""What receivers are sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it goes out. The same for every receiver, and with every try."""

    number: str
    """What receivers tell a repetition by."""
    kind: str
    """The event's type."""
    body: bytes
    at: float
    """Seconds of the clock that only grows."""
