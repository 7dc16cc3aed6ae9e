"""Counting, and what is made of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from sorgente.tools.bench.plot import svg
from sorgente.tools.bench.report import as_json, print_result
from sorgente.tools.bench.tally import Load, Result, Series, Tally, course
from sorgente.tools.percentiles import Spread

QUIET = Load(0.2, Spread.of([0.001] * 100))


def tally() -> Tally:
    """Four seconds from 10 on; in the third one it goes badly."""
    made = Tally()
    for tenth in range(40):
        at = 10 + tenth / 10
        slow = 12 <= at < 13
        made.latency.add(at, 0.9 if slow else 0.2)
        made.chunks.add(at, 0.1)
        made.receive(at, 1000)
    made.stalls.add(12.5, 1)
    made.fail(12.6, "404")
    made.fail(12.7, "404")
    made.joined += [10.1, 11.5]
    return made


def result(load: Load = QUIET) -> Result:
    counted = tally()
    return Result(
        "http://x/[live].mpd", 2, 2, 3.0, Spread.of(counted.latency.between(11, 14)), None,
        None, None, 1e6, 30, 1, 1, 0.4, {"404": 2}, "http-iso", 0.002, load,
        course(counted, 10, 14), 1.0,
    )  # fmt: skip


def printed(what: Result) -> str:
    out = io.StringIO()
    print_result(what, Console(file=out, width=100))
    return out.getvalue()


def test_spread_is_of_values_that_were_there() -> None:
    spread = Spread.of(range(1, 101))
    assert spread == Spread(100, 50, 95, 99, 100)
    assert Spread.of([7]) == Spread(1, 7, 7, 7, 7)
    assert Spread.of([]) is None


def test_series() -> None:
    series = Series()
    for at in (1.0, 1.5, 2.0, 3.2):
        series.add(at, at * 10)
    assert list(series.between(1.5, 3.2)) == [15.0, 20.0]
    assert series.by_second(1.0, 3.0) == [[10.0, 15.0], [20.0], []]
    assert list(series.latest(2)) == [20.0, 32.0]


def test_the_course_second_by_second() -> None:
    seconds = course(tally(), 10, 14)
    assert [each.players for each in seconds] == [1, 2, 2, 2]
    assert [each.stalls for each in seconds] == [0, 0, 1, 0]
    assert [each.failures for each in seconds] == [0, 0, 2, 0]
    assert [each.latency and each.latency.p50 for each in seconds] == [0.2, 0.2, 0.9, 0.2]
    assert [each.bits for each in seconds] == [80_000] * 4


def test_the_report() -> None:
    text = printed(result())
    assert "http://x/[live].mpd" in text
    assert "1 stalls of 1 players, 0.4 s" in text
    assert "2 × 404" in text
    assert "bottleneck" not in text


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (Load(0.97, QUIET.lag), "used 97% of the one core"),
        (Load(0.7, Spread.of([0.05] * 100)), "50 ms late (99th percentile)."),
        (Load(0.3, Spread.of([0.05] * 100)), "30% of a core: other programs had the machine."),
    ],
)
def test_it_says_when_it_was_itself_too_slow(load: Load, why: str) -> None:
    text = printed(result(load))
    assert "The load generator was the bottleneck" in text
    assert why in text.replace("\n", " ")
    assert as_json(result(load))["load"]["bottleneck"]


def test_json() -> None:
    told = json.loads(json.dumps(as_json(result())))
    assert told["latency"]["p99"] == 0.9
    assert told["failures"] == {"404": 2}
    assert told["load"]["bottleneck"] == ""
    assert len(told["course"]) == 4


def test_the_plot_is_a_picture_of_the_course() -> None:
    root = ElementTree.fromstring(svg(result()))
    space = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f"{space}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [4, 4, 4]
    heights = [float(point.split(",")[1]) for point in lines[0].attrib["points"].split()]
    assert heights.index(min(heights)) == 2, "the bad second is the highest"
    dots = root.findall(f"{space}circle")
    assert [dot.findtext(f"{space}title") for dot in dots] == ["1", "2"]


def test_the_plot_says_when_it_is_not_to_be_believed() -> None:
    assert "bottleneck" not in svg(result())
    late = replace(result(), load=Load(0.97, None))
    assert "the load generator was the bottleneck: it used 97% of the one core" in svg(late)


def test_a_plot_of_nothing() -> None:
    ElementTree.fromstring(svg(replace(result(), course=[])))


def test_without_a_player_nothing_went_well() -> None:
    starved = Load(0.1, Spread.of([0.05] * 100))
    text = printed(replace(result(starved), joined=0, stalls=0))
    assert "Not one player got media" in text
    assert "no stalls" not in text
    assert "bottleneck" not in text, "there was nothing to be late for"
