"""Manifests, through the exchange; what is announced is staged."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest

from sorgente.http.document import accepts_gzip
from sorgente.http.manifests import NEWS_SECONDS, WAIT_SECONDS
from sorgente.http.prologue import EVERY_SECONDS, PATIENCE_SECONDS
from sorgente.media.chunk import LAST_FRAME
from tests.support.boxes import VIDEO
from tests.support.on_air import Live
from tests.support.players import unframed
from tests.support.transport import House, body_of, header, status

MANIFEST = b"GET /live/live/manifest.mpd HTTP/1.1"


@pytest.fixture
def house() -> House:
    return House(connections=1000, per_address=1000)


def test_a_manifest_is_tagged_and_compressed_once(house: House) -> None:
    Live(house)
    plain = house.request(MANIFEST).written
    assert header(plain, b"Content-Type") == b"application/dash+xml"
    assert header(plain, b"Cache-Control") == b"public, no-cache"
    assert header(plain, b"Vary") == b"Accept-Encoding"
    packed = house.request(MANIFEST, b"Accept-Encoding: gzip, br").written
    assert header(packed, b"Content-Encoding") == b"gzip"
    assert gzip.decompress(body_of(packed)) == body_of(plain)
    assert header(packed, b"Vary") == b"Accept-Encoding"
    for answer, coding in ((plain, b"identity"), (packed, b"gzip")):
        tag = header(answer, b"ETag") or b""
        lines = [b"Accept-Encoding: " + coding, b"If-None-Match: " + tag]
        again = house.request(MANIFEST, *lines).written
        assert (status(again), body_of(again)) == (304, b"")
        assert header(again, b"Content-Length") is None


def test_codings_of_one_manifest_have_tags_of_their_own(house: House) -> None:
    """RFC 9110 §8.8.3.3: a cache that has one may not be told that it has the other."""
    Live(house)
    tag = header(house.request(MANIFEST).written, b"ETag") or b""
    lines = [b"Accept-Encoding: gzip", b"If-None-Match: " + tag]
    assert status(house.request(MANIFEST, *lines).written) == 200


@pytest.mark.parametrize(
    ("codings", "accepted"),
    [
        (b"gzip", True),
        (b"deflate, GZIP;q=0.5", True),
        (b"br, *", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000, *", False),
        (b"*;q=0", False),
        (b"gzipped, identity", False),
        (b"", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(codings: bytes, accepted: bool) -> None:
    assert accepts_gzip(codings) is accepted


def test_a_player_that_is_there_before_the_encoder_gets_the_first_manifest(house: House) -> None:
    early, gone = house.request(MANIFEST), house.request(MANIFEST)
    gone.lose()
    Live(house)
    assert status(early.written) == 200
    assert b"<MPD" in early.written


@pytest.mark.parametrize("coding", [b"gzip", b"identity"])
def test_who_is_there_long_before_the_encoder_gets_a_manifest_that_begins(
    house: House, coding: bytes
) -> None:
    early = house.request(MANIFEST, b"Accept-Encoding: " + coding)
    house.pass_time(WAIT_SECONDS + 0.1)
    assert status(early.written) == 200
    assert header(early.written, b"Cache-Control") == b"no-store"
    for _ in range(10):
        before = len(early.written)
        house.pass_time(EVERY_SECONDS)
        assert len(early.written) > before, "a sign of life"
    assert not early.written.endswith(LAST_FRAME)
    Live(house)
    body = unframed(body_of(early.written))
    text = gzip.decompress(body) if coding == b"gzip" else body
    told = house.request(MANIFEST).written
    assert [(node.tag, node.attrib) for node in ET.fromstring(text).iter()] == [
        (node.tag, node.attrib) for node in ET.fromstring(body_of(told)).iter()
    ]
    assert early.written.endswith(LAST_FRAME)


def test_a_channel_younger_than_players_are_to_be_behind_is_not_shown_to_them() -> None:
    """dash.js would begin with the first picture, and stop there."""
    house = House(latency_target=Fraction(7))
    before = house.request(MANIFEST)
    live = Live(house, frames=100)
    young = house.request(MANIFEST)
    assert (before.written, young.written) == (b"", b"")
    live.send(72)
    assert unframed(body_of(before.written)).strip().endswith(b"?>"), "a sign of life"
    assert not young.written
    live.send(4)
    assert before.written.endswith(LAST_FRAME)
    plain = body_of(young.written)
    assert b"<MPD" in plain
    assert unframed(body_of(before.written)).endswith(plain.partition(b"?>")[2])
    assert status(house.request(MANIFEST).written) == 200, "it is old enough from now on"


@pytest.mark.parametrize(("method", "who"), [(b"GET", b"Lavf/61.7.100"), (b"HEAD", b"curl/8.5.0")])
def test_who_does_not_begin_at_the_target_gets_it_at_once(method: bytes, who: bytes) -> None:
    house = House(latency_target=Fraction(7))
    Live(house)
    path = b"%b /live/live/manifest.mpd HTTP/1.1" % method
    assert status(house.request(path, b"User-Agent: " + who).written) == 200


def test_a_young_channel_that_is_over_is_shown() -> None:
    house = House(latency_target=Fraction(60))
    live = Live(house)
    waits = house.request(MANIFEST)
    live.encoder.receive(b"0\r\n\r\n")
    while not live.presentation.ended:
        assert not unframed(body_of(waits.written)).strip().endswith(b"</MPD>")
        house.pass_time(1.0)
    house.pass_time(EVERY_SECONDS + 0.1)
    assert unframed(body_of(waits.written)).endswith(b"</MPD>\n")


def test_an_origin_that_shuts_down_lets_nobody_wait_for_a_young_channel() -> None:
    house = House(latency_target=Fraction(7))
    Live(house)
    waits = house.request(MANIFEST)
    house.broker.close(house.clock.now)
    assert b"<MPD" in waits.written


def test_it_does_not_wait_for_ever(house: House) -> None:
    early = house.request(MANIFEST)
    for _ in range(int(PATIENCE_SECONDS / EVERY_SECONDS) + 2):
        house.pass_time(EVERY_SECONDS)
    assert early.aborted
    assert not early.written.endswith(LAST_FRAME)
    assert house.broker.get("live") is None
    assert status(house.request(b"HEAD /live/live/manifest.mpd HTTP/1.1").written) == 404


def if_none_match(house: House) -> bytes:
    tag = header(house.request(MANIFEST).written, b"ETag")
    assert tag is not None
    return b"If-None-Match: " + tag


def test_who_has_the_manifest_waits_for_the_next_while_the_encoder_is_away(house: House) -> None:
    live = Live(house, spec=VIDEO)
    known = if_none_match(house)
    assert status(house.request(MANIFEST, known).written) == 304
    live.encoder.lose()
    waits = house.request(MANIFEST, known)
    assert not waits.written
    assert status(house.request(MANIFEST).written) == 200, "who has nothing does not wait"
    assert status(house.request(b"HEAD /live/live/manifest.mpd HTTP/1.1", known).written) == 304
    given_up = house.request(MANIFEST, known)
    given_up.lose()
    Live(house, spec=VIDEO)
    assert status(waits.written) == 200
    assert waits.written.count(b"<Period ") == 2


def test_news_that_do_not_come_are_not_waited_for_too_long(house: House) -> None:
    live = Live(house, spec=VIDEO)
    known = if_none_match(house)
    live.encoder.lose()
    waits = house.request(MANIFEST, known)
    house.pass_time(NEWS_SECONDS - 0.1)
    assert not waits.written
    house.pass_time(0.2)
    assert status(waits.written) == 304


@pytest.mark.parametrize("who", [b"Lavf/61.7.100", b"libmpv"])
def test_ffmpeg_is_told_one_by_one_which_segments_there_are(house: House, who: bytes) -> None:
    """Its demuxer counts numbered segments from 1970, whatever ``Period@start`` says."""
    Live(house)
    lavf = b"User-Agent: " + who
    told = house.request(MANIFEST, lavf).written
    assert (status(told), header(told, b"Cache-Control")) == (200, b"no-store")
    assert header(told, b"ETag") is None
    assert b"<SegmentTimeline>" in body_of(told)
    assert b"<SegmentTimeline>" not in body_of(house.request(MANIFEST).written)
    again = house.request(MANIFEST, lavf, if_none_match(house)).written
    assert status(again) == 200, "the tag is of another"
    head = house.request(b"HEAD /live/live/manifest.mpd HTTP/1.1", lavf).written
    assert (status(head), body_of(head)) == (200, b"")


def test_ffmpeg_may_be_early_too(house: House) -> None:
    early = house.request(MANIFEST, b"User-Agent: Lavf/61.7.100")
    assert not early.written
    Live(house)
    assert b"<SegmentTimeline>" in body_of(early.written)
