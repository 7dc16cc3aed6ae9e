"""A verdict for people, and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sorgente.tools.check.rule import Finding, Severity
from sorgente.tools.check.verdict import TrackFigures, Verdict
from sorgente.tools.percentiles import Spread

_MARK: Final = {
    Severity.PROBLEM: "[bold red]✗ problem[/]",
    Severity.WARNING: "[yellow]! warning[/]",
}
CLOCK_GAP: Final = 0.5
"""Seconds: a player that goes by the clock of this machine would notice."""


def print_verdict(verdict: Verdict, console: Console) -> None:
    """For people."""
    console.print(f"[bold]{escape(verdict.url)}[/]\n", soft_wrap=True)
    for finding in verdict.findings:
        _print_finding(finding, console)
    if verdict.tracks:
        console.print(_table(verdict.tracks))
        console.print(_about_the_clock(verdict), style="dim", soft_wrap=True)
    if verdict.not_followed:
        console.print(f"{verdict.not_followed} representations were not followed", style="dim")
    if verdict.over:
        console.print("The event ended while it was watched.", style="dim")
    console.print(_summary(verdict))


def as_json(verdict: Verdict) -> dict[str, Any]:
    """For programs. Times in seconds."""
    return {
        "url": verdict.url,
        "ok": verdict.problems == 0,
        "problems": verdict.problems,
        "warnings": verdict.warnings,
        "findings": [
            {
                "rule": each.rule.name,
                "severity": each.rule.severity.value,
                "says": each.rule.says,
                "clause": each.rule.clause,
                "where": each.where,
                "words": each.words,
                "count": each.count,
            }
            for each in verdict.findings
        ],
        "tracks": [asdict(each) for each in verdict.tracks],
        "clock": {
            "source": verdict.clock_source,
            "ahead_of_this_machine": verdict.clock_gap,
            "unsure": verdict.clock_trip / 2,
        },
        "manifests": verdict.manifests,
        "representations_not_followed": verdict.not_followed,
        "ended": verdict.over,
    }


def _print_finding(finding: Finding, console: Console) -> None:
    times = f" [dim](×{finding.count})[/]" if finding.count > 1 else ""
    head = f"{_MARK[finding.rule.severity]}  [bold]{finding.rule.name}[/]"
    console.print(f"{head}  {escape(finding.where)}{times}", soft_wrap=True)
    console.print(f"    {escape(finding.words)}", soft_wrap=True)
    rule = f"{finding.rule.says}: {finding.rule.clause}"
    console.print(f"    {escape(rule)}\n", style="dim", soft_wrap=True)


def _table(tracks: list[TrackFigures]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    several = len({each.period for each in tracks}) > 1
    names = ["track", *(["period"] if several else []), "kind"]
    for name in names:
        table.add_column(name)
    for name in ("segments", "chunks", "kbit/s", "between chunks", "first chunk", "latency"):
        table.add_column(name, justify="right")
    for each in tracks:
        period = [escape(each.period)] if several else []
        rate = "–" if each.bits_per_second is None else f"{each.bits_per_second / 1000:.0f}"
        table.add_row(
            escape(each.name), *period, each.kind, str(each.segments), str(each.chunks), rate,
            _spread(each.chunk_gap), _spread(each.first_chunk), _spread(each.latency),
        )  # fmt: skip
    table.caption = "median / 95th percentile, ms"
    table.caption_justify = "right"
    return table


def _spread(spread: Spread | None) -> str:
    return "–" if spread is None else f"{spread.p50 * 1000:.0f} / {spread.p95 * 1000:.0f}"


def _about_the_clock(verdict: Verdict) -> str:
    unsure = f"±{verdict.clock_trip * 500:.0f} ms"
    line = f"Times by {verdict.clock_source} ({unsure})"
    if abs(verdict.clock_gap) > CLOCK_GAP:
        side = "ahead of" if verdict.clock_gap > 0 else "behind"
        line += f"; that is {abs(verdict.clock_gap):.1f} s {side} this machine"
    return line + "."


def _summary(verdict: Verdict) -> str:
    if not verdict.findings:
        return "[bold green]✓ nothing is wrong[/]"
    problems, warnings = verdict.problems, verdict.warnings
    colour = "bold red" if problems else "yellow"
    return f"[{colour}]{_count(problems, 'problem')}, {_count(warnings, 'warning')}[/]"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
