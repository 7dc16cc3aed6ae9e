"""How much of what only grows is of late: what happened weeks ago is no news to anybody on call."""

from __future__ import annotations

from typing import Final

SPAN_SECONDS: Final = 300.0
"""Long enough for an accident to repeat itself; and what is mended is not complained of for longer
than twice that."""


class Lately:
    """What a count has grown by in the last five to ten minutes."""

    def __init__(self) -> None:
        self._marks = (0, 0)  # of the last two ends of a span
        self._until: float | None = None

    def tick(self, count: int, now: float) -> None:
        """It is at ``count``. To be told now and then."""
        if self._until is None:
            self._until = now + SPAN_SECONDS
        if now >= self._until:
            self._marks = (self._marks[1], count)
            self._until = now + SPAN_SECONDS

    def of(self, count: int) -> int:
        """How many of ``count`` are new."""
        return count - self._marks[0]
