"""What a scenario is, whatever it measures; each kind has a module of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, TypeVar

from benchmarks.load import Media
from benchmarks.machine import Cores
from benchmarks.native import Toolchain
from benchmarks.report import Table
from benchmarks.servers import ServerKind, Service

SATURATED: Final = 0.95
"""Of its core: a server's latencies then say only that it was too much."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement is made with."""

    toolchain: Toolchain
    cores: Cores


class Measurement(Protocol):
    """One server under one load, as plain numbers."""

    @property
    def server(self) -> str:
        """Its name."""

    @property
    def cost_us(self) -> float | None:
        """The number ratios are made of: CPU µs for each of what the scenario counts."""

    @property
    def p99_ms(self) -> float | None:
        """The latency that is worth a place in the history."""

    @property
    def faults(self) -> dict[str, int]:
        """What must be zero, by what it is called: lost, corrupt …"""


M = TypeVar("M", bound=Measurement)


class Scenario(Protocol[M]):
    """One load; every server that takes part in it gets the same."""

    @property
    def name(self) -> str:
        """``family-number``."""

    @property
    def about(self) -> str:
        """What it is, in a few words."""

    @property
    def load(self) -> str:
        """The load in numbers, one line."""

    @property
    def media(self) -> Media:
        """What is published."""

    @property
    def needs(self) -> frozenset[Service]:
        """A server takes part that has one of these."""

    def shortened(self, duration: float) -> Self:
        """The same load for another time."""

    def measure(self, kind: ServerKind, bench: Bench) -> M:
        """Start the server, put the load on it, and end both.

        Raises:
            LoadFailed, Unavailable
        """

    def tables(self, results: Mapping[str, Sequence[M]]) -> list[Table]:
        """What came of it, by server."""

    def warnings(self, results: Mapping[str, Sequence[M]]) -> list[str]:
        """What a reader must know before believing the numbers."""


AnyScenario = Scenario[Any]
Results = Mapping[str, tuple[AnyScenario, Mapping[str, Sequence[Any]]]]
"""By scenario; then by server, one measurement a round."""
