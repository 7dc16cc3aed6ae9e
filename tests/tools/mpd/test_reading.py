"""MPDs of others, read: times, URLs, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import pytest

from sorgente.tools.mpd.presentation import read_mpd
from sorgente.tools.mpd.segments import Addressing
from sorgente.tools.mpd.tree import MAX_DEPTH, UnreadableManifest, read_tree
from sorgente.tools.mpd.values import INFINITE, date_time, duration, integer, number
from tests.support.other_mpd import GOOD, LISTED, altered

URL = "https://cdn.example/a/b/manifest.mpd?token=1"
START = 1795348800


def how(text: str = GOOD) -> Addressing:
    found = read_mpd(text.encode(), URL).representations[0].addressing
    assert found is not None
    return found


def test_numbered_segments() -> None:
    one, two = islice(how().available_from(Fraction(START) + 9), 2)
    assert (one.number, one.url) == (10, "https://cdn.example/a/b/v1/10.m4s")
    assert (one.starts, one.ends) == (Fraction(START + 9), Fraction(START + 10))
    assert one.available == START + 10 - Fraction("0.8")
    assert (one.time, one.duration) == (9 * 12800, 12800)
    assert two.number == 11


def test_a_segment_is_asked_for_from_its_availability_on() -> None:
    at = Fraction(START) + 9 + Fraction("0.2")
    assert next(how().available_from(at)).number == 10
    assert next(how().available_from(at + Fraction(1, 1000))).number == 11


def test_nothing_is_there_before_the_period() -> None:
    assert next(how().available_from(Fraction(0))).number == 1


def test_a_period_that_ends() -> None:
    ended = how(altered({'start="PT1795348800S"': 'start="PT1795348800S" duration="PT2.5S"'}))
    assert [each.number for each in ended.available_from(Fraction(0))] == [1, 2, 3]


def test_listed_segments() -> None:
    changes = {
        '<S t="0" d="12800" r="9"/>': '<S t="100" d="12800" r="1"/><S d="6400"/>',
        'startNumber="1"': 'startNumber="7" presentationTimeOffset="100"',
    }
    listed = how(altered(changes, LISTED))
    segments = list(listed.available_from(Fraction(0)))
    assert [(each.number, each.time) for each in segments] == [(7, 100), (8, 12900), (9, 25700)]
    assert segments[2].ends == START + Fraction(5, 2)
    assert listed.numbered(8) == segments[1]
    assert listed.numbered(10) is None
    assert listed.longest == 1


def test_a_long_list_is_entered_in_its_midst() -> None:
    listed = how(altered({'r="9"': 'r="9999"'}, LISTED))
    first = next(listed.available_from(Fraction(START) + 5000 + Fraction("0.2")))
    assert (first.number, first.available) == (5001, START + 5000 + Fraction("0.2"))
    assert next(listed.available_from(Fraction(START) + 9999 + Fraction("0.21")), None) is None


def test_times_and_wide_numbers_in_urls() -> None:
    by_time = how(altered({"$Number$.m4s": "$Time$_$Number%05d$_$$.m4s"}, LISTED))
    assert by_time.base == URL
    second = list(by_time.available_from(Fraction(0)))[1]
    assert second.url.endswith("/v1/12800_00002_$.m4s")


def test_run_until_the_next_or_the_end() -> None:
    until = {'<S t="0" d="12800" r="9"/>': '<S t="0" d="12800" r="-1"/><S t="38400" d="12800"/>'}
    assert [time for time, _ in how(altered(until, LISTED)).listed] == [0, 12800, 25600, 38400]
    with pytest.raises(UnreadableManifest, match="until when"):
        how(altered({'r="9"': 'r="-1"'}, LISTED))


def test_the_last_period_ends_with_the_presentation() -> None:
    text = altered({'publishTime="': f'mediaPresentationDuration="PT{START + 7}S" publishTime="'})
    assert how(text).end == START + 7
    assert how(altered({'id="P0"': 'id="P0" duration="PT5S"'}, text)).end == START + 5


def test_base_urls() -> None:
    based = altered({
        "  <Period": "  <BaseURL>https://other.example/x/</BaseURL>\n  <Period",
        '<Representation id="v1"': '<Representation id="v0" bandwidth="1"><BaseURL>y/</BaseURL>'
        '</Representation><Representation id="v1"',
    })  # fmt: skip
    first, second, _ = read_mpd(based.encode(), URL).representations
    assert first.addressing is not None
    assert second.addressing is not None
    assert first.addressing.init == "https://other.example/x/y/v0/init.mp4"
    assert second.addressing.init == "https://other.example/x/v1/init.mp4"


def test_offsets_add_up() -> None:
    text = altered({'height="90"/>': 'height="90"><SegmentTemplate availabilityTimeOffset="0.1"/>'
                    "</Representation>"})  # fmt: skip
    assert (how(text).early, how(text).early_levels) == (Fraction("0.9"), 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not XML"),
        (b"<html/>", "not MPD"),
        (b"<MPD/>", "not MPD|no Period"),
        (b'<!DOCTYPE MPD [<!ENTITY a "b">]><MPD>&a;</MPD>', "document type"),
        (b"<MPD>" * (MAX_DEPTH + 1), "too many"),
        (altered({"PT1S": "soon"}).encode(), "duration"),
        (altered({'timescale="12800"': 'timescale="0"'}).encode(), "timescale"),
        (altered({'duration="12800"': 'duration="-1"'}).encode(), "duration"),
        (altered({"$Number$": "$Number%099d$"}).encode(), "wider"),
        (altered({'r="9"': 'r="99999999"'}, LISTED).encode(), "listed"),
    ],
)
def test_refused(text: bytes, why: str) -> None:
    with pytest.raises(UnreadableManifest, match=why):
        list(islice(read_mpd(text, URL).representations[0].addressing.available_from(  # type: ignore[union-attr]
            Fraction(0)), 1))  # fmt: skip


def test_other_namespaces_keep_their_names() -> None:
    tree = read_tree(
        b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:s="urn:s"><s:Signal/></MPD>'
    )
    assert [child.tag for child in tree] == ["{urn:s}Signal"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT1.5S", Fraction(3, 2)), ("P1DT2H3M4S", 93784), ("PT0S", 0)]
)
def test_durations(text: str, seconds: Fraction) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1S", "PT-1S", "P1Y", "PT1e9S"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UnreadableManifest):
        duration(text)


def test_moments_are_exact() -> None:
    assert date_time("2026-11-22T12:00:00.001Z") == START + Fraction(1, 1000)
    assert date_time("2026-11-22T13:00:00+01:00") == START
    assert date_time("2026-11-22T12:00:00") == START
    with pytest.raises(UnreadableManifest):
        date_time("yesterday")


def test_numbers() -> None:
    assert number("INF") == INFINITE
    assert number("1.25e1") == Fraction(25, 2)
    for text in ("NaN", "1/2", "1e99", ""):
        with pytest.raises(UnreadableManifest):
            number(text)
    with pytest.raises(UnreadableManifest):
        integer("1" * 30)
