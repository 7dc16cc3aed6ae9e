"""A verdict in words, on a terminal and in a log, and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from sorgente.tools.check.report import as_json, print_verdict
from sorgente.tools.check.rule import Finding, Rule, Severity, merged
from sorgente.tools.check.verdict import TrackFigures, Verdict, unreadable
from sorgente.tools.percentiles import Spread

BAD = Rule("bad", Severity.PROBLEM, "RFC 1 §2", "must be good")
POOR = Rule("poor", Severity.WARNING, "advice", "should be rich")
TRACK = TrackFigures("v[1]", "P0", "video", 3, 30, 1e6, Spread.of([0.2]), Spread.of([0.01]), None)


def verdict(*findings: Finding) -> Verdict:
    return Verdict("http://x/", merged(findings), [TRACK], "http-iso", 7.0, 0.004, 2)


def printed(what: Verdict, *, terminal: bool = False) -> str:
    out = io.StringIO()
    print_verdict(what, Console(file=out, width=100, force_terminal=terminal, highlight=False))
    return out.getvalue()


def test_the_same_at_one_place_is_said_once_and_the_worst_first() -> None:
    met = [(POOR, "a", "x"), (BAD, "a", "first"), (BAD, "a", "second"), (BAD, "b", "other")]
    found = merged(Finding(*each) for each in met)
    told = [(each.rule.name, each.where, each.words, each.count) for each in found]
    assert told == [("bad", "a", "first", 2), ("bad", "b", "other", 1), ("poor", "a", "x", 1)]


def test_in_words() -> None:
    text = printed(verdict(Finding(BAD, "v[1]", "it is [not] good"), Finding(BAD, "v[1]", "again")))
    assert "✗ problem  bad  v[1] (×2)" in text
    assert "it is [not] good" in text
    assert "must be good: RFC 1 §2" in text
    assert "1 problem, 0 warnings" in text
    assert "200 / 200" in text
    assert "7.0 s ahead of this machine" in text
    assert "\x1b" not in text, "plain where it is no terminal"


def test_in_colours_on_a_terminal() -> None:
    assert "\x1b[" in printed(verdict(Finding(POOR, "a", "x")), terminal=True)


def test_tracks_of_several_periods_are_told_apart() -> None:
    assert "P0" not in printed(verdict())
    both = replace(verdict(), tracks=[TRACK, replace(TRACK, period="P1")], over=True)
    assert "P0" in printed(both)
    assert "P1" in printed(both)
    assert "The event ended" in printed(both)


def test_nothing_is_wrong() -> None:
    assert "nothing is wrong" in printed(verdict())


@pytest.mark.parametrize(
    ("findings", "ok"),
    [((), True), ((Finding(POOR, "a", "x"),), True), ((Finding(BAD, "a", "x"),), False)],
)
def test_as_json(findings: tuple[Finding, ...], ok: bool) -> None:
    told = json.loads(json.dumps(as_json(verdict(*findings))))
    assert told["ok"] is ok
    assert told["problems"] + told["warnings"] == len(findings)
    assert told["tracks"][0]["chunk_gap"]["p95"] == 0.2


def test_what_is_no_manifest_is_a_problem() -> None:
    bad = unreadable("http://x/", "it is not XML")
    assert bad.problems == 1
    assert "it is not XML" in printed(bad)
