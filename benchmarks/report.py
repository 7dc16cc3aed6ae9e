"""Columns, tables and ratios: on the terminal, and in results.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

M = TypeVar("M")
NOTHING: Final = "–"


def median_of(measurements: Iterable[M], number: Callable[[M], float | None]) -> float | None:
    """Median over the rounds in which there was such a number."""
    values = [value for m in measurements if (value := number(m)) is not None]
    return statistics.median(values) if values else None


def ratio(value: float | None, reference: float | None) -> str:
    """`value` in terms of the reference."""
    return f"{value / reference:.2f} ×" if value and reference else NOTHING


@dataclass(frozen=True, slots=True)
class Column(Generic[M]):
    """One number of a table."""

    title: str
    number: Callable[[M], float | None]
    digits: int = 1
    with_range: bool = False

    def cell(self, measurements: Sequence[M]) -> str:
        """Median, and min–max where the column has it."""
        values = [value for m in measurements if (value := self.number(m)) is not None]
        if not values:
            return NOTHING
        text = f"{statistics.median(values):.{self.digits}f}"
        if self.with_range and len(values) > 1:
            text += f" ({min(values):.{self.digits}f}–{max(values):.{self.digits}f})"
        return text


@dataclass(frozen=True, slots=True)
class Ratio(Generic[M]):
    """A number of each server in terms of that of one of them."""

    title: str
    number: Callable[[M], float | None]
    reference: str
    """A server."""

    def cells(self, results: Mapping[str, Sequence[M]]) -> list[str]:
        """One for each server."""
        medians = {name: median_of(rounds, self.number) for name, rounds in results.items()}
        return [ratio(medians[name], medians.get(self.reference)) for name in results]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a title."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(
        cls,
        title: str,
        columns: Sequence[Column[M] | Ratio[M]],
        results: Mapping[str, Sequence[M]],
    ) -> Table:
        """A row for each server."""
        told = [
            column.cells(results)
            if isinstance(column, Ratio)
            else [column.cell(rounds) for rounds in results.values()]
            for column in columns
        ]
        header = ["server", *(column.title for column in columns)]
        return cls(
            title, header, [[name, *cells] for name, *cells in zip(results, *told, strict=True)]
        )

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
