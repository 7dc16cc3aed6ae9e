"""A histogram cheap enough for the hot path: one bisection, two additions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence


class Histogram:
    """Counts of values by upper bound, the way Prometheus wants them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count ``value``."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @classmethod
    def sum(cls, several: Iterable[Histogram], bounds: Sequence[float]) -> Histogram:
        """What ``several`` counted, all by these ``bounds``."""
        whole = cls(bounds)
        for each in several:
            whole.counts = [a + b for a, b in zip(whole.counts, each.counts, strict=True)]
            whole.total += each.total
        return whole
