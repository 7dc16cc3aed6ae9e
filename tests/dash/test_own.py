"""Encoders' own manifests, made fit for low latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.dash.own import Put, Terms, parsed, render, seconds
from sorgente.dash.own_template import MAX_LISTED
from sorgente.errors import BadRequest
from tests.dash.reader import Mpd
from tests.dash.rules import RULES
from tests.dash.schemas import complaints

FFMPEG = """<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
	xmlns="urn:mpeg:dash:schema:mpd:2011"
	xmlns:xlink="http://www.w3.org/1999/xlink"
	xsi:schemaLocation="urn:mpeg:DASH:schema:MPD:2011 DASH-MPD.xsd"
	profiles="urn:mpeg:dash:profile:isoff-live:2011"
	type="dynamic"
	minimumUpdatePeriod="PT500S"
	timeShiftBufferDepth="PT5.0S"
	availabilityStartTime="2026-11-22T20:04:32.123Z"
	publishTime="2026-11-22T20:04:36.123Z"
	maxSegmentDuration="PT1.0S"
	minBufferTime="PT0.0S">
	<ProgramInformation>
		<Title>a &amp; b</Title>
	</ProgramInformation>
	<ServiceDescription id="0">
	</ServiceDescription>
	<Period id="0" start="PT0.0S">
		<AdaptationSet id="0" contentType="video" startWithSAP="1" segmentAlignment="true">
			<Representation id="0" mimeType="video/mp4" codecs="avc1.42c00c" bandwidth="689291" width="320" height="180">
				<SegmentTemplate timescale="1000000" duration="1000000" availabilityTimeOffset="0.960" availabilityTimeComplete="false" initialization="init-stream$RepresentationID$.m4s" media="chunk-stream$RepresentationID$-$Number%05d$.m4s" startNumber="1">
				</SegmentTemplate>
			</Representation>
		</AdaptationSet>
		<AdaptationSet id="1" contentType="audio" startWithSAP="1" segmentAlignment="true">
			<Representation id="1" mimeType="audio/mp4" codecs="mp4a.40.2" bandwidth="69000" audioSamplingRate="48000">
				<SegmentTemplate timescale="1000000" duration="1000000" initialization="init-stream$RepresentationID$.m4s" media="chunk-stream$RepresentationID$-$Number%05d$.m4s" startNumber="1">
				</SegmentTemplate>
			</Representation>
		</AdaptationSet>
	</Period>
</MPD>
"""  # noqa: E501 - as it comes
TIMELINE = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"
profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT1S" type="dynamic"
maxSegmentDuration="PT2S" availabilityStartTime="1970-01-01T00:00:00Z"><Period>
<AdaptationSet id="0" contentType="video"><Representation id="v" bandwidth="1"
mimeType="video/mp4">
<SegmentTemplate timescale="1" startNumber="1" presentationTimeOffset="0" media="$Time$.m4s">
<SegmentTimeline><S t="0" d="2" r="3"/></SegmentTimeline>
</SegmentTemplate></Representation></AdaptationSet></Period></MPD>"""
START = Fraction(1_795_380_000)
TERMS = Terms("live", Fraction(60), Fraction(1, 2), START + 100, ended=False)
OURS = ("TIM-", "DASH-Period-id", "DASH-bandwidth-order", "CONF-9.X.4.2", "CONF-9.X.4.5-ATO-same",
        "PLAYER-", "DESIGN-")  # fmt: skip
"""Rules of what is said anew; the others are the encoder's."""


def put(number: int, last: int, at: Fraction = START, manifest: str = FFMPEG) -> Put:
    files = [f"chunk-stream0-{each:05d}.m4s" for each in range(max(1, last - 3), last + 1)]
    return Put(number, manifest.encode(), at, ["init-stream0.m4s", *files])


def made(puts: Sequence[Put], terms: Terms = TERMS) -> Mpd:
    text = render(puts, terms)
    assert text is not None
    assert not complaints("DASH-MPD.xsd", text)
    mpd = Mpd(text)
    broken = {
        rule.id: list(rule.broken(mpd))
        for rule in RULES
        if rule.applies(mpd) and rule.id.startswith(OURS)
    }
    assert not any(broken.values()), broken
    return mpd


def test_an_encoder_that_runs() -> None:
    mpd = made([put(7, 40)])
    (period,) = mpd.periods
    assert mpd.root.attrib["availabilityStartTime"] == "1970-01-01T00:00:00Z"
    assert mpd.root.attrib["timeShiftBufferDepth"] == "PT5.0S"
    assert seconds(period.attrib["start"]) == START
    assert "duration" not in period.attrib
    assert [base.text for base in period.findall("{*}BaseURL")] == ["e7/"]
    templates = list(mpd.root.iterfind(".//{*}SegmentTemplate"))
    offsets = [Fraction(each.attrib["availabilityTimeOffset"]) for each in templates]
    assert offsets == [Fraction("0.96")] * 2
    assert {each.attrib["availabilityTimeComplete"] for each in templates} == {"false"}
    assert mpd.root.find("{*}ProgramInformation") is None
    assert len(mpd.root.findall("{*}ServiceDescription")) == 1


@pytest.mark.parametrize(
    ("made", "target"),
    [("00.200", 2300), ("02.000", 500), ("09.500", 500), ("xx", 500)],
    ids=["1.8 s before", "when it is due", "later", "unreadable"],
)
def test_what_an_encoder_keeps_for_itself_is_not_asked_of_players(made: str, target: int) -> None:
    """Its own word on when what is 2 s into the period was made: dash.js takes the difference off
    the target."""
    template = '<SegmentTemplate timescale="1000000"'
    reference = (
        '<ProducerReferenceTime id="1" type="captured" presentationTime="2000000"'
        f' wallClockTime="2026-11-22T20:40:{made}Z"/>'
    )
    manifest = FFMPEG.replace(template, reference + template)
    (latency,) = made_of(manifest).root.iterfind(".//{*}Latency")
    assert int(latency.attrib["target"]) == target
    assert int(latency.attrib["min"]) == target - 250


def made_of(manifest: str) -> Mpd:
    return made([put(7, 40, manifest=manifest)])


def test_an_encoder_that_began_again_is_another_period() -> None:
    mpd = made([put(7, 40), put(9, 3, START + 50), put(12, 8, START + 55)])
    lengths = [seconds(period.attrib.get("duration", "")) for period in mpd.periods]
    assert lengths == [40, 3, None], "up to their last segments; nobody need ask for more"
    assert len({period.attrib["id"] for period in mpd.periods}) == 3


def test_periods_do_not_overlap() -> None:
    """An encoder that was ahead of its time."""
    mpd = made([put(7, 60), put(9, 3, START + 50)])
    assert seconds(mpd.periods[0].attrib["duration"]) == 50


def over(*, farewell: bool = False) -> Terms:
    return replace(TERMS, ended=True, farewell=farewell)


def test_those_who_watch_are_told_of_the_end_on_the_timeline_they_know() -> None:
    mpd = made([put(7, 40)], over(farewell=True))
    assert mpd.root.attrib["type"] == "dynamic"
    assert seconds(mpd.root.attrib["mediaPresentationDuration"]) == START + 40


def test_what_is_left_is_a_recording() -> None:
    """Segments 37 to 40 of 1 s: at their place, on a timeline from 0."""
    mpd = made([put(7, 40)], over())
    assert mpd.root.attrib["type"] == "static"
    assert mpd.root.attrib["mediaPresentationDuration"] == "PT40S"
    unsaid = ("availabilityStartTime", "minimumUpdatePeriod", "timeShiftBufferDepth")
    assert not mpd.root.attrib.keys() & unsaid
    (period,) = mpd.periods
    assert (period.attrib["start"], period.attrib["duration"]) == ("PT36S", "PT4S")
    templates = [dict(each.attrib) for each in mpd.root.iterfind(".//{*}SegmentTemplate")]
    assert [each["startNumber"] for each in templates] == ["37"] * 2
    assert [each["presentationTimeOffset"] for each in templates] == ["36000000"] * 2
    assert not any("availabilityTimeOffset" in each for each in templates)


def test_the_last_segment_is_as_short_as_the_encoder_says() -> None:
    last = FFMPEG.replace('type="dynamic"', 'type="static" mediaPresentationDuration="PT39.4S"')
    ended = replace(put(7, 40), last=last.encode())
    assert made([ended], over()).root.attrib["mediaPresentationDuration"] == "PT39.4S"
    farewell = made([ended], over(farewell=True))
    assert seconds(farewell.root.attrib["mediaPresentationDuration"]) == START + Fraction("39.4")


def test_a_recording_of_two_starts() -> None:
    mpd = made([put(7, 40), put(9, 3, START + 50)], over())
    times = [(p.attrib["start"], p.attrib["duration"]) for p in mpd.periods]
    assert times == [("PT36S", "PT4S"), ("PT50S", "PT3S")]
    assert mpd.root.attrib["mediaPresentationDuration"] == "PT53S"


def test_nothing_is_left() -> None:
    for manifest in (TIMELINE, FFMPEG):
        text = render([Put(7, manifest.encode(), START, [])], over())
        assert text is not None
        assert not complaints("DASH-MPD.xsd", text)
        assert parsed(text).attributes["mediaPresentationDuration"] == "PT0S"


def test_what_only_the_encoder_knows_the_end_of() -> None:
    listed = TIMELINE.replace("SegmentTimeline", "x")
    assert render([Put(7, listed.encode(), START, [], listed.encode())], over()) is None


RUNS = '<S t="0" d="2" r="3"/><S d="1"/>'


@pytest.mark.parametrize(
    ("media", "files", "offset", "left", "number"),
    [
        ("$Time$.m4s", ["4.m4s", "6.m4s", "8.m4s"], "4", [("4", "2", "1"), ("8", "1", "0")], "3"),
        ("$Number$.m4s", ["4.m4s", "5.m4s"], "6", [("6", "2", "0"), ("8", "1", "0")], "4"),
        ("$Number$.m4s", ["5.m4s"], "8", [("8", "1", "0")], "5"),
        ("$Number$.m4s", [f"{each}.m4s" for each in range(1, 6)], "0",
         [("0", "2", "3"), ("8", "1", "0")], "1"),
    ],
)  # fmt: skip
def test_a_recording_of_listed_segments(
    media: str, files: list[str], offset: str, left: list[tuple[str, ...]], number: str
) -> None:
    """The last one of them is listed in the last manifest only."""
    live = TIMELINE.replace("$Time$.m4s", media)
    last = live.replace('<S t="0" d="2" r="3"/>', RUNS)
    mpd = made([Put(7, live.encode(), START, files, last.encode())], over())
    assert mpd.root.attrib["mediaPresentationDuration"] == "PT9S"
    assert mpd.periods[0].attrib["start"] == f"PT{offset}S"
    (template,) = mpd.root.iterfind(".//{*}SegmentTemplate")
    assert template.attrib["presentationTimeOffset"] == offset
    assert template.attrib["startNumber"] == number
    runs = [(s.attrib["t"], s.attrib["d"], s.attrib["r"]) for s in template.iterfind(".//{*}S")]
    assert runs == left


@pytest.mark.parametrize(
    ("runs", "length"),
    [
        ('<S t="0" d="2" r="-1"/><S t="7" d="2"/>', "PT9S"),
        ('<S t="0" d="2" r="-1"/>', "PT0S"),
        ('<S t="0" d="0"/>', "PT0S"),
        ('<S t="0" d="2" n="7"/>', "PT0S"),
        ('<S t="0" d="2" r="999999999"/>', "PT2000000000S"),
    ],
)
def test_lists(runs: str, length: str) -> None:
    text = TIMELINE.replace('<S t="0" d="2" r="3"/>', runs).replace("$Time$", "$Number$")
    document = render([Put(7, text.encode(), START, ["1.m4s"])], over())
    assert document is not None
    assert parsed(document).attributes["mediaPresentationDuration"] == length


def test_lists_that_many_share_are_bounded() -> None:
    """Else a quarter of a megabyte becomes a hundred."""
    entries = '<S t="0" d="2"/>' + '<S d="2"/>' * (MAX_LISTED // 10)
    one = '<Representation id="{}" bandwidth="1" mimeType="video/mp4"/>'
    template = (
        '<SegmentTemplate timescale="1" media="$RepresentationID$-$Number$.m4s">'
        f"<SegmentTimeline>{entries}</SegmentTimeline></SegmentTemplate>"
    )
    for count, length in ((9, "PT4002S"), (10, "PT0S")):
        representations = "".join(one.format(each) for each in range(count))
        text = (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period><AdaptationSet>'
            f"{template}{representations}</AdaptationSet></Period></MPD>"
        )
        document = render([Put(7, text.encode(), START, ["0-1.m4s"])], over())
        assert document is not None
        assert parsed(document).attributes["mediaPresentationDuration"] == length
        assert len(document) < 2_000_000


def test_what_lists_its_segments_has_no_offset() -> None:
    mpd = made([put(7, 4, Fraction(0), TIMELINE)])
    assert seconds(mpd.periods[0].attrib["start"]) == 0
    (template,) = mpd.root.iterfind(".//{*}SegmentTemplate")
    assert "availabilityTimeOffset" not in template.attrib


@pytest.mark.parametrize(
    "manifest",
    [
        FFMPEG.replace("<Period", "<BaseURL>http://cdn/</BaseURL><Period"),
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
        '<d:MPD xmlns:d="urn:mpeg:dash:schema:mpd:2011"><d:Period><d:x/></d:Period></d:MPD>',
    ],
)
def test_what_cannot_be_is_left_as_it_is(manifest: str) -> None:
    assert render([put(7, 4, manifest=manifest)], TERMS) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("PT1S", 1), ("P1DT1H1M1.5S", 90061.5), ("PT0.0S", 0), ("P1M", None), ("", None), ("1", None)],
)
def test_durations(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_elements_are_as_they_were() -> None:
    root = parsed(FFMPEG.encode())
    title = root.first("Title")
    assert title is not None
    assert title.text == "a & b"
    assert [child.name for child in root.children][-1] == "Period"
    with pytest.raises(BadRequest):
        parsed(b"<!DOCTYPE MPD []><MPD/>")


@given(st.data())
def test_whatever_an_encoder_says_it_is_xml_or_nothing(data: st.DataObject) -> None:
    """Attributes of any value, anywhere."""
    names = [
        "duration",
        "startNumber",
        "timescale",
        "media",
        "availabilityTimeOffset",
        "start",
        "id",
    ]
    value = st.one_of(
        st.integers(-5, 10**20).map(str), st.text(st.characters(codec="utf-8"), max_size=9)
    )

    def attributes() -> str:
        chosen = data.draw(st.dictionaries(st.sampled_from(names), value, max_size=4))
        escaped = {k: "".join(f"&#{ord(c)};" for c in v if ord(c) > 31) for k, v in chosen.items()}
        return "".join(f' {name}="{text}"' for name, text in escaped.items())

    text = (
        f"<MPD{attributes()}><Period{attributes()}><AdaptationSet{attributes()}>"
        f"<SegmentTemplate{attributes()}/><Representation{attributes()}>"
        f"<SegmentTemplate{attributes()}/></Representation></AdaptationSet></Period></MPD>"
    )
    try:
        parsed(text.encode())
    except BadRequest:
        return
    for terms in (TERMS, over(farewell=True), over()):
        made_of = render([put(1, 5, manifest=text), put(2, 5, START + 9, text)], terms)
        assert made_of is not None
        parsed(made_of)
