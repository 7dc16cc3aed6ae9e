"""Encoders' own manifests, made fit for low latency."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.dash.own import Put, Terms, parsed, render, seconds
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


def test_an_encoder_that_began_again_is_another_period() -> None:
    mpd = made([put(7, 40), put(9, 3, START + 50), put(12, 8, START + 55)])
    lengths = [seconds(period.attrib.get("duration", "")) for period in mpd.periods]
    assert lengths == [40, 3, None], "up to their last segments; nobody need ask for more"
    assert len({period.attrib["id"] for period in mpd.periods}) == 3


def test_periods_do_not_overlap() -> None:
    """An encoder that was ahead of its time."""
    mpd = made([put(7, 60), put(9, 3, START + 50)])
    assert seconds(mpd.periods[0].attrib["duration"]) == 50


def test_the_end() -> None:
    terms = Terms("live", Fraction(60), Fraction(1, 2), START + 100, ended=True)
    mpd = made([put(7, 40)], terms)
    assert seconds(mpd.root.attrib["mediaPresentationDuration"]) == START + 40


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
    for ended in (False, True):
        terms = Terms("live", Fraction(60), Fraction(1, 2), START, ended=ended)
        made_of = render([put(1, 5, manifest=text), put(2, 5, START + 9, text)], terms)
        assert made_of is not None
        parsed(made_of)
