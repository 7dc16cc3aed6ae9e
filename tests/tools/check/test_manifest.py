"""Bad MPDs, and the rules that each of them breaks."""

from __future__ import annotations

import re

import pytest

from sorgente.tools.check.manifest import MANIFEST
from sorgente.tools.check.rule import Severity
from sorgente.tools.mpd.presentation import read_mpd
from tests.support.corpus import corpus_file
from tests.support.other_mpd import GOOD, LISTED, PERIOD, altered

URL = "http://cdn.example/live/manifest.mpd"
SET = '<AdaptationSet id="1"'
ISO = '  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/time"/>\n</MPD>'
ATO = 'availabilityTimeOffset="0.8"'
BEGINS = 'start="PT1795348800S"'
NEXT_PERIOD = (
    PERIOD.replace('"P0"', '"P1"').replace(BEGINS, 'start="PT1795348900S"')
    .replace("$RepresentationID$/", "b/$RepresentationID$/")
)  # fmt: skip


def broken(text: str) -> set[str]:
    return {each.rule.name for each in MANIFEST.judge(read_mpd(text.encode(), URL))}


@pytest.mark.parametrize(
    "text", [GOOD, LISTED, altered({"</Period>\n": "</Period>\n" + NEXT_PERIOD})]
)
def test_good(text: str) -> None:
    assert broken(text) == set()


def test_the_example_of_the_corpus() -> None:
    """Valid by the schema of MPEG, and by hand for low latency."""
    assert broken(corpus_file("examples/low-latency.mpd").decode()) == set()


BAD = {
    "no start": ({' availabilityStartTime="1970-01-01T00:00:00Z"': ""}, {"mpd-attributes"}),
    "no publishTime": ({'publishTime="2026-11-22T12:00:00Z"': ""}, {"mpd-attributes"}),
    "never again": ({'minimumUpdatePeriod="PT1S"': ""}, {"update-soon"}),
    "seldom": ({'minimumUpdatePeriod="PT1S"': 'minimumUpdatePeriod="PT500S"'}, {"update-soon"}),
    "delay over the time shift": ({"PT2S": "PT40S"}, {"presentation-delay"}),
    "no clock": ({ISO: "</MPD>"}, {"utc-timing"}),
    "a clock of ntp": (
        {ISO: ISO.replace("http-iso", "ntp")}, {"utc-timing", "utc-timing-played"},
    ),
    "http-ntp": ({ISO: ISO.replace("http-iso", "http-ntp")}, {"utc-timing-played"}),
    "no target": ({' target="1500"': ""}, {"service-description"}),
    "latency upside down": ({'min="500"': 'min="1600"'}, {"latency-order"}),
    "latency of nothing": ({'referenceId="1"': 'referenceId="8"'}, {"latency-reference"}),
    "no period id": ({'Period id="P0" ': "Period "}, {"period-ids"}),
    "two periods at once": (
        {"</Period>\n": f"</Period>\n{NEXT_PERIOD}",
         'start="PT1795348900S"': 'start="PT1795348700S"'}, {"period-order"},
    ),
    "overlap": (
        {BEGINS: f'{BEGINS} duration="PT101S"', "</Period>\n": f"</Period>\n{NEXT_PERIOD}"},
        {"period-order"},
    ),
    "two periods of one name": (
        {"</Period>\n": f"</Period>\n{NEXT_PERIOD}", '"P1"': '"P0"'}, {"period-ids"},
    ),
    "URLs again in the next period": (
        {"</Period>\n": f"</Period>\n{NEXT_PERIOD}", "b/$Rep": "$Rep"}, {"urls-unique"},
    ),
    "an end, and nothing behind it": ({BEGINS: f'{BEGINS} duration="PT9S"'}, {"period-end"}),
    "ids twice": ({'id="v2"': 'id="v1"'}, {"ids", "urls-unique"}),
    "one URL for both": ({"$RepresentationID$/$Number$": "v/$Number$"}, {"urls-unique"}),
    "one URL for all": (
        {"$RepresentationID$/$Number$.m4s": "$RepresentationID$.m4s"}, {"addressing"},
    ),
    "no init": ({'initialization="$RepresentationID$/init.mp4"': ""}, {"addressing"}),
    "no template": ({"SegmentTemplate": "SegmentBase"}, {"addressing"}),
    "no codecs": ({'codecs="avc1.64001f" bandwidth="1': 'bandwidth="1'},
                  {"representation-attributes"}),
    "no bandwidth": ({' bandwidth="1000000"': ""}, {"representation-attributes"}),
    "video in audio": ({'"video/mp4"': '"audio/mp4"'}, {"content-kind"}),
    "not aligned": ({'segmentAlignment="true"': ""}, {"alignment"}),
    "no access points": ({'startWithSAP="1"': ""}, {"alignment"}),
    "longer than the longest": ({'maxSegmentDuration="PT2S"': 'maxSegmentDuration="PT0.9S"'},
                                {"max-segment-duration"}),
    "not low latency": (
        {ATO: "", 'availabilityTimeComplete="false"': "", "duration=\"12800\"":
         'duration="25600"'}, {"low-latency"},
    ),
    "the offset is the segment": ({ATO: ATO.replace("0.8", "1")}, {"ato-range"}),
    "for ever early": ({ATO: ATO.replace("0.8", "INF")}, {"ato-range"}),
    "zero": ({ATO: ATO.replace("0.8", "0.0")}, {"ato-range"}),
    "over the target": (
        {ATO: ATO.replace("0.8", "0.1"), 'min="500" target="1500"': 'min="500" target="700"'},
        {"ato-target"},
    ),
    "said to be complete": ({'availabilityTimeComplete="false"': ""}, {"ato-complete"}),
    "FALSE": ({'availabilityTimeComplete="false"': 'availabilityTimeComplete="FALSE"'},
              {"ato-complete"}),
    "on two levels": (
        {'height="90"/>\n      <Rep': 'height="90"><SegmentTemplate availabilityTimeOffset="0.1"/>'
         "</Representation>\n      <Rep"}, {"ato-level", "ato-same"},
    ),
    "no reference": (
        {"ProducerReferenceTime": "SupplementalProperty", ' referenceId="1"': ""},
        {"producer-reference-time"},
    ),
    "half a reference": ({'wallClockTime="2026-11-22T12:00:00Z"': ""}, {"producer-reference-time"}),
    "a reference to nothing": (
        {'wallClockTime="2026-11-22T12:00:00Z"': 'wallClockTime="noon"'},
        {"producer-reference-time"},
    ),
    "latency of nothing that counts": ({'min="500"': 'min="x"'}, {"latency-order"}),
    "reference 0": (
        {'Time id="1"': 'Time id="0"', 'referenceId="1"': 'referenceId="0"'},
        {"producer-reference-id"},
    ),
    "no Resync": ({'<Resync type="0" dT="2560"/>': ""}, {"resync"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    changes, expected = BAD[name]
    assert broken(altered(changes)) == expected


def test_listed_and_never_read_again() -> None:
    assert broken(altered({'minimumUpdatePeriod="PT1S"': ""}, LISTED)) == {"update-period"}


GPAC = altered({
    "availabilityTimeOffset=\"0.8\"": 'availabilityTimeOffset="1.0"',
    "minimumUpdatePeriod=\"PT1S\"": 'minimumUpdatePeriod="PT500S"',
    ISO: "</MPD>",
    '<ServiceDescription id="0"><Latency referenceId="1" min="500" target="1500" max="4000"/>\n'
    "  </ServiceDescription>": "",
    '<Resync type="0" dT="2560"/>': "",
})  # fmt: skip


def test_many_at_once() -> None:
    assert broken(GPAC) == {"ato-range", "update-soon", "utc-timing", "service-description",
                            "resync"}  # fmt: skip


def test_every_rule_is_broken_by_something() -> None:
    met = {name for _, names in BAD.values() for name in names}
    met |= {"update-period", "presentation-delay-given", "ato-everywhere"}
    assert met == {rule.name for rule, _ in MANIFEST.rules}


def test_nobody_says_how_late() -> None:
    text = altered({' target="1500"': "", 'suggestedPresentationDelay="PT2S"': ""})
    assert broken(text) == {"service-description", "presentation-delay-given"}


def test_one_track_without_an_offset() -> None:
    whole = re.sub(
        r'availabilityTime\w+="\w[^"]*"', "", GOOD[GOOD.index(SET) : GOOD.index("</Per")]
    )
    whole = whole.replace('"v', '"w').replace(SET, '<AdaptationSet id="2"')
    whole = whole.replace('"1" type="enc', '"2" type="enc').replace("12800", "6400")
    text = altered({"</Period>": whole.replace('<Resync type="0" dT="2560"/>', "") + "</Period>"})
    assert broken(text) == {"ato-everywhere"}


def test_rules_have_names_words_and_clauses() -> None:
    names = [rule.name for rule, _ in MANIFEST.rules]
    assert len(set(names)) == len(names)
    assert all(rule.says and rule.clause for rule, _ in MANIFEST.rules)
    assert {rule.severity for rule, _ in MANIFEST.rules} == set(Severity)
