"""The bit rates of a channel: ``1080p,720p:3M,360p``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.tools.errors import UnusableArgument

RUNG: Final = re.compile(
    r"(?P<height>[1-9]\d{1,3})p?(?::(?P<rate>\d+(?:\.\d+)?)(?P<unit>[kKmM]?))?"
)
UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000}

RATE_AT_1080P: Final = 5_000_000
"""Bits per second: 1080p30 of sports is watchable, anything else good, at x264's ``veryfast``."""
RATE_EXPONENT: Final = 1.5
"""Smaller pictures need more bits a pixel: half the height is a quarter of the pixels, and looks
alike at a third of the bits."""
SLOWEST_RATE: Final = 100_000
RATE_STEP: Final = 10_000
MAX_RUNGS: Final = 8
"""Encoders in one process; two fill a core."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One picture size and the bits for it."""

    height: int
    """Lines; even, as 4:2:0 wants it."""
    bit_rate: int
    """Bits per second."""

    @property
    def name(self) -> str:
        """Of its track."""
        return f"v{self.height}"


def parse_ladder(text: str) -> tuple[Rung, ...]:
    """``HEIGHTp[:BITRATE]`` with commas between; highest first, whatever the order was.

    Raises UnusableArgument.
    """
    rungs = {rung.height: rung for rung in map(_rung, text.split(","))}
    if len(rungs) != text.count(",") + 1:
        raise UnusableArgument(f"--ladder {text}: two rungs have the same height")
    if len(rungs) > MAX_RUNGS:
        raise UnusableArgument(f"--ladder has {len(rungs)} rungs; {MAX_RUNGS} is the most")
    return tuple(sorted(rungs.values(), key=lambda rung: -rung.height))


def usual_rate(height: int) -> int:
    """Bits per second for a picture of so many lines."""
    rate = RATE_AT_1080P * math.pow(height / 1080, RATE_EXPONENT)
    return max(round(rate / RATE_STEP) * RATE_STEP, SLOWEST_RATE)


def fitting(rungs: Sequence[Rung], height: int) -> tuple[tuple[Rung, ...], tuple[Rung, ...]]:
    """Those that a source of ``height`` lines fills, and those that would only blow it up.

    When it fills none, the first is one of its own size.
    """
    kept = tuple(rung for rung in rungs if rung.height <= height)
    dropped = tuple(rung for rung in rungs if rung.height > height)
    if not kept:
        even = max(height - height % 2, 2)
        kept = (Rung(even, usual_rate(even)),)
    return kept, dropped


def _rung(text: str) -> Rung:
    match = RUNG.fullmatch(text.strip())
    if match is None:
        raise UnusableArgument(
            f"--ladder: {text.strip()!r} is no rung; write heights, and bit rates if you like: "
            "1080p:6M,720p,360p:700k"
        )
    height = int(match["height"])
    if height % 2:
        raise UnusableArgument(f"--ladder: {height} lines are odd, and 4:2:0 video is even")
    if match["rate"] is None:
        return Rung(height, usual_rate(height))
    rate = round(float(match["rate"]) * UNITS[match["unit"].lower()])
    if rate < SLOWEST_RATE:
        raise UnusableArgument(
            f"--ladder: {rate} bit/s for {height}p is less than {SLOWEST_RATE // 1000}k; "
            "write 3M or 700k"
        )
    return Rung(height, rate)
