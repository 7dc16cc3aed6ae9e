"""How far the clock of an encoder has gone from what players were told."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from sorgente.media.run import Run

AGAIN_SECONDS: Final = 60.0
"""Told at most so often: an encoder that cannot keep up needs a new period with every segment."""


class Corrections:
    """Of one channel, added up until they are told."""

    __slots__ = ("_epoch", "_told_at", "count", "seconds")

    def __init__(self) -> None:
        self.seconds = Fraction(0)
        """Media come so much later."""
        self.count = 0
        self._epoch: str | None = None
        self._told_at = float("-inf")

    def look(self, run: Run | None, now: float) -> bool:
        """Whether there is something to tell, and it is time to."""
        if run is not None and run.epochs and run.epochs[-1].id != self._epoch:
            newest = run.epochs[-1]
            self._epoch = newest.id
            # An epoch of the same run that only has other tracks has the same offset.
            moved = newest.offset - run.epochs[0].offset
            self.seconds += moved
            self.count += moved != 0
        return bool(self.count) and now - self._told_at >= AGAIN_SECONDS

    def told(self, now: float) -> None:
        """What was is told."""
        self.seconds, self.count, self._told_at = Fraction(0), 0, now
