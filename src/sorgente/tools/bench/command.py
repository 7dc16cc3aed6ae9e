"""``sorgente bench``: from an address to an exit code."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import rich.console
from rich.progress import BarColumn, Progress, TextColumn

from sorgente.tools.bench.plot import svg
from sorgente.tools.bench.population import Moment, play
from sorgente.tools.bench.report import as_json, print_result
from sorgente.tools.bench.settings import BenchSettings, Crowd
from sorgente.tools.bench.tally import Result
from sorgente.tools.console import Console
from sorgente.tools.errors import UnusableArgument
from sorgente.tools.outcome import concluded, page, print_json
from sorgente.tools.web import parse_place

OK: Final = 0
NOBODY: Final = 1
Run = Callable[[Coroutine[Any, Any, Result]], Result]


def bench(url: str, settings: BenchSettings, run: Run = asyncio.run) -> int:
    """Let virtual players watch ``url`` and report. 0: they did; 1: not one got media; 2: there is
    nothing to watch."""
    console = Console(sys.stderr, time.monotonic)

    def measure() -> Result:
        place, crowd = parse_place(url, settings.reach), settings.crowd
        if settings.plot is not None:
            _plot(settings.plot, "")  # or say now that it cannot be written
        with _Course(console, crowd) as course:
            return run(play(place, crowd, course.tell))

    def report(result: Result) -> int:
        if settings.plot is not None:
            _plot(settings.plot, svg(result))
        if settings.json:
            print_json(as_json(result))
        else:
            print_result(result, page())
        return OK if result.joined else NOBODY

    return concluded(measure, report, console)


def _plot(path: Path, text: str) -> None:
    if path.suffix.lower() != ".svg":
        raise UnusableArgument(f"--plot {path}: it is drawn as SVG, so name a .svg")
    try:
        path.write_text(text)
    except OSError as error:
        raise UnusableArgument(f"--plot {path}: {error.strerror}") from error


class _Course:
    """How it goes: a bar on a terminal, a line now and then in a log."""

    def __init__(self, console: Console, crowd: Crowd) -> None:
        self._console = console
        self._crowd = crowd
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                BarColumn(bar_width=24),
                TextColumn("{task.description}"),
                console=rich.console.Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("", total=crowd.ramp + crowd.seconds)
        self._shown: AbstractContextManager[object] = self._bar or nullcontext()

    def __enter__(self) -> _Course:
        self._shown.__enter__()
        return self

    def __exit__(self, *why: Any) -> None:
        self._shown.__exit__(*why)

    def tell(self, moment: Moment) -> None:
        """A moment of it."""
        line = f"{moment.players} of {self._crowd.players} players"
        if moment.latency is not None:
            median, p99 = round(moment.latency.p50 * 1000), round(moment.latency.p99 * 1000)
            line += f", latency {median} / {p99} ms"
        line += f", {moment.bits_per_second / 1e6:.1f} Mbit/s, {moment.stalls} stalls"
        line += f", {moment.failures} failures"
        if self._bar is not None:
            self._bar.update(self._task, completed=moment.passed, description=line)
        else:
            self._console.show(f"{moment.passed:3.0f} s: {line}")
