"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import prove, results
from benchmarks.family import AnyScenario, Bench
from benchmarks.generator import LoadFailed
from benchmarks.machine import raise_file_limit, usable_cores
from benchmarks.native import Toolchain, Unavailable
from benchmarks.scenarios import SCENARIOS, select
from benchmarks.servers import (
    ServerKind,
    default_python,
    nethttp,
    seed,
    sorgente,
    yardstick,
)

_RESULTS: Final = Path(__file__).resolve().parent / "results.md"
_SERVERS: Final = ("sorgente", "yardstick", "seed", "net/http")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py", description="Sorgente beside a C floor and programs in Go."
    )
    parser.add_argument("scenario", nargs="*", help="names or families; none: all of them")
    parser.add_argument("--server", action="append", choices=_SERVERS, help="only these")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration", type=float, help="seconds of the measured window")
    parser.add_argument("--python", default=default_python(), help="the Python that has sorgente")
    parser.add_argument("--go", help="path of the go command")
    parser.add_argument(
        "--output",
        type=Path,
        default=_RESULTS,
        help="where results.md goes; scenarios that are not run stay in it as they are",
    )
    parser.add_argument("--list", action="store_true", help="say which scenarios there are")
    parser.add_argument("--smoke", action="store_true", help="a minute: does all of it run?")
    parser.add_argument("--prove", action="store_true", help="do the generators find faults?")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; the exit status says whether the numbers could be had."""
    options = parse(arguments)
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:20} {scenario.about}")
        return 0
    raise_file_limit()
    try:
        bench = Bench(Toolchain.find(), usable_cores())
        if options.prove:
            return prove.prove(bench)
        if options.smoke:
            kinds = _kinds(options, bench, tuple(options.server or ("sorgente", "yardstick")))
            return prove.smoke(kinds, bench)
        return _run(options, bench)
    except (Unavailable, LoadFailed, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _kinds(options: argparse.Namespace, bench: Bench, wanted: Sequence[str]) -> list[ServerKind]:
    """The servers that are there.

    Raises:
        Unavailable: none of them is.
    """
    makers: dict[str, Callable[[], ServerKind]] = {
        "sorgente": lambda: sorgente(options.python),
        "yardstick": lambda: yardstick(bench.toolchain),
        "seed": lambda: seed(options.go),
        "net/http": lambda: nethttp(options.go),
    }
    kinds = []
    for name in wanted:
        try:
            kinds.append(makers[name]())
        except Unavailable as reason:
            print(f"left out: {name}: {reason}")
    if not kinds:
        raise Unavailable("none of these servers can be started here")
    return kinds


def _run(options: argparse.Namespace, bench: Bench) -> int:
    scenarios = select(options.scenario)
    if options.duration:
        scenarios = [scenario.shortened(options.duration) for scenario in scenarios]
    kinds = _kinds(options, bench, options.server or _SERVERS)
    version = subprocess.run(
        [options.python, "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    measured: dict[str, tuple[AnyScenario, Mapping[str, Sequence[Any]]]] = {}
    left_out: dict[str, list[str]] = {}
    for scenario in scenarios:
        found, left_out[scenario.name] = _measure(scenario, kinds, bench, options.rounds)
        measured[scenario.name] = (scenario, found)
        show(scenario, found)
        # After each scenario: a run that is broken off leaves what it had.
        run = results.Run(
            {scenario.name: (scenario, found)}, left_out, version, bench.cores, options.rounds
        )
        if found:
            results.write(run, options.output)
    print(f"\nwritten: {options.output}")
    return 0 if all(found for _, found in measured.values()) else 1


def _measure(
    scenario: AnyScenario, kinds: Sequence[ServerKind], bench: Bench, rounds: int
) -> tuple[dict[str, list[Any]], list[str]]:
    """ABC ABC ABC: what disturbs the machine for a while disturbs all servers."""
    measured: dict[str, list[Any]] = {}
    failures = []
    able = [kind for kind in kinds if scenario.needs & kind.serves]
    if scenario.media.channels > 1:
        failures += [f"{kind.name}: one channel only" for kind in able if kind.one_channel]
        able = [kind for kind in able if not kind.one_channel]
    for number in range(rounds):
        for kind in able:
            print(f"{scenario.name}, round {number + 1} of {rounds}: {kind.name}", flush=True)
            try:
                measured.setdefault(kind.name, []).append(scenario.measure(kind, bench))
            except (LoadFailed, Unavailable) as failure:
                failures.append(f"{kind.name}, round {number + 1}: {failure}")
                print(f"  failed: {failure}")
    return {name: found for name, found in measured.items() if found}, failures


def show(scenario: AnyScenario, measured: Mapping[str, Sequence[Any]]) -> None:
    """On the terminal."""
    print(f"\n{scenario.name}: {scenario.about} ({scenario.load})")
    if measured:
        for table in scenario.tables(measured):
            print(table.plain())
        for warning in scenario.warnings(measured):
            print(f"! {warning}")
    print()
