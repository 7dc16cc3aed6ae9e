"""Runs the load generator, one process or more, and reads what it reports."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final

from benchmarks.machine import children_on
from benchmarks.scenarios import Scenario
from benchmarks.servers import RunningServer

_RAMP_SECONDS: Final = 60
_DRAIN_SECONDS: Final = 8
_PATIENCE_SECONDS: Final = 20  # beyond what a step is allowed to take
_SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


class LoadFailed(Exception):
    """The generator ended without a result; the text is what it said."""


@dataclass(slots=True)
class Latencies:
    """A histogram of nanoseconds, as the generator's buckets (upper bounds)."""

    buckets: Counter[int] = field(default_factory=Counter)
    longest_us: float = 0

    def add(self, report: dict[str, Any]) -> None:
        """Take in one process's histogram."""
        self.buckets.update(dict(report["buckets"]))
        self.longest_us = max(self.longest_us, report.get("max", 0))

    def percentiles_us(self) -> dict[str, float]:
        """p50, p90, p99, p99.9 and max; empty when nothing was measured."""
        total = self.buckets.total()
        if total == 0:
            return {}
        result = {}
        seen = 0
        wanted = list(_SHARES.items())
        for bound in sorted(self.buckets):
            seen += self.buckets[bound]
            while wanted and seen >= wanted[0][1] * total:
                result[wanted.pop(0)[0]] = min(bound / 1000, self.longest_us)
        return {**result, "max": self.longest_us}


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What all processes of a load saw together."""

    joined: int
    window: dict[str, float]
    session: dict[str, int]
    latencies: dict[str, dict[str, float]]
    late_joins: dict[str, Any] | None
    overruns: int
    publish_late_p99_us: float
    generator_shares: list[float]

    @classmethod
    def merged(cls, reports: Sequence[dict[str, Any]]) -> LoadResult:
        """Add up the processes' reports; the first one is the publishers'."""
        latencies: dict[str, Latencies] = {}
        window: Counter[str] = Counter()
        session: Counter[str] = Counter()
        for report in reports:
            window.update(report["window"])
            session.update(report["session"])
            for group, histogram in report["latency_us"].items():
                latencies.setdefault(group, Latencies()).add(histogram)
        window["seconds"] = reports[0]["window"]["seconds"]
        window["published"] = reports[0]["window"]["published"]
        publisher = reports[0]["publisher"]
        return cls(
            joined=sum(report["joined"] for report in reports),
            window=dict(window),
            session=dict(session),
            latencies={name: one.percentiles_us() for name, one in latencies.items()},
            late_joins=next((r["late_join_us"] for r in reports if "late_join_us" in r), None),
            overruns=publisher["overruns"],
            publish_late_p99_us=publisher["late_us"].get("p99", 0.0),
            generator_shares=[report["generator"]["cpu_share"] for report in reports],
        )

    @property
    def generator_saturated(self) -> bool:
        """All processes share one core: together they must leave some of it."""
        return sum(self.generator_shares) > 0.9


class _Process:
    """One generator process; its lines are read by threads, so no wait is without an end."""

    def __init__(self, command: list[str], core: int) -> None:
        with children_on(core):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        self._said: list[str] = []
        self._lines: Queue[str] = Queue()
        self._result: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_course, daemon=True),
            threading.Thread(target=self._read_result, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_course(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line.strip())

    def _read_result(self) -> None:
        assert self._process.stdout is not None
        self._result.append(self._process.stdout.read())

    def expect(self, word: str, seconds: float) -> None:
        """Wait for a line of the course that begins with this word."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=min(left, 0.2))
            except Empty:
                if self._process.poll() is not None and self._lines.empty():
                    break
                continue
            self._said.append(line)
            if line.startswith(word):
                return
        raise LoadFailed(f"waited for '{word}'; it said: {' / '.join(self._said[-3:])}")

    def tell(self, line: str) -> None:
        """Say a word through the gate."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def result(self, seconds: float) -> dict[str, Any]:
        """Wait for the end, and read the result."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise LoadFailed("the generator did not end in time") from error
        for reader in self._readers:
            reader.join(2)
        if status != 0:
            while not self._lines.empty():
                self._said.append(self._lines.get_nowait())
            raise LoadFailed(f"exit status {status}: {' / '.join(self._said[-3:])}")
        report: dict[str, Any] = json.loads(self._result[0])
        return report

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(5)


class Load:
    """The generator processes of one measurement, step by step."""

    def __init__(self, program: Path, scenario: Scenario, server: RunningServer, core: int) -> None:
        self._scenario = scenario
        roles = [
            {"players": players, "publish": int(number == 0), "stall": stalling}
            for number, (players, stalling) in enumerate(
                zip(
                    _split(scenario.players, scenario.load_processes),
                    _split(scenario.stall, scenario.load_processes),
                    strict=True,
                )
            )
        ]
        if scenario.late:
            roles.append({"players": 0, "publish": 0, "late": scenario.late})
        self._commands = [_command(program, scenario, server, role) for role in roles]
        self._core = core
        self._processes: list[_Process] = []

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()

    def publish(self) -> None:
        """Start the processes: the first one begins to publish, nobody plays yet."""
        for command in self._commands:
            process = _Process(command, self._core)
            self._processes.append(process)
            process.expect("ready", _PATIENCE_SECONDS)

    def join(self) -> None:
        """Let the players in; return when all have their first chunk."""
        for process in self._processes:
            process.tell("ramp")
        for process in self._processes:
            process.expect("joined", _RAMP_SECONDS + _PATIENCE_SECONDS)

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Fix the measured window, for all processes alike."""
        for process in self._processes:
            process.tell(f"go {start_ns} {end_ns}")

    def result(self) -> LoadResult:
        """Wait for the drain, and put the reports together."""
        patience = _DRAIN_SECONDS + _PATIENCE_SECONDS
        return LoadResult.merged([process.result(patience) for process in self._processes])


def _split(players: int, processes: int) -> list[int]:
    """Players per process; the sum is right whatever the numbers."""
    return [players * (n + 1) // processes - players * n // processes for n in range(processes)]


def _command(
    program: Path, scenario: Scenario, server: RunningServer, role: dict[str, int]
) -> list[str]:
    options: dict[str, object] = {
        "port": server.port,
        "ingest-path": server.kind.ingest_path,
        "play-path": server.kind.play_path,
        "channels": scenario.channels,
        "size": scenario.size,
        "hz": scenario.hz,
        "gop": scenario.gop,
        "ramp-seconds": _RAMP_SECONDS,
        "drain-seconds": _DRAIN_SECONDS,
        "duration": scenario.duration,
        "event-at": scenario.event_at,
        "sources": 64,
        **role,
    }
    if scenario.event_seconds:
        options["event-seconds"] = scenario.event_seconds
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return [str(program), *arguments, "--gate", "--buckets"]
