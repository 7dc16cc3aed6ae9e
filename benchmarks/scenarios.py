"""What is measured: how many players, how often, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One load; every server gets the same."""

    name: str
    about: str
    players: int
    channels: int = 1
    hz: float = 30
    size: int = 4096
    gop: int = 30
    load_processes: int = 1
    warm_up: float = 2
    duration: float = 10
    event_at: float = 3
    event_seconds: float = 0
    stall: int = 0
    late: int = 0
    """Joining all at once, from a process of their own, so that the others are still read."""

    @property
    def deliveries_per_second(self) -> float:
        """What the server has to write."""
        return self.players * self.hz

    def shortened(self, duration: float) -> Scenario:
        """The same load for another time (never shorter than its event needs)."""
        least = self.event_at + self.event_seconds + 2 if self.event_seconds else 0
        return replace(self, duration=max(duration, least))


_LOWER_HZ: Final = (
    "lower rate, for all servers alike: at 30 Hz even the C floor would need more than one core"
)

SCENARIOS: Final = (
    Scenario(name="fanout-1", about="one player", players=1),
    Scenario(name="fanout-100", about="100 players, one channel", players=100),
    Scenario(name="fanout-1000", about="1000 players, one channel", players=1000),
    Scenario(
        name="fanout-5000",
        about=f"5000 players; {_LOWER_HZ}",
        players=5000,
        hz=8,
        gop=8,
        load_processes=2,
    ),
    Scenario(
        name="fanout-10000",
        about=f"10,000 players; {_LOWER_HZ}",
        players=10000,
        hz=3,
        gop=3,
        load_processes=2,
    ),
    Scenario(name="channels-10x100", about="10 channels of 100 players", players=1000, channels=10),
    Scenario(
        name="late-join-1000",
        about="1000 players join at once, beside 100 that are there",
        players=100,
        late=1000,
        event_seconds=1,
    ),
    Scenario(
        name="stalled-500-of-1000",
        about="500 of 1000 players do not read for 10 s; latency is that of the others",
        players=1000,
        stall=500,
        event_seconds=10,
        duration=18,
    ),
    Scenario(name="latency-1", about="in to out, one player", players=1, hz=100, duration=20),
    Scenario(name="latency-100", about="in to out, 100 players", players=100, hz=100, duration=20),
    Scenario(name="latency-1000", about="in to out, 1000 players", players=1000, duration=20),
)

SMOKE: Final = Scenario(
    name="smoke", about="that all of it runs", players=50, warm_up=0.3, duration=1.5
)


def select(names: list[str]) -> list[Scenario]:
    """Scenarios by name or by family (`latency`, `fanout`); none named: all of them."""
    if not names:
        return list(SCENARIOS)
    chosen = [s for s in SCENARIOS if any(s.name == n or s.name.startswith(f"{n}-") for n in names)]
    unknown = [
        n for n in names if not any(s.name == n or s.name.startswith(f"{n}-") for s in chosen)
    ]
    if unknown:
        known = ", ".join(scenario.name for scenario in SCENARIOS)
        raise ValueError(f"no such scenario: {', '.join(unknown)}; there are: {known}")
    return chosen
