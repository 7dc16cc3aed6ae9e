"""The course of a bench as an SVG: latency, second by second, with stalls and failures below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Final
from xml.sax.saxutils import escape

from sorgente.tools.bench.tally import Result, Second
from sorgente.tools.percentiles import Spread

WIDTH: Final = 900
HEIGHT: Final = 400
LEFT: Final = 60
RIGHT: Final = 20
TOP: Final = 40
BOTTOM: Final = 110
LINES: Final = 4
"""Of the grid."""

_PICK: Final[Sequence[tuple[str, str, Callable[[Spread], float]]]] = (
    ("99th percentile", "#d1495b", lambda spread: spread.p99),
    ("95th percentile", "#edae49", lambda spread: spread.p95),
    ("median", "#0a8fa5", lambda spread: spread.p50),
)
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#444}"
    "@media(prefers-color-scheme:dark){text{fill:#ccc}.page{fill:#111}}"
)


def svg(result: Result) -> str:
    """A whole file."""
    top = _ceiling([each.latency.p99 for each in result.course if each.latency])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 22, f"{result.players} players: latency of chunks, ms"),
        *_grid(top, len(result.course)),
        *_ramp(result),
    ]
    for index, (name, colour, pick) in enumerate(_PICK):
        parts.append(_line(result.course, top, colour, pick))
        parts.append(_text(WIDTH - 360 + 120 * index, 22, name, f"fill:{colour}"))
    parts += _marks(result.course)
    parts.append(_text(LEFT, HEIGHT - 14, _worth(result)))
    parts.append("</svg>\n")
    return "\n".join(parts)


def _worth(result: Result) -> str:
    """Of what it is, and whether it can be believed."""
    doubt = result.load.bottleneck
    return f"the load generator was the bottleneck: {doubt}" if doubt else result.url


def _ceiling(values: Sequence[float]) -> float:
    """Seconds: a round number above them."""
    most = max(values, default=0.1)
    for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        if most <= step * LINES:
            return step * LINES
    return float(ceil(most / (10 * LINES)) * 10 * LINES)


def _x(second: float, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / max(1, count)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, max(0.0, value / top))


def _grid(top: float, count: int) -> list[str]:
    parts = []
    for index in range(LINES + 1):
        value = top * index / LINES
        y = _y(value, top)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#8884" stroke-width="1"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{value * 1000:.0f}", "text-anchor:end"))
    step = max(1, ceil(count / 10))
    for second in range(0, count + 1, step):
        x = _x(second, count)
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{second} s", "text-anchor:middle"))
    return parts


def _ramp(result: Result) -> list[str]:
    """The time in which players come is not measured."""
    count = len(result.course)
    if not result.ramp_seconds or not count:
        return []
    width = _x(min(result.ramp_seconds, count), count) - LEFT
    height = HEIGHT - TOP - BOTTOM
    return [
        f'<rect x="{LEFT}" y="{TOP}" width="{width:.1f}" height="{height}" fill="#8882"/>',
        _text(LEFT + 6, TOP + 14, "players come"),
    ]


def _line(
    course: Sequence[Second], top: float, colour: str, pick: Callable[[Spread], float]
) -> str:
    points = [
        f"{_x(second + 0.5, len(course)):.1f},{_y(pick(each.latency), top):.1f}"
        for second, each in enumerate(course)
        if each.latency
    ]
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _marks(course: Sequence[Second]) -> list[str]:
    """Rows of dots, larger where there is more."""
    parts = []
    rows: list[tuple[str, str, Callable[[Second], int]]] = [
        ("stalls", "#d1495b", lambda each: each.stalls),
        ("failures", "#9a7cc7", lambda each: each.failures),
    ]
    for row, (name, colour, pick) in enumerate(rows):
        y = HEIGHT - BOTTOM + 42 + 22 * row
        parts.append(_text(LEFT - 8, y + 4, name, "text-anchor:end"))
        if not any(map(pick, course)):
            parts.append(_text(LEFT, y + 4, "none"))
        for second, each in enumerate(course):
            if count := pick(each):
                x, radius = _x(second + 0.5, len(course)), min(9.0, 2 + count**0.5)
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y}" r="{radius:.1f}" fill="{colour}">'
                    f"<title>{count}</title></circle>"
                )
    return parts


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(text)}</text>'
