"""One measurement: a server on its core, a load on another, and what both did meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load import Load, LoadResult
from benchmarks.machine import Cores, CoreTime, cpu_seconds, resident_bytes
from benchmarks.scenarios import Scenario
from benchmarks.servers import RunningServer, ServerKind, running

_SETTLE_SECONDS: Final = 0.5
_NS: Final = 1_000_000_000
_SATURATED: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured, as plain numbers."""

    scenario: Scenario
    server: str
    cpu_seconds: float
    """The server's user and system time over the measured window."""

    resident_growth: int
    """Bytes of resident memory between no player and all of them being served."""

    others_share: float
    """What its core did besides the server (other processes, unattributed kernel work)."""

    steal_share: float
    load: LoadResult

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_seconds / self.load.window["seconds"]

    @property
    def server_saturated(self) -> bool:
        """Its latencies then say only that it was too much."""
        return self.cpu_share > _SATURATED

    @property
    def us_per_delivery(self) -> float | None:
        """CPU time per chunk that reached a player in the window."""
        delivered = self.load.window["received_in_time"]
        return self.cpu_seconds * 1e6 / delivered if delivered else None

    @property
    def kib_per_player(self) -> float | None:
        """Resident memory per connected player that is being served."""
        return self.resident_growth / self.load.joined / 1024 if self.load.joined else None

    @property
    def complete(self) -> bool:
        """Every player was there."""
        return self.load.joined == self.scenario.players


def measure(kind: ServerKind, scenario: Scenario, load_program: Path, cores: Cores) -> Measurement:
    """Start the server, put the load on it, and end both."""
    with (
        running(kind, cores.server) as server,
        Load(load_program, scenario, server, cores.load) as load,
    ):
        load.publish()
        time.sleep(_SETTLE_SECONDS)
        resident_before = resident_bytes(server.pid)
        load.join()
        time.sleep(_SETTLE_SECONDS)
        resident_growth = resident_bytes(server.pid) - resident_before
        cpu, others, steal = _watch_window(load, scenario, server, cores)
        return Measurement(
            scenario=scenario,
            server=kind.name,
            cpu_seconds=cpu,
            resident_growth=resident_growth,
            others_share=others,
            steal_share=steal,
            load=load.result(),
        )


def _watch_window(
    load: Load, scenario: Scenario, server: RunningServer, cores: Cores
) -> tuple[float, float, float]:
    start_ns = time.monotonic_ns() + int(scenario.warm_up * _NS)
    end_ns = start_ns + int(scenario.duration * _NS)
    load.measure(start_ns, end_ns)
    _sleep_until(start_ns)
    cpu_before, core_before = cpu_seconds(server.pid), CoreTime.now(cores.server)
    _sleep_until(end_ns)
    cpu_after, core_after = cpu_seconds(server.pid), CoreTime.now(cores.server)
    cpu = cpu_after - cpu_before
    busy = core_after.busy - core_before.busy
    steal = core_after.steal - core_before.steal
    return cpu, max(0.0, busy - cpu) / scenario.duration, steal / scenario.duration


def _sleep_until(at_ns: int) -> None:
    while (left := at_ns - time.monotonic_ns()) > 0:
        time.sleep(left / _NS)
