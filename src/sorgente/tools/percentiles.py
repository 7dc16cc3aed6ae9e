"""Of many measurements, what is worth saying."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles, each one of the values (nearest rank)."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self | None:
        """None of nothing."""
        ordered = sorted(values)
        if not ordered:
            return None
        p50, p95, p99 = (ordered[_rank(len(ordered), share)] for share in (50, 95, 99))
        return cls(len(ordered), p50, p95, p99, ordered[-1])


def _rank(count: int, percent: int) -> int:
    """Index of the smallest value that is not below ``percent`` of all."""
    return max(0, -(-count * percent // 100) - 1)
