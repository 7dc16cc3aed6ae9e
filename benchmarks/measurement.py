"""What a server and its core did in a window of time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.machine import Cores, CoreTime, cpu_seconds
from benchmarks.servers import RunningServer

SETTLE_SECONDS: Final = 0.5
NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ServerTime:
    """Over one measured window."""

    seconds: float
    cpu_seconds: float
    """User and system time of the server, with its children."""

    others_share: float
    """What its core did besides the server: other processes, unattributed kernel work, and what
    the hypervisor took."""

    @property
    def share(self) -> float:
        """Of its core."""
        return self.cpu_seconds / self.seconds


class Gated(Protocol):
    """A load that waits to be told its window."""

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Fix it, in ``CLOCK_MONOTONIC``."""


def watch_window(
    server: RunningServer, cores: Cores, warm_up: float, duration: float, *loads: Gated
) -> ServerTime:
    """Fix the measured window for all loads, and look at the server when it begins and ends."""
    start_ns = time.monotonic_ns() + int(warm_up * NS)
    end_ns = start_ns + int(duration * NS)
    for load in loads:
        load.measure(start_ns, end_ns)
    _sleep_until(start_ns)
    cpu_before, core_before = cpu_seconds(server.pid), CoreTime.now(cores.server)
    _sleep_until(end_ns)
    cpu_after, core_after = cpu_seconds(server.pid), CoreTime.now(cores.server)
    cpu = cpu_after - cpu_before
    busy = core_after.busy - core_before.busy
    steal = core_after.steal - core_before.steal
    return ServerTime(duration, cpu, (max(0.0, busy - cpu) + steal) / duration)


def _sleep_until(at_ns: int) -> None:
    while (left := at_ns - time.monotonic_ns()) > 0:
        time.sleep(left / NS)
