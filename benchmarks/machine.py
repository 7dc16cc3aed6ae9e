"""The machine under the measurement: cores, limits, and what /proc tells of processes."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_CPU_CLOCK_OF_PROCESS: Final = 2  # clock_getcpuclockid(3): the scheduler's own nanoseconds
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_SIZE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the server gets, and which one the load."""

    server: int
    load: int

    @property
    def shared(self) -> bool:
        """True on a machine with one usable core: numbers then say little."""
        return self.server == self.load


def usable_cores() -> Cores:
    """The first two cores this process may run on."""
    cores = sorted(os.sched_getaffinity(0))
    return Cores(server=cores[0], load=cores[1] if len(cores) > 1 else cores[0])


@contextmanager
def children_on(core: int) -> Iterator[None]:
    """Processes started inside begin their life on this core (Go reads that at its start)."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _with_descendants(pid: int) -> list[int]:
    pids = [pid]
    for parent in pids:
        for children in (_PROC / str(parent) / "task").glob("*/children"):
            pids.extend(int(child) for child in children.read_text().split())
    return pids


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads and child processes.

    The same sum as `utime + stime` in /proc/PID/stat, to the nanosecond instead of the 10 ms tick.
    """
    return sum(
        time.clock_gettime(~member << 3 | _CPU_CLOCK_OF_PROCESS)
        for member in _with_descendants(pid)
    )


def resident_bytes(pid: int) -> int:
    """Resident memory of a process with its child processes."""
    return sum(
        int((_PROC / str(member) / "statm").read_text().split()[1]) * _PAGE_SIZE
        for member in _with_descendants(pid)
    )


@dataclass(frozen=True, slots=True)
class CoreTime:
    """What a core has done since boot, in seconds."""

    busy: float
    steal: float

    @classmethod
    def now(cls, core: int) -> CoreTime:
        """Read it."""
        for line in (_PROC / "stat").read_text().splitlines():
            name, *values = line.split()
            if name == f"cpu{core}":
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, values[:8])
                busy = user + nice + system + irq + softirq
                return cls(busy / _TICKS_PER_SECOND, steal / _TICKS_PER_SECOND)
        raise LookupError(f"core {core} is not in /proc/stat")


def processor_name() -> str:
    """The processor's own name."""
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def description() -> str:
    """Processor, cores, kernel, in one line."""
    return (
        f"{processor_name()}, {len(os.sched_getaffinity(0))} usable cores, "
        f"{platform.system()} {platform.release()} {platform.machine()}"
    )
