"""UTC for what is published, out of a clock that only grows.

The wall clock of a machine may be set, and then steps; manifests, segment times and ``/time`` must
not. So UTC is the growing clock plus an offset, and the offset follows the wall clock slowly. It
never goes back behind what was announced: periods would begin in the future, numbers come again.
"""

from __future__ import annotations

import math
from typing import Final

MAX_SLEW: Final = 500e-6
"""Seconds per second: what NTP itself allows a clock to be off (RFC 5905 §7.1). Players measure our
clock every 30 s or so, and do not see 15 ms."""

STEP_SECONDS: Final = 1.0
"""A larger error is not drift: the machine's clock was set. Forwards it is followed at once;
backwards, as soon as nothing was announced later than it says. Until then the offset stays: to
close 5 s slowly would make encoders drift for 3 h, and open a period every 150 s."""


class UtcClock:
    """UTC of an origin: what it announces, and what ``/time`` says."""

    def __init__(self, now: float, wall: float) -> None:
        self.ahead = 0.0
        """Seconds; of the wall clock."""
        self._offset = wall - now
        self._synced_at = now
        self._announced_until = -math.inf

    def sync(self, now: float, wall: float, *, announced: bool) -> None:
        """Compare with the wall clock; call it a few times a second. ``announced``: there is
        something on the air, or to be seen, by this clock."""
        if announced:
            self._announced_until = self.at(now)
        error = wall - self.at(now)
        slew = MAX_SLEW * (now - self._synced_at)
        self._synced_at = now
        if abs(error) <= STEP_SECONDS:
            self._offset += max(-slew, min(slew, error))
        elif wall > self._announced_until:
            self._offset += error
        self.ahead = self.at(now) - wall

    def at(self, now: float) -> float:
        """UTC, seconds since 1970, at ``now``."""
        return now + self._offset

    def of(self, wall: float) -> float:
        """UTC, seconds since 1970, when a wall clock that is right said ``wall``: an encoder's."""
        return wall + self.ahead
