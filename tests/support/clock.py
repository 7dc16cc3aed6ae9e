"""Time that moves when a test says so."""

from __future__ import annotations


class FakeClock:
    """Starts at 1000 s, and at 2026-11-22T12:00:00Z."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.offset = 1795348800.0 - self.now

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.offset

    def advance(self, seconds: float) -> None:
        self.now += seconds
