"""The options of ``sorgente bench``. Apart, so that the origin loads nothing of the tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from sorgente.tools.errors import UnusableArgument
from sorgente.tools.reach import ReachSettings

MAX_PLAYERS: Final = 20_000
"""Far more than one process of Python can play."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many come, how fast, and how long they stay."""

    players: int
    ramp: float
    """Seconds in which they come."""
    seconds: float
    """Measured, after that."""
    buffer: float
    """Seconds of media a player begins with."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """Who watches, and for how long."""

    players: int = 100
    """How many."""

    ramp: float = 10.0
    """Seconds in which they come."""

    seconds: float = 30.0
    """Seconds that are measured after that."""

    buffer: float = 0.5
    """Seconds of media that a player has when it begins to play, and again after a stall."""

    json: Annotated[bool, Parameter(negative=())] = False
    """Print the result as JSON."""

    plot: Path | None = None
    """An SVG to write: latency, stalls and failures, second by second."""

    reach: ReachSettings = ReachSettings()  # noqa: RUF009 - frozen

    @property
    def crowd(self) -> Crowd:
        """Raises UnusableArgument."""
        if not 1 <= self.players <= MAX_PLAYERS:
            raise UnusableArgument(f"--players is from 1 to {MAX_PLAYERS}")
        if self.ramp < 0 or self.seconds <= 0 or self.buffer <= 0:
            raise UnusableArgument("--seconds and --buffer are more than 0, --ramp not less")
        return Crowd(self.players, self.ramp, self.seconds, self.buffer)
