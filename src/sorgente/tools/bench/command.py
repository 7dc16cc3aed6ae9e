"""``sorgente bench``: from an address to an exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import rich.console
from rich.progress import BarColumn, Progress, TextColumn

from sorgente.tools.bench.plot import svg
from sorgente.tools.bench.population import Moment, play
from sorgente.tools.bench.report import as_json, print_result
from sorgente.tools.bench.settings import BenchSettings, Crowd
from sorgente.tools.bench.tally import Result
from sorgente.tools.console import Console
from sorgente.tools.errors import ToolError
from sorgente.tools.web import check_url

OK: Final = 0
NOBODY: Final = 1
CANNOT: Final = 2
INTERRUPTED: Final = 130
Run = Callable[[Coroutine[Any, Any, Result]], Result]


def bench(url: str, settings: BenchSettings, run: Run = asyncio.run) -> int:
    """Let virtual players watch ``url`` and report. 0: they did; 1: not one got media; 2: there is
    nothing to watch."""
    console = Console(sys.stderr, time.monotonic)
    try:
        crowd = settings.crowd
        with _Course(console, crowd) as course:
            result = run(play(check_url(url), crowd, course.tell))
    except ToolError as error:
        console.say(f"sorgente: {error}")
        return CANNOT
    except KeyboardInterrupt:
        return INTERRUPTED
    if settings.plot is not None:
        settings.plot.write_text(svg(result))
    if settings.json:
        json.dump(as_json(result), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print_result(result, rich.console.Console(highlight=False))
    return OK if result.joined else NOBODY


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
            line += (
                f", latency {moment.latency.p50 * 1000:.0f} / {moment.latency.p99 * 1000:.0f} ms"
            )
        line += f", {moment.bits_per_second / 1e6:.1f} Mbit/s, {moment.stalls} stalls"
        line += f", {moment.failures} failures"
        if self._bar is not None:
            self._bar.update(self._task, completed=moment.passed, description=line)
        else:
            self._console.show(f"{moment.passed:3.0f} s: {line}")
