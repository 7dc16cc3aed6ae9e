"""A result for people, and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sorgente.tools.bench.tally import Result
from sorgente.tools.percentiles import Spread


def print_result(result: Result, console: Console) -> None:
    """For people."""
    console.print(f"[bold]{escape(result.url)}[/]", soft_wrap=True)
    console.print(
        f"{result.joined} of {result.players} players, {result.seconds:g} s,"
        f" {result.bits_per_second / 1e6:.1f} Mbit/s, {result.chunks} chunks\n"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("ms")
    for name in ("median", "95 %", "99 %", "most"):
        table.add_column(name, justify="right")
    for name, spread in (
        ("latency of chunks", result.latency),
        ("first byte of segments", result.first_byte),
        ("between chunks", result.cadence),
        ("manifest", result.manifest),
    ):
        table.add_row(name, *_cells(spread))
    console.print(table)
    if result.latency is None and result.joined:
        console.print("No latency: neither prft in the chunks nor a ProducerReferenceTime.")
    elif result.latency is not None:
        unsure = result.clock_trip * 500
        console.print(f"Latency by {result.clock} (±{unsure:.0f} ms).", style="dim")
    if result.joined:
        console.print(f"\n{_stalls(result)}\n{_failures(result)}")
        _print_load(result, console)
    else:  # then there is nothing that went well, and nothing that this program held up
        console.print("\n[red]Not one player got media[/]: does anybody publish there?")
        if result.failures:
            console.print(_failures(result))


def as_json(result: Result) -> dict[str, Any]:
    """For programs. Times in seconds."""
    told = asdict(result)
    told["load"]["bottleneck"] = result.load.bottleneck
    return told


def _cells(spread: Spread | None) -> list[str]:
    if spread is None:
        return ["–"] * 4
    return [f"{each * 1000:.1f}" for each in (spread.p50, spread.p95, spread.p99, spread.max)]


def _stalls(result: Result) -> str:
    if not result.stalls:
        return "[green]no stalls[/]"
    return (
        f"[red]{result.stalls} stalls[/] of {result.stalled_players} players,"
        f" {result.stalled_seconds:.1f} s in all"
    )


def _failures(result: Result) -> str:
    if not result.failures:
        return "[green]no failed requests[/]"
    each = ", ".join(f"{count} × {escape(what)}" for what, count in result.failures.items())
    return f"[red]failed requests:[/] {each}"


def _print_load(result: Result, console: Console) -> None:
    """What the numbers are worth."""
    load = result.load
    lag = "–" if load.lag is None else f"{load.lag.p99 * 1000:.1f}"
    console.print(
        f"This program: {load.cpu_share:.0%} of a core, {lag} ms late (99 %).", style="dim"
    )
    if load.bottleneck:
        console.print(
            f"[bold yellow]The load generator was the bottleneck[/]: {load.bottleneck}."
            " Fewer players, or several machines, tell more of the origin.",
            soft_wrap=True,
        )
