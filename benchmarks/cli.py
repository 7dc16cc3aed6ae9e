"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import results
from benchmarks.load import LoadFailed
from benchmarks.machine import Cores, raise_file_limit, usable_cores
from benchmarks.measurement import Measurement, measure
from benchmarks.native import FAULTS, Toolchain, Unavailable
from benchmarks.report import tables, warnings
from benchmarks.scenarios import SCENARIOS, SMOKE, Scenario, select
from benchmarks.servers import ServerKind, default_python, seed, sorgente, yardstick

_RESULTS: Final = Path(__file__).resolve().parent / "results.md"
_SERVERS: Final = ("sorgente", "yardstick", "seed")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py", description="Sorgente beside a C floor and the seed's Go program."
    )
    parser.add_argument("scenario", nargs="*", help="names or families; none: all of them")
    parser.add_argument("--server", action="append", choices=_SERVERS, help="only these")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration", type=float, help="seconds of the measured window")
    parser.add_argument("--python", default=default_python(), help="the Python that has sorgente")
    parser.add_argument("--go", help="path of the go command")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="where results.md goes")
    parser.add_argument("--list", action="store_true", help="say which scenarios there are")
    parser.add_argument("--smoke", action="store_true", help="under 20 s: does all of it run?")
    parser.add_argument("--prove", action="store_true", help="does the generator find faults?")
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
        toolchain = Toolchain.find()
        if options.prove:
            return _prove(toolchain, usable_cores())
        if options.smoke:
            return _smoke(options, toolchain)
        return _run(options, toolchain)
    except (Unavailable, LoadFailed, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _kinds(
    options: argparse.Namespace, toolchain: Toolchain, wanted: tuple[str, ...]
) -> tuple[list[ServerKind], list[str]]:
    """The servers that are there, and why the others are not."""
    makers: dict[str, Callable[[], ServerKind]] = {
        "sorgente": lambda: sorgente(options.python),
        "yardstick": lambda: yardstick(toolchain),
        "seed": lambda: seed(options.go),
    }
    kinds = []
    left_out = []
    for name in wanted:
        try:
            kinds.append(makers[name]())
        except Unavailable as reason:
            left_out.append(f"{name}: {reason}")
            print(f"left out: {left_out[-1]}")
    return kinds, left_out


def _run(options: argparse.Namespace, toolchain: Toolchain) -> int:
    scenarios = select(options.scenario)
    if options.duration:
        scenarios = [scenario.shortened(options.duration) for scenario in scenarios]
    kinds, left_out = _kinds(options, toolchain, tuple(options.server or _SERVERS))
    if not kinds:
        raise Unavailable("none of these servers can be started here")
    cores = usable_cores()
    measured: results.Results = {}
    for scenario in scenarios:
        of_scenario, failures = _measure_scenario(
            scenario, kinds, toolchain.program("load"), cores, options.rounds
        )
        left_out += failures
        measured[scenario.name] = (scenario, of_scenario)
        _show(scenario, of_scenario)
    version = subprocess.run(
        [options.python, "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    run = results.Run(measured, left_out, version, cores, options.rounds)
    results.write(run, options.output)
    print(f"\nwritten: {options.output}")
    return 0 if all(of_scenario for _, of_scenario in measured.values()) else 1


def _measure_scenario(
    scenario: Scenario, kinds: list[ServerKind], load: Path, cores: Cores, rounds: int
) -> tuple[dict[str, list[Measurement]], list[str]]:
    """ABC ABC ABC: what disturbs the machine for a while disturbs all servers."""
    measured: dict[str, list[Measurement]] = {}
    failures = []
    able = [kind for kind in kinds if scenario.channels == 1 or not kind.one_channel]
    failures += [f"{k.name} in {scenario.name}: one channel only" for k in kinds if k not in able]
    for number in range(rounds):
        for kind in able:
            print(f"{scenario.name}, round {number + 1} of {rounds}: {kind.name}", flush=True)
            try:
                measured.setdefault(kind.name, []).append(measure(kind, scenario, load, cores))
            except (LoadFailed, Unavailable) as failure:
                failures.append(f"{kind.name} in {scenario.name}, round {number + 1}: {failure}")
                print(f"  failed: {failure}")
    return {name: found for name, found in measured.items() if found}, failures


def _show(scenario: Scenario, measured: dict[str, list[Measurement]]) -> None:
    print(
        f"\n{scenario.name}: {scenario.about} ({scenario.deliveries_per_second:.0f} deliveries/s)"
    )
    for table in tables(scenario, measured):
        print(table.plain())
    for warning in warnings(measured):
        print(f"! {warning}")
    print()


def _selftest(toolchain: Toolchain) -> None:
    print(
        subprocess.run(
            [toolchain.program("selftest")], capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
    )


def _smoke(options: argparse.Namespace, toolchain: Toolchain) -> int:
    """No timing is asserted: only that numbers come out, and that the C floor loses nothing."""
    _selftest(toolchain)
    kinds, _ = _kinds(options, toolchain, tuple(options.server or ("sorgente", "yardstick")))
    measured, failures = _measure_scenario(
        SMOKE, kinds, toolchain.program("load"), usable_cores(), rounds=1
    )
    _show(SMOKE, measured)
    for rounds in measured.values():
        for m in rounds:
            if m.us_per_delivery is None or not m.complete or not m.load.latencies["steady"]:
                failures.append(f"{m.server}: numbers are missing")
            if m.server == "yardstick" and m.load.session["received"] != m.load.session["expected"]:
                failures.append("yardstick: deliveries are missing")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures or not measured else 0


def _prove(toolchain: Toolchain, cores: Cores) -> int:
    """Each fault must be found, and without a fault nothing may be."""
    _selftest(toolchain)
    blame = {
        "DROP": "lost",
        "CORRUPT": "corrupt",
        "DUPLICATE": "duplicated",
        "SWAP": "reordered",
        "TRUNCATE": "corrupt",
    }
    wrong = 0
    for fault in (None, *FAULTS):
        measured = measure(
            yardstick(toolchain, fault), SMOKE, toolchain.program("load"), cores
        ).load.session
        found = {name: measured[name] for name in (*sorted(set(blame.values())), "skipped")}
        right = found[blame[fault]] > 0 if fault else not any(found.values())
        wrong += not right
        print(
            f"{'right' if right else 'WRONG'}: yardstick, {fault or 'no fault'}: "
            f"{measured['received']} of {measured['expected']} received, {found}"
        )
    return 1 if wrong else 0
