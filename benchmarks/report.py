"""Medians, ratios and tables: on the terminal, and in results.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.measurement import Measurement
from benchmarks.scenarios import Scenario

Number = Callable[[Measurement], float | None]
NOTHING: Final = "–"
FEWEST_FOR_MEMORY: Final = 1000  # with fewer, pages and the window outweigh the players


def median_of(measurements: Iterable[Measurement], number: Number) -> float | None:
    """Median over the rounds in which there was such a number."""
    values = [value for m in measurements if (value := number(m)) is not None]
    return statistics.median(values) if values else None


def us_per_delivery(measurement: Measurement) -> float | None:
    """The number all ratios are made of."""
    return measurement.us_per_delivery


@dataclass(frozen=True, slots=True)
class Column:
    """One number of the table."""

    title: str
    number: Number
    digits: int = 1
    with_range: bool = False

    def cell(self, measurements: Sequence[Measurement]) -> str:
        """Median, and min–max where the column has it."""
        values = [value for m in measurements if (value := self.number(m)) is not None]
        if not values:
            return NOTHING
        text = f"{statistics.median(values):.{self.digits}f}"
        if self.with_range and len(values) > 1:
            text += f" ({min(values):.{self.digits}f}–{max(values):.{self.digits}f})"
        return text


def _latency(group: str, share: str) -> Number:
    def number(measurement: Measurement) -> float | None:
        value = measurement.load.latencies.get(group, {}).get(share)
        return None if value is None else value / 1000

    return number


def _late_join(kind: str, share: str) -> Number:
    def number(measurement: Measurement) -> float | None:
        joins = measurement.load.late_joins
        value: float | None = joins[kind].get(share) if joins else None
        return None if value is None else value / 1000

    return number


def _late_join_count(kind: str) -> Number:
    return lambda m: m.load.late_joins[kind]["count"] if m.load.late_joins else None


def _session(name: str) -> Number:
    return lambda m: float(m.load.session[name])


def _received_percent(measurement: Measurement) -> float | None:
    window = measurement.load.window
    return 100 * window["received"] / window["expected"] if window["expected"] else None


def _kib_per_player(measurement: Measurement) -> float | None:
    few = measurement.scenario.players < FEWEST_FOR_MEMORY
    return None if few or measurement.scenario.late else measurement.kib_per_player


_COST: Final = (
    Column("CPU µs/delivery", us_per_delivery, 2, with_range=True),
    Column("core %", lambda m: 100 * m.cpu_share),
    Column("KiB/player", _kib_per_player, with_range=True),
)
_LATENCY: Final = tuple(
    Column(f"{share} ms", _latency("steady", share), 2, with_range=share == "p99")
    for share in ("p50", "p90", "p99", "p99.9", "max")
)
_RIGHTNESS: Final = (
    Column("joined", lambda m: float(m.load.joined), 0),
    Column("received %", _received_percent, 3),
    Column("lost", _session("lost"), 0),
    Column("skipped", _session("skipped"), 0),
    Column("corrupt", _session("corrupt"), 0),
    Column("dup./reord.", lambda m: float(_disorder(m)), 0),
    Column("closed", _session("closed_early"), 0),
    Column("generator %", lambda m: 100 * sum(m.load.generator_shares), 0),
    Column("others %", lambda m: 100 * (m.others_share + m.steal_share), 0),
)


def _disorder(measurement: Measurement) -> int:
    return measurement.load.session["duplicated"] + measurement.load.session["reordered"]


def _event_columns(scenario: Scenario) -> tuple[Column, ...]:
    if scenario.stall:
        phases = tuple(
            Column(f"{phase} {share} ms", _latency(phase, share), 2)
            for phase in ("before", "during", "after")
            for share in ("p50", "p99")
        )
        return (*phases, Column("stalled p50 ms", _latency("stalled", "p50"), 0))
    if scenario.late:
        joins = tuple(
            Column(f"{word} {share} ms", _late_join(kind, share))
            for kind, word in (("first_chunk", "1st chunk"), ("first_playable", "playable"))
            for share in ("p50", "p99", "max")
        )
        return (
            *joins,
            Column("joined late", _late_join_count("first_chunk"), 0),
            Column("playable", _late_join_count("first_playable"), 0),
            Column("others' p99 during ms", _latency("during", "p99"), 2),
        )
    return ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a title."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def plain(self) -> str:
        """For a terminal."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        lines = [self.title]
        for row in (self.header, *self.rows):
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells))
        return "\n".join(lines)

    def markdown(self) -> str:
        """For results.md."""
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        lines = ["| " + " | ".join(row) + " |" for row in (self.header, rule, *self.rows)]
        return "\n".join([f"**{self.title}**", "", *lines])


def ratio(value: float | None, reference: float | None) -> str:
    """`value` in terms of the reference."""
    return f"{value / reference:.2f} ×" if value and reference else NOTHING


def tables(scenario: Scenario, results: dict[str, list[Measurement]]) -> list[Table]:
    """What one scenario came to: cost and latency, the event if there is one, rightness."""
    medians = {name: median_of(rounds, us_per_delivery) for name, rounds in results.items()}
    cost_rows = [
        [
            name,
            *(column.cell(rounds) for column in _COST),
            ratio(medians[name], medians.get("yardstick")),
            ratio(medians[name], medians.get("seed")),
            *(column.cell(rounds) for column in _LATENCY),
        ]
        for name, rounds in results.items()
    ]
    cost_header = [
        "server",
        *(column.title for column in _COST),
        "to floor",
        "to seed",
        *(column.title for column in _LATENCY),
    ]
    made = [Table("cost, and latency in to out", cost_header, cost_rows)]
    for title, columns in (("event", _event_columns(scenario)), ("deliveries", _RIGHTNESS)):
        if columns:
            header = ["server", *(column.title for column in columns)]
            rows = [[name, *(c.cell(rounds) for c in columns)] for name, rounds in results.items()]
            made.append(Table(title, header, rows))
    return made


def warnings(results: dict[str, list[Measurement]]) -> list[str]:
    """What a reader must know before believing the numbers."""
    said = []
    for name, rounds in results.items():
        if any(m.load.generator_saturated for m in rounds):
            said.append(f"{name}: the generator was saturated; its latencies include its own queue")
        if any(m.server_saturated for m in rounds):
            said.append(
                f"{name}: the server was saturated; only its CPU per delivery says anything"
            )
        if not all(m.complete for m in rounds):
            said.append(f"{name}: not all players got in")
        if overruns := sum(m.load.overruns for m in rounds):
            said.append(f"{name}: {overruns} chunks were not sent because the server did not read")
        if altered := sum(m.load.session["altered_moofs"] for m in rounds):
            said.append(f"{name}: {altered} chunks had a moof that was not the encoder's")
        if refused := sum(m.load.session["refused"] for m in rounds):
            said.append(f"{name}: {refused} requests were refused (and tried again)")
    return said
