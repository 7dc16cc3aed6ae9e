"""UTC for what is published, out of a clock that only grows.

The wall clock of a machine may be set, and then steps; manifests, segment times and ``/time`` must
not. So UTC is the growing clock plus an offset, and the offset follows the wall clock slowly.
"""

from __future__ import annotations

from typing import Final

MAX_SLEW: Final = 500e-6
"""Seconds per second: what NTP itself allows a clock to be off (RFC 5905 §7.1). Players measure our
clock every 30 s or so, and do not see 15 ms."""

STEP_SECONDS: Final = 1.0
"""A larger error is not drift: the machine's clock was wrong before, and everybody's UTC is right
now. Followed at once."""


class UtcClock:
    """UTC of an origin."""

    def __init__(self, now: float, wall: float) -> None:
        self._offset = wall - now
        self._synced_at = now

    def sync(self, now: float, wall: float) -> None:
        """Compare with the wall clock; call it a few times a second."""
        error = wall - now - self._offset
        slew = MAX_SLEW * (now - self._synced_at)
        self._synced_at = now
        if abs(error) > STEP_SECONDS:
            self._offset += error
        else:
            self._offset += max(-slew, min(slew, error))

    def at(self, now: float) -> float:
        """UTC, seconds since 1970, at ``now``."""
        return now + self._offset
