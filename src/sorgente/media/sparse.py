"""Text and metadata: tracks that say something now and then, and that nobody waits for.

They share the timeline of the others and have no say in it; they are in every period from their
init segment on. A segment in which they have said nothing is empty, which players are told soon
after its end. What they say later goes where players have yet to look: an address never means two
things (design §3 rule 7).
"""

from __future__ import annotations

from collections.abc import Reversible
from fractions import Fraction
from typing import Final

from sorgente.media.arrival import Arrival
from sorgente.media.minimum import NS
from sorgente.media.period import Period

LATE: Final = Fraction(3, 2)
"""Seconds that what a sparse track has to say may come after the end of its segment."""

AHEAD: Final = Fraction(10)
"""Seconds that a sparse track may be ahead of the others; further, it is on another timeline."""


def strays(arrival: Arrival) -> bool:
    """Whether a chunk is so far ahead of the other tracks that nobody can place it."""
    run = arrival.at.run
    return run.companion is not None and arrival.starts_at - Fraction(run.end, NS) > AHEAD


def passed(number: int, periods: Reversible[Period], utc: Fraction) -> bool:
    """Whether a sparse track has nothing more to say in segment ``number``."""
    of = (period for period in reversed(periods) if period.epoch.start_number <= number)
    period = next(of, None)
    return period is not None and period.starts_at(number + 1) <= utc - LATE


def first_open(period: Period, utc: Fraction) -> int:
    """The number of the first segment of ``period`` in which something may still be said."""
    return period.number_due(utc - LATE) - 1
