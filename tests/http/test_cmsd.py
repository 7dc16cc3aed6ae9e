"""What the origin says of its objects, read by the library of those who wrote the specification."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sorgente.http import cmsd
from tests.support.boxes import VIDEO
from tests.support.live import video
from tests.support.npm import node, run
from tests.support.on_air import FRAMES, Live
from tests.support.transport import House, body_of, header, status
from tests.support.uploads import init_of, units_of

STARTED_AT = 1_795_348_800_000
"""ms: where the clock of these tests starts."""


def read(*answers: bytes) -> list[dict[str, Any]]:
    """The CMSD headers of these responses; fails if one is no structured field."""
    requests = []
    for answer in answers:
        assert status(answer) < 400
        static, dynamic = header(answer, b"CMSD-Static"), header(answer, b"CMSD-Dynamic")
        assert static is not None
        assert dynamic is not None
        requests.append({"static": static.decode(), "dynamic": dynamic.decode()})
    known: list[dict[str, Any]] = json.loads(
        run(node(), "read_cmsd.mjs", text=json.dumps(requests))
    )
    for each, sent in zip(known, requests, strict=True):
        assert each["rewritten"]["dynamic"] == sent["dynamic"]
        assert set(each["rewritten"]["static"].split(",")) == set(sent["static"].split(","))
    return known


@pytest.fixture
def live() -> Live:
    return Live(House())


def test_every_object_says_what_is_known_of_it(live: Live) -> None:
    waiting = live.ask(2)
    complete, growing = live.ask(0), live.ask(1)
    part = live.ask(0, b"Range: bytes=0-9")
    init = live.house.request(b"GET %b HTTP/1.1" % live.init_path)
    manifest = live.house.request(b"GET /live/live/manifest.mpd HTTP/1.1")
    live.send(2 * FRAMES - 60 + 1)
    of = [each.written for each in (complete, growing, waiting, part, init, manifest)]
    whole, edge, held, piece, start, mpd = read(*of)

    common = {"sf": "d", "st": "l", "n": "sorgente"}
    available_at = whole["static"].pop("at")
    size = len(body_of(complete.written))
    assert whole["static"] == common | {"ot": "v", "d": 2000, "br": size * 8 // 2000}
    assert STARTED_AT < available_at <= STARTED_AT + 1000
    assert piece["static"] == whole["static"] | {"at": available_at}
    assert edge["static"] == common | {"ot": "v", "at": available_at + 2000}
    assert held["static"] == common | {"ot": "v", "at": available_at + 4000}
    assert start["static"] == common | {"ot": "i"}
    assert mpd["static"] == common | {"ot": "m"}

    at_once = [{"value": "sorgente", "params": {"rd": 0}}]
    assert all(each["dynamic"] == at_once for each in (whole, edge, piece, start, mpd))
    assert held["dynamic"] == [{"value": "sorgente", "params": {"rd": 41 * 40}}]


def test_what_is_said_of_a_segment_is_in_the_time_of_its_epoch(live: Live) -> None:
    """Its encoder came back with other ticks."""
    track = live.presentation.tracks["video"]
    again = video(1, spec=replace(VIDEO, timescale=VIDEO.timescale * 3))
    track.take(init_of(units_of(again.whole)), resumes=False)
    (whole,) = read(live.ask(0).written)
    assert whole["static"]["d"] == 2000


def test_an_event_that_is_over_is_not_live(live: Live) -> None:
    live.encoder.receive(b"0\r\n\r\n")
    live.house.pass_time(11)
    (mpd,) = read(live.house.request(b"GET /live/live/manifest.mpd HTTP/1.1").written)
    assert mpd["static"]["st"] == "v"


def test_the_manifest_that_was_waited_for_says_how_long() -> None:
    house = House()
    early = house.request(b"GET /live/live/manifest.mpd HTTP/1.1")
    house.pass_time(1)
    Live(house)
    (mpd,) = read(early.written)
    assert mpd["dynamic"][0]["params"]["rd"] >= 1000


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (cmsd.static("m", live=False), b'CMSD-Static: ot=m,sf=d,st=v,n="sorgente"\r\n'),
        (
            cmsd.static("tt", duration=2000, bitrate=1, available_at=STARTED_AT),
            b'CMSD-Static: ot=tt,sf=d,st=l,d=2000,br=1,at=1795348800000,n="sorgente"\r\n',
        ),
        (cmsd.dynamic(0.0349), b'CMSD-Dynamic: "sorgente";rd=35\r\n'),
        (cmsd.AT_ONCE, b'CMSD-Dynamic: "sorgente";rd=0\r\n'),
    ],
)
def test_the_lines(line: bytes, text: bytes) -> None:
    assert line == text
