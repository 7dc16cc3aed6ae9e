"""Writes results.md: this run in full, and one line for every run there ever was."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.machine import Cores, description
from benchmarks.measurement import Measurement
from benchmarks.report import median_of, ratio, tables, us_per_delivery, warnings
from benchmarks.scenarios import Scenario

_HISTORY: Final = "## History\n"
_HISTORY_HEAD: Final = (
    "One line per run and scenario, newest last. Nothing is taken out, least of all regressions.\n"
    "\n| date | commit | scenario | sorgente µs | floor µs | seed µs | to floor | to seed "
    "| p99 ms |\n|---|---|---|---:|---:|---:|---:|---:|---:|\n"
)
_METHOD: Final = (
    "Each server alone on core {server}, the load on core {load}, over loopback; servers take "
    "turns within a round; {rounds} rounds; medians (min–max in parentheses). CPU is user and "
    "system time of the whole server process over the measured window only, divided by the chunks "
    "that reached players in it. Latency is from just before the publisher's `send()` to just "
    "after the player's `recv()` of the chunk's last byte. How and why: [README.md](README.md).\n"
)

Results = dict[str, tuple[Scenario, dict[str, list[Measurement]]]]


@dataclass(frozen=True, slots=True)
class Run:
    """All that one invocation measured."""

    results: Results
    left_out: list[str]
    python: str
    cores: Cores
    rounds: int


def write(run: Run, path: Path) -> None:
    """Replace the newest results; add to the history."""
    history = _history_lines(path)
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    commit = _commit(Path(__file__).resolve().parent)
    history += [_history_line(run, name, date, commit) for name in run.results]
    text = [
        "# Benchmark results\n",
        f"Written by `benchmarks/run.py`, not by hand. {date}, commit {commit}.\n",
        f"Machine: {description()}. {run.python}.\n",
        _METHOD.format(server=run.cores.server, load=run.cores.load, rounds=run.rounds),
    ]
    if run.cores.shared:
        text.append("**One usable core: server and load shared it. These numbers say little.**\n")
    text += [f"Left out: {reason}\n" for reason in run.left_out]
    for scenario, measured in run.results.values():
        text += _section(scenario, measured)
    text += [_HISTORY, _HISTORY_HEAD + "".join(f"{line}\n" for line in history)]
    path.write_text("\n".join(text))


def _section(scenario: Scenario, measured: dict[str, list[Measurement]]) -> list[str]:
    load = (
        f"{scenario.about}. {scenario.players} players, {scenario.channels} channel(s), "
        f"{scenario.hz:g} chunks/s of {scenario.size} bytes, {scenario.duration:g} s.\n"
    )
    lines = [f"## {scenario.name}\n", load[0].upper() + load[1:]]
    lines += [table.markdown() + "\n" for table in tables(scenario, measured)]
    lines += [f"- {warning}" for warning in warnings(measured)]
    if warnings(measured):
        lines.append("")
    return lines


def _history_lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    _, _, history = path.read_text().partition(_HISTORY)
    rows = [line for line in history.splitlines() if line.startswith("| ")]
    return rows[1:]  # without the head


def _history_line(run: Run, name: str, date: str, commit: str) -> str:
    _, measured = run.results[name]
    cost = {server: median_of(rounds, us_per_delivery) for server, rounds in measured.items()}
    ours, floor, seed = (cost.get(server) for server in ("sorgente", "yardstick", "seed"))
    latency = median_of(
        measured.get("sorgente", []), lambda m: m.load.latencies["steady"].get("p99")
    )
    cells = [date, commit, name]
    cells += [f"{value:.2f}" if value else "–" for value in (ours, floor, seed)]
    cells += [ratio(ours, floor), ratio(ours, seed), f"{latency / 1000:.2f}" if latency else "–"]
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
