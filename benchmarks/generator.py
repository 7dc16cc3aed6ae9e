"""A generator process: told what to do line by line, and the result it prints in the end."""

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

PATIENCE_SECONDS: Final = 20
"""Beyond what a step is allowed to take."""

SATURATED: Final = 0.9
"""Of a core: from here on its own queue is in what it measures."""

_SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


class LoadFailed(Exception):
    """A generator ended without a result; the text is what it said."""


@dataclass(slots=True)
class Latencies:
    """A histogram of nanoseconds, as the generators' buckets (upper bounds)."""

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

    @classmethod
    def of(cls, *reports: dict[str, Any]) -> dict[str, float]:
        """The percentiles of these histograms together."""
        together = cls()
        for report in reports:
            together.add(report)
        return together.percentiles_us()


class Generator:
    """One generator process; its lines are read by threads, so no wait is without an end."""

    def __init__(self, program: Path, options: dict[str, object], core: int | None) -> None:
        """``options`` without their dashes; a value of True stands for none. ``core`` to pin to."""
        arguments = [str(program)]
        for name, value in options.items():
            arguments += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        self._process = _start(arguments, core)
        self._telling = threading.Lock()
        self._said: list[str] = []
        self._lines: Queue[str] = Queue()
        self._result: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_course, daemon=True),
            threading.Thread(target=self._read_result, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read_course(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line.strip())

    def _read_result(self) -> None:
        assert self._process.stdout is not None
        self._result.append(self._process.stdout.read())

    def hear(self, seconds: float) -> str | None:
        """The next line of the course; None when there is none in this time, or ever."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=min(left, 0.2))
            except Empty:
                if self._process.poll() is not None and self._lines.empty():
                    return None
                continue
            self._said.append(line)
            return line
        return None

    def expect(self, word: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for a line of the course that begins with this word.

        Raises:
            LoadFailed: it did not come.
        """
        deadline = time.monotonic() + seconds
        while (line := self.hear(deadline - time.monotonic())) is not None:
            if line.startswith(word):
                return
        raise LoadFailed(f"waited for '{word}'; it said: {self._last_words()}")

    def tell(self, *lines: str) -> None:
        """Say something through the gate. A process that is gone does not hear it: the result
        will not come, and that is where it is noticed."""
        assert self._process.stdin is not None
        with self._telling:
            try:
                self._process.stdin.write("".join(f"{line}\n" for line in lines))
                self._process.stdin.flush()
            except OSError:
                return

    def result(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the end, and read the result.

        Raises:
            LoadFailed: there is none.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise LoadFailed("the generator did not end in time") from error
        for reader in self._readers:
            reader.join(2)
        if status != 0:
            while not self._lines.empty():
                self._said.append(self._lines.get_nowait())
            raise LoadFailed(f"exit status {status}: {self._last_words()}")
        report: dict[str, Any] = json.loads(self._result[0])
        return report

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(5)

    def _last_words(self) -> str:
        return " / ".join(self._said[-3:])


def _start(arguments: Sequence[str], core: int | None) -> subprocess.Popen[str]:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    if core is None:
        return start()
    with children_on(core):
        return start()
