"""Which of the segments that were asked for the newest MPD still has, and so were owed."""

from __future__ import annotations

from dataclasses import replace

from sorgente.tools.check.media import SegmentSeen
from sorgente.tools.check.seen import Seen
from sorgente.tools.check.verdict import judge
from sorgente.tools.mpd.presentation import read_mpd
from sorgente.tools.server_clock import ClockSeen
from tests.support.other_mpd import GOOD, PERIOD, altered
from tests.tools.check.test_media import answer, segment, track

NEXT = (
    PERIOD.replace('"P0"', '"P1"')
    .replace("PT1795348800S", "PT1795348803.4S")
    .replace("$.m4s", "$b.m4s")
)
ENDED = altered({"</Period>\n": "</Period>\n" + NEXT})
"""In the midst of segment 4."""
CUT = segment(4, arrivals=(0.2, 0.4))
MISSING = replace(segment(5, arrivals=()), answer=answer(404), read=False)
RECORDING = altered({
    'type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z"':
        'type="static" mediaPresentationDuration="PT3S"',
    '"PT1795348800S"': '"PT0S"',
})  # fmt: skip


def seen(segments: list[SegmentSeen], *mpds: str) -> Seen:
    read = [read_mpd(text.encode(), "http://cdn.example/manifest.mpd") for text in mpds]
    return Seen("", ClockSeen(0.0, 0.01, "http-iso"), read, tracks={("P0", "v1"): track(*segments)})


def broken(whole: Seen) -> set[str]:
    rules = {each.rule.name for each in judge(whole).findings}
    return rules - {"cors", "media-type", "error-caching"}  # answers on paper have no headers


def test_a_period_that_ends_takes_back_what_was_to_come() -> None:
    promised = [segment(3), CUT, MISSING]
    assert broken(seen(promised, GOOD)) >= {"edge-grows", "edge-available"}
    ended = seen(promised, GOOD, ENDED)
    assert broken(ended) == set()
    assert [each.segment.number for each in ended.kept()["P0", "v1"].segments] == [3, 4]


def test_what_never_came_before_the_end_was_owed() -> None:
    missing = replace(MISSING, segment=segment(3).segment)
    assert broken(seen([missing, CUT], GOOD, ENDED)) == {"edge-available"}


def test_a_period_that_has_left_the_time_shift_has_ended_where_it_was_last_said_to() -> None:
    alone = altered({PERIOD: NEXT})
    assert broken(seen([segment(3), CUT, MISSING], GOOD, ENDED, alone)) == set()


def test_times_of_a_recording_are_not_on_the_wall_clock() -> None:
    ended = seen([segment(3), segment(4)], GOOD, RECORDING)
    assert ended.end_of("P0") is None
    assert len(ended.kept()["P0", "v1"].segments) == 2
