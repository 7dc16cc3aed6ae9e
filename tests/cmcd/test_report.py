"""Reports as players write them: query, headers, events; and what is none."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.cmcd.dictionary import MAX_ITEMS, MAX_MEMBERS, members
from sorgente.cmcd.report import MAX_SESSION, Pair, Report, of_request, of_text
from tests.support.npm import NPM, node, run

SID = "6e2fb550-c457-11e9-bb97-0800200c9a66"
FIRST = f'bl=2100,br=3000,bs,d=2000,mtp=25400,nor="12.m4s",ot=v,pr=1.08,sf=d,sid="{SID}",st=l'
SECOND = (
    f'bl=(2100;v 300;a),br=(3000;v 128;a),bsd=(700;v 650;a),com.example-Key="a,b",ltc=1234.5,'
    f'mtp=(25400;v),nor=("a)b" "12.m4s";r="0-99"),sf=h,sid="{SID}",sn=3,sta=r,v=2'
)
SAYS_FIRST = Report(
    SID.encode(), "dash", None, Pair(2.1), Pair(3e6), 25.4e6, None, 1.08, starved=True
)
SAYS_SECOND = Report(
    SID.encode(), "hls", "rebuffering", Pair(2.1, 0.3), Pair(3e6, 128e3), 25.4e6, 1.2345,
    starved_seconds=0.7,
)  # fmt: skip
BOTH = [(FIRST, SAYS_FIRST), (SECOND, SAYS_SECOND)]


def said(text: str) -> Report:
    report = of_text(text.encode())
    assert report is not None
    return report


@pytest.mark.parametrize(("text", "says"), BOTH)
def test_a_report_is_read(text: str, says: Report) -> None:
    assert said(text) == says
    assert said(text.replace(",", " ,\t")) == says
    assert said(f"{text},e=e").failed


@pytest.mark.parametrize(("text", "says"), BOTH)
@pytest.mark.parametrize(
    "query",
    [
        lambda text: "CMCD=" + quote(text, safe=""),
        lambda text: "CMCD=" + quote(text, safe="").lower().replace(SID.lower(), SID),
        lambda text: urlencode({"CMCD": text}),
        lambda text: urlencode({"from": "oldest", "CMCD": text, "key": "x"}),
    ],
)
def test_a_query_says_the_same(query: object, text: str, says: Report) -> None:
    assert callable(query)
    if "%2c" in query(","):
        text = text.lower()  # all of it, and the escapes with it
    assert of_request(b"/live/live/video/1.m4s?" + query(text).encode(), {}) == says


def test_headers_say_the_same_together() -> None:
    headers = {
        b"cmcd-object": b"br=3000,d=2000,ot=v",
        b"cmcd-request": b'bl=2100,mtp=25400,nor="12.m4s"',
        b"cmcd-session": f'sf=d,sid="{SID}",st=l'.encode(),
        b"cmcd-status": b"bs,pr=1.08",
        b"accept": b"*/*",
    }
    assert of_request(b"/live/live/video/1.m4s", headers) == SAYS_FIRST
    assert of_request(b"/live/live/video/1.m4s?xCMCD=1", headers) == SAYS_FIRST


@pytest.mark.parametrize(
    "text",
    ["", "bl=100", "sid", "sid=", 'sid=""', f'sid="{"x" * (MAX_SESSION + 1)}"', 'sid="a', "sid=(",
     'bl=100,=5,sid="a"', 'sid="a",bl=(1 2', 'sid="a";"', "sid='a\"", ",,,", 'é=1,sid="a"'],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert of_text(text.encode()) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bl=-1", {}), ("bl=3600001", {}), ("bl=nan,br=inf,ltc=-5", {}), ("bl=(-1 1e3)", {}),
        ("bl=9" + "9" * 400, {}), ("bl,br=,mtp=()", {}), ("bl=?0", {}), ("bl=1,ot=tt", {}),
        ("sta=z,sf=z,ot=z", {}), ("bs=?0", {}), ("sta=(p)", {}),
        ("bs=?1", {"starved": True}), ('sta="p"', {"state": "playing"}),
        ("bl=500,ot=a", {"buffer": Pair(None, 0.5)}), ("bl=500,ot=av", {"buffer": Pair(0.5)}),
        ("br=224", {}), ("br=(224),ot=m", {}), ("bl=500", {"buffer": Pair(0.5)}),
        ("bl=(500)", {"buffer": Pair(0.5)}),
        ("pr=0", {"playback_rate": 0.0}), ("pr=-1", {}), ("bsd=250", {"starved_seconds": 0.25}),
    ],
)  # fmt: skip
def test_of_what_cannot_be_the_rest_counts(text: str, says: dict[str, object]) -> None:
    assert said(f'{text},sid="a"') == Report(b"a", **says)  # type: ignore[arg-type]


KEYS = ["bl", "br", "bs", "bsd", "e", "ltc", "mtp", "nor", "ot", "pr", "sf", "sid", "sta", "v", "x"]
PIECES = st.sampled_from([*KEYS, *'=,;()"\\ ?*.-+%0123456789', "%22", "%2C", "%", "v", "\xff"])


@given(st.lists(PIECES, max_size=60).map("".join))
def test_whatever_comes_nothing_is_raised(text: str) -> None:
    data = text.encode("latin-1")
    of_text(data)
    of_request(b"/live/a/b/1.m4s?CMCD=" + data, {})
    of_request(b"/live/a/b/1.m4s", {b"cmcd-session": data, b"cmcd-request": data})


@given(st.binary(max_size=200))
def test_nor_by_any_bytes(data: bytes) -> None:
    report = of_request(b"/play?CMCD=" + data, {})
    assert report is None or 0 < len(report.session) <= MAX_SESSION


@pytest.mark.parametrize(
    "bad",
    ['sid="a' + "\\" * 60_000, "a=(" + '"" ' * 20_000, "a;" * 30_000, "a=" + "(" * 60_000,
     "a " * 30_000, "a=1," * 15_000 + '"', "a=(" + "1" * 60_000, "a=(" + "1 " * 30_000],
)  # fmt: skip
def test_no_text_is_read_twice(bad: str) -> None:
    """Or it would take minutes: pytest's own timeout is the bound."""
    for _ in range(20):
        assert of_text(bad.encode()) is None


def test_more_than_anybody_says_is_not_read() -> None:
    """A body of 64 KB that is a single event took 37 ms, for which all media waited."""
    assert members(b"a," * MAX_MEMBERS) is None
    most = b"sid=s" + b",a" * (MAX_MEMBERS - 1)
    assert of_text(most) is not None
    assert of_text(most + b",a") is None
    many = of_text(b"sid=s,sta=p,br=(%b1;v)" % (b"1;v " * MAX_ITEMS))
    assert many == Report(b"s", state="playing"), "the rest counts"


def test_values_stand_as_they_were() -> None:
    found = members(b'a="x,\\"y)",b=(1;v 2;a);p="q",c;d;e=2,f')
    assert found == {b"a": b'"x,\\"y)"', b"b": b"(1;v 2;a)", b"c": b"", b"f": b""}


ENCODE = """
import { toCmcdHeaders, appendCmcdQuery, encodeCmcd, toCmcdValue } from "@svta/cml-cmcd";
const pair = (v, a) => [toCmcdValue(v, { v: true }), toCmcdValue(a, { a: true })];
const base = { sid: "a b(\\"c\\");,=+%é".replace("é", ""), ot: "v", sf: "d", bs: true, pr: 1.5,
  nor: "../x y,(1).m4s" };
const first = { ...base, bl: 2150, br: 3000.4, mtp: 25360 };
const second = { ...base, bl: pair(2150, 340), br: pair(3000, 128), mtp: pair(25360, 1000),
  bsd: pair(700, 650), ltc: 1234, sta: "r", msd: 300, ec: ["E1", "E 2"], e: "e", ts: 1,
  "com.example-x": "y" };
const made = [[1, first, "request"], [2, second, "request"], [2, second, "event"]].map(
  ([version, data, reportingMode]) => {
    const options = { version, reportingMode };
    return { text: encodeCmcd(data, options), headers: toCmcdHeaders(data, options),
      url: appendCmcdQuery("http://x/live/a/b/1.m4s?k=1", data, options) };
  });
console.log(JSON.stringify(made));
"""


def test_what_the_library_of_players_writes_is_read() -> None:
    """@svta/cml-cmcd, which dash.js and Shaka have in them."""
    program = [node(), "--input-type=module", "-e", ENCODE]
    first, second, event = json.loads(run(*program))
    for made in (first, second, event):
        report = said(made["text"])
        assert (report.format, report.starved, report.playback_rate) == ("dash", True, 1.5)
        assert report.buffer.video == pytest.approx(2.2, abs=0.11)
        assert report.bit_rate.video == 3e6
        assert report.throughput == 25.4e6
        headers = {name.lower().encode(): text.encode() for name, text in made["headers"].items()}
        assert of_request(b"/", headers) == report
        assert of_request(made["url"].encode(), {}) == report
    for made in (second, event):
        report = said(made["text"])
        assert report.buffer.audio == pytest.approx(0.3)
        assert (report.state, report.latency, report.starved_seconds) == ("rebuffering", 1.234, 0.7)
    assert said(event["text"]).failed


def test_it_is_the_library_that_they_have() -> None:
    versions = {
        (NPM / "node_modules" / name / "package.json").read_text()
        for name in ("@svta/cml-cmcd", "dashjs")
    }
    own = next(text for text in versions if '"name": "@svta/cml-cmcd"' in text)
    player = next(text for text in versions if '"name": "dashjs"' in text)
    version = re.search(r'"version": "([0-9.]+)"', own)
    assert version is not None
    assert f'"@svta/cml-cmcd": "{version[1]}"' in player
