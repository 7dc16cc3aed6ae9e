"""Writes results.md: the newest run of every scenario in full, and one line for every run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.family import AnyScenario, Results
from benchmarks.machine import Cores, description
from benchmarks.report import NOTHING, median_of, ratio
from benchmarks.scenarios import SCENARIOS

_HISTORY: Final = "History"
_HISTORY_HEAD: Final = (
    "One line per run and scenario, newest last. Nothing is taken out, least of all regressions. "
    "µs are CPU time of the server for each delivery, answer or chunk; Go is the seed for streams, "
    "net/http for requests; p99 is that of the scenario's latency.\n"
    "\n| date | commit | scenario | sorgente µs | floor µs | Go µs | to floor | to Go "
    "| p99 ms |\n|---|---|---|---:|---:|---:|---:|---:|---:|\n"
)
_METHOD: Final = (
    "Each server alone on a core, the load on another, over loopback; servers take turns within a "
    "round; medians (min–max in parentheses). CPU is user and system time of the whole server "
    "process over the measured window only. How, and what the columns mean: "
    "[README.md](README.md).\n"
)
_SECTION: Final = re.compile(r"^## (.+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """All that one invocation measured."""

    results: Results
    left_out: Mapping[str, Sequence[str]]
    """Reasons, by scenario."""

    python: str
    cores: Cores
    rounds: int


def write(run: Run, path: Path) -> None:
    """Put this run's sections in the place of older ones, keep the others, add to the history."""
    sections = _sections(path)
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    commit = _commit(Path(__file__).resolve().parent)
    history = _history_lines(sections.pop(_HISTORY, ""))
    history += [_history_line(run, name, date, commit) for name in run.results]
    for name, (scenario, measured) in run.results.items():
        sections[name] = _section(run, scenario, measured, f"{date}, commit {commit}")
    order = [scenario.name for scenario in SCENARIOS if scenario.name in sections]
    order += [name for name in sections if name not in order]
    text = ["# Benchmark results\n", "Written by `benchmarks/run.py`, not by hand.\n", _METHOD]
    text += [f"## {name}\n\n{sections[name].strip()}\n" for name in order]
    text += [f"## {_HISTORY}\n", _HISTORY_HEAD + "".join(f"{line}\n" for line in history)]
    path.write_text("\n".join(text))


def _sections(path: Path) -> dict[str, str]:
    """What is there already, by heading."""
    if not path.exists():
        return {}
    _, *parts = _SECTION.split(path.read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _section(
    run: Run, scenario: AnyScenario, measured: Mapping[str, Sequence[Any]], when: str
) -> str:
    about = f"{scenario.about[0].upper()}{scenario.about[1:]}. {scenario.load}."
    machine = (
        f"{when}; {run.rounds} round(s); server on core {run.cores.server}, load on core "
        f"{run.cores.load}. {description()}. {run.python}."
    )
    lines = [about, "", f"*{machine}*", ""]
    if run.cores.shared:
        lines += ["**One usable core: server and load shared it. These numbers say little.**", ""]
    lines += [table.markdown() + "\n" for table in scenario.tables(measured)]
    notes = [*scenario.warnings(measured)]
    notes += [f"left out: {reason}" for reason in run.left_out.get(scenario.name, ())]
    return "\n".join([*lines, *(f"- {note}" for note in notes)])


def _history_lines(section: str) -> list[str]:
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return rows[1:]  # without the head


def _history_line(run: Run, name: str, date: str, commit: str) -> str:
    _, measured = run.results[name]
    cost = {server: median_of(rounds, lambda m: m.cost_us) for server, rounds in measured.items()}
    ours, floor = cost.get("sorgente"), cost.get("yardstick")
    rival = cost.get("seed") or cost.get("net/http")
    latency = median_of(measured.get("sorgente", []), lambda m: m.p99_ms)
    cells = [date, commit, name]
    cells += [f"{value:.2f}" if value else NOTHING for value in (ours, floor, rival)]
    cells += [ratio(ours, floor), ratio(ours, rival), f"{latency:.2f}" if latency else NOTHING]
    return "| " + " | ".join(cells) + " |"


def _commit(folder: Path) -> str:
    result = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or "unknown"
