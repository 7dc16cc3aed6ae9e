"""What all players went through, in numbers; pure."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import Final

from sorgente.tools.percentiles import Spread

MAX_CPU: Final = 0.85
"""Of a core: above it, there is no time to look at what comes in when it does."""
STARVED_CPU: Final = 0.5
"""Of a core: who is late with less than that was not let run."""
MAX_LAG: Final = 0.02
"""Seconds, 99th percentile: half a frame."""


class Series:
    """Measurements, each with its moment."""

    def __init__(self) -> None:
        self._at = array("d")
        self._values = array("d")

    def add(self, at: float, value: float) -> None:
        """One more."""
        self._at.append(at)
        self._values.append(value)

    def __len__(self) -> int:
        return len(self._at)

    def between(self, since: float, until: float) -> Iterator[float]:
        """Those of a span of time."""
        return compress(self._values, (since <= at < until for at in self._at))

    def latest(self, most: int) -> array[float]:
        """The newest ones."""
        return self._values[-most:]

    def by_second(self, since: float, until: float) -> list[list[float]]:
        """Grouped by the second after ``since``."""
        groups: list[list[float]] = [[] for _ in range(max(0, int(until - since) + 1))]
        for at, value in zip(self._at, self._values, strict=True):
            if since <= at < until:
                groups[int(at - since)].append(value)
        return groups


@dataclass(slots=True)
class Tally:
    """Everything that is counted. Moments by one clock, in seconds."""

    chunks: Series = field(default_factory=Series)
    """Seconds of media in each."""
    latency: Series = field(default_factory=Series)
    """Of each chunk: from its being made to its being here."""
    first_byte: Series = field(default_factory=Series)
    """Of each segment: from asking to the first byte."""
    cadence: Series = field(default_factory=Series)
    """Between two chunks of a response."""
    manifest: Series = field(default_factory=Series)
    """From asking for a manifest to its last byte."""
    received: Series = field(default_factory=Series)
    """Bytes."""
    bytes: int = 0
    """All of them."""
    stalls: Series = field(default_factory=Series)
    """Each one's number among those of its player."""
    failures: list[tuple[float, str]] = field(default_factory=list)
    """When, and what: a status, or why there was none."""
    joined: list[float] = field(default_factory=list)
    """When each player had its first chunk."""

    def receive(self, at: float, size: int) -> None:
        """Bytes came."""
        self.received.add(at, size)
        self.bytes += size

    def fail(self, at: float, what: str) -> None:
        """A request had no good answer."""
        self.failures.append((at, what))


@dataclass(frozen=True, slots=True)
class Load:
    """How well the machine that plays the players did."""

    cpu_share: float
    """1 is the one core that there is for it."""
    lag: Spread | None
    """Seconds by which the event loop was late."""

    @property
    def bottleneck(self) -> str:
        """Why the numbers say more of this machine than of the origin; empty when they do not."""
        if self.cpu_share > MAX_CPU:
            return f"it used {self.cpu_share:.0%} of the one core it can use"
        if self.lag is not None and self.lag.p99 > MAX_LAG:
            late = f"its event loop was {self.lag.p99 * 1000:.0f} ms late (99th percentile)"
            if self.cpu_share < STARVED_CPU:
                late += f", and used {self.cpu_share:.0%} of a core: other programs had the machine"
            return late
        return ""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the course, for the plot."""

    latency: Spread | None
    stalls: int
    failures: int
    bits: float
    players: int


@dataclass(frozen=True, slots=True)
class Result:
    """The measured span."""

    url: str
    players: int
    joined: int
    seconds: float
    latency: Spread | None
    first_byte: Spread | None
    cadence: Spread | None
    manifest: Spread | None
    bits_per_second: float
    chunks: int
    stalls: int
    stalled_players: int
    stalled_seconds: float
    failures: dict[str, int]
    clock: str
    """By which latency is told."""
    clock_trip: float
    """Seconds; it is good to half of that."""
    load: Load
    course: list[Second]
    """Ramp included."""
    ramp_seconds: float


def course(tally: Tally, began: float, ended: float) -> list[Second]:
    """Second by second."""
    latency = tally.latency.by_second(began, ended)
    stalls = tally.stalls.by_second(began, ended)
    received = tally.received.by_second(began, ended)
    failures = Counter(int(at - began) for at, _ in tally.failures if began <= at < ended)
    return [
        Second(
            Spread.of(latency[second]),
            len(stalls[second]),
            failures[second],
            sum(received[second]) * 8,
            sum(at <= began + second + 1 for at in tally.joined),
        )
        for second in range(int(ended - began))
    ]
