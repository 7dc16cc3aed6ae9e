"""Does all of it run, and would the generators notice if a server did wrong?"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.family import AnyScenario, Bench
from benchmarks.generator import LoadFailed
from benchmarks.native import Unavailable
from benchmarks.scenarios import SMOKE
from benchmarks.servers import ServerKind, yardstick

_STREAM_FAULTS: Final = {
    "DROP": {"lost"},
    "CORRUPT": {"corrupt"},
    "DUPLICATE": {"duplicated"},
    "SWAP": {"reordered"},
    "TRUNCATE": {"corrupt"},
}
_SEGMENT_FAULTS: Final = {
    "DROP": {"lost"},
    "CORRUPT": {"damaged"},
    "DUPLICATE": {"disorder"},
    "SWAP": {"disorder", "lost"},
    "TRUNCATE": {"damaged"},
    "ANSWER_CORRUPT": {"corrupt"},
    "ANSWER_SHORT": {"corrupt", "cut_short"},
    "ANSWER_ABORT": {"aborted"},
}
_ANSWER_FAULTS: Final = {
    "ANSWER_CORRUPT": {"wrong_bytes"},
    "ANSWER_SHORT": {"closed"},
    "ANSWER_ABORT": {"closed"},
}
_BLAME: Final = {
    "smoke-fanout": _STREAM_FAULTS,
    "smoke-audience": _SEGMENT_FAULTS,
    "smoke-segments": _ANSWER_FAULTS,
    "smoke-tracks": {fault: {"damaged"} for fault in ("DROP", "CORRUPT", "TRUNCATE")},
}
"""By scenario: what is done wrong, and by which counters that must be noticed."""


def smoke(kinds: Sequence[ServerKind], bench: Bench) -> int:
    """No timing is asserted: only that numbers come out, and that all bytes are right."""
    _selftest(bench)
    failures = []
    for scenario in SMOKE:
        for kind in kinds:
            if scenario.needs & kind.serves:
                failures += _try(scenario, kind, bench)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def _try(scenario: AnyScenario, kind: ServerKind, bench: Bench) -> list[str]:
    what = f"{kind.name} in {scenario.name}"
    try:
        measured = scenario.measure(kind, bench)
    except (LoadFailed, Unavailable) as failure:
        return [f"{what}: {failure}"]
    for table in scenario.tables({kind.name: [measured]}):
        print(f"{scenario.name}: {table.plain()}\n")
    wrong = [f"{what}: {found} × {name}" for name, found in measured.faults.items() if found]
    if measured.cost_us is None:
        wrong.append(f"{what}: numbers are missing")
    return wrong


def prove(bench: Bench) -> int:
    """Each fault must be found, and without a fault nothing may be."""
    _selftest(bench)
    wrong = 0
    for scenario in SMOKE:
        wrong += not _is_found(scenario, None, set(), bench)
        for fault, blame in _BLAME.get(scenario.name, {}).items():
            wrong += not _is_found(scenario, fault, blame, bench)
    return 1 if wrong else 0


def _is_found(scenario: AnyScenario, fault: str | None, blame: set[str], bench: Bench) -> bool:
    kind = yardstick(bench.toolchain, fault)
    found: dict[str, int] = {}
    what = "nothing"
    try:
        measured: Any = scenario.measure(kind, bench)
        found = {name: count for name, count in measured.faults.items() if count}
        what = str(found or what)
    except LoadFailed as failure:
        what = f"failed: {failure}"
    right = bool(blame & found.keys()) if fault else what == "nothing"
    print(f"{'right' if right else 'WRONG'}: {scenario.name}, {fault or 'no fault'}: {what}")
    return right


def _selftest(bench: Bench) -> None:
    program = bench.toolchain.program("selftest")
    print(
        subprocess.run(
            [program], capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
    )
