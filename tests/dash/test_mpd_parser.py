"""npm's mpd-parser, the one of video.js, reads every MPD of the matrix as we mean it."""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor
from typing import Any

import pytest

from sorgente.dash.manifest import render
from tests.dash.reader import Mpd, Representation, seconds
from tests.dash.snapshots import MATRIX, NOON
from tests.support.npm import node, run

URI = "http://origin.test/live/live/manifest.mpd"
NOW = NOON + Fraction("9.5")


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    """The matrix as mpd-parser sees it at NOW: one process for all."""
    requests = [
        {"mpd": render(snapshot).decode(), "uri": URI, "now": float(NOW * 1000)}
        for snapshot in MATRIX.values()
    ]
    answers = json.loads(run(node(), "parse_mpd.mjs", text=json.dumps(requests)))
    return dict(zip(MATRIX, answers, strict=True))


def expected(each: Representation, mpd: Mpd) -> list[int]:
    """Numbers: listed ones; of a recording, all; else whole segments, as it knows no offsets."""
    if each.timeline:
        return [segment.number for segment in each.listed()]
    if not mpd.live:
        count = -(-seconds(each.owner.period.attrib["duration"]) // each.longest)
    else:
        count = floor((NOW - each.owner.period_start) / each.longest)
    return list(range(each.start_number, each.start_number + int(count)))


@pytest.mark.parametrize("name", MATRIX)
def test_it_parses(name: str, parsed: dict[str, Any]) -> None:
    answer = parsed[name]
    assert "error" not in answer
    assert answer["warnings"] == []


@pytest.mark.parametrize("name", [name for name in MATRIX if len(MATRIX[name].periods) == 1])
def test_segments_and_addresses(name: str, parsed: dict[str, Any]) -> None:
    mpd = Mpd(render(MATRIX[name]))
    # Of several audio sets in one language it keeps the last, and no text but WebVTT files.
    known = {track["id"]: track for track in parsed[name]["tracks"]}
    wanted = [each for each in mpd.representations if each.id in known]
    assert wanted
    for each in wanted:
        track = known[each.id]
        base = f"http://origin.test/live/live/{each.id}/"
        numbers = expected(each, mpd)
        assert track["init"] == base + "init-1.mp4"
        assert [segment["uri"] for segment in track["segments"]] == [
            f"{base}{number}.m4s" for number in numbers
        ]


def test_a_recording_of_several_periods(parsed: dict[str, Any]) -> None:
    answer = parsed["ended"]
    assert answer["duration"] == 31
    video = next(track for track in answer["tracks"] if track["id"] == "v")
    # It numbers on from the first period, which is what segment numbers do here anyway.
    addresses = [segment["uri"].rpartition("/")[2] for segment in video["segments"]]
    first = 897_674_400
    assert addresses == [f"{number}.m4s" for number in range(first, first + 16)]
    assert video["segments"][-1]["duration"] == 1
