"""Rules for the clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sorgente.tools.check.rule import DASH, HTTP, LL, Breach, Rulebook, Severity
from sorgente.tools.server_clock import ClockSeen

DATE_GAP: Final = 2.0
"""Seconds: ``Date`` has whole ones, and a server may make it once a second."""

CLOCKS: Final = Rulebook[ClockSeen]()


@CLOCKS.rule("clock-readable", Severity.PROBLEM, f"{LL} 9.X.4.2; {DASH} §5.8.4.11",
             "UTCTiming answers with the time")  # fmt: skip
def _(clock: ClockSeen) -> Iterator[Breach]:
    for url, why in clock.failures:
        yield Breach("UTCTiming", f"{url}: {why}")


@CLOCKS.rule("clock-date", Severity.PROBLEM, f"{HTTP} §6.6.1", "UTCTiming and Date tell one time")
def _(clock: ClockSeen) -> Iterator[Breach]:
    if clock.date_gap is not None and abs(clock.date_gap) > DATE_GAP:
        yield Breach("UTCTiming", f"is {clock.date_gap:+.1f} s from the Date of the same answer")
