"""Manifests and their patches, through the exchange; what is announced is staged."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from urllib.parse import quote

import pytest

from sorgente.dash.manifest import PATCH_TIME_TO_LIVE, render
from sorgente.dash.patch import render_patch
from sorgente.dash.values import date_time
from sorgente.http.document import accepts_gzip
from sorgente.http.manifests import NEWS_SECONDS, PUBLISHED_KEPT, WAIT_SECONDS
from sorgente.http.prologue import EVERY_SECONDS, PATIENCE_SECONDS
from sorgente.media.chunk import LAST_FRAME
from sorgente.media.snapshot import PresentationSnapshot
from tests.dash.snapshots import CONTINUED, listed, period, presentation, video
from tests.support.boxes import VIDEO
from tests.support.on_air import Live
from tests.support.players import unframed
from tests.support.transport import House, RecordingTransport, body_of, header, status

MANIFEST = b"GET /live/live/manifest.mpd HTTP/1.1"


@pytest.fixture
def house() -> House:
    return House(connections=1000, per_address=1000)


# Manifests


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


def test_it_does_not_wait_for_ever(house: House) -> None:
    early = house.request(MANIFEST)
    for _ in range(int(PATIENCE_SECONDS / EVERY_SECONDS) + 2):
        house.pass_time(EVERY_SECONDS)
    assert early.aborted
    assert not early.written.endswith(LAST_FRAME)
    assert house.broker.get("live") is None
    assert status(house.request(b"HEAD /live/live/manifest.mpd HTTP/1.1").written) == 404


# Patches


class Audience:
    """Players of a channel that announces what a test says."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.presentation = house.broker.await_announcement("live", self, lambda: None)
        self.announce(with_segments(3))

    def announce(self, snapshot: PresentationSnapshot, after: float = 2) -> None:
        self.house.clock.advance(after)
        self.presentation.snapshot = lambda: snapshot  # type: ignore[method-assign]
        self.presentation.revision = snapshot.revision

    def manifest(self) -> bytes:
        return body_of(self.house.request(MANIFEST).written)

    def ask(self, since: str, *lines: bytes, method: bytes = b"GET") -> RecordingTransport:
        path = b"/live/live/manifest.mpp?publishTime=" + quote(since, safe="").encode()
        return self.house.request(b"%b %b HTTP/1.1" % (method, path), *lines)

    def patch(self, since: str, *lines: bytes, method: bytes = b"GET") -> bytes:
        return self.ask(since, *lines, method=method).written

    def tick(self, after: float) -> None:
        self.house.clock.advance(after)
        self.house.frontend.tick()


def with_segments(count: int) -> PresentationSnapshot:
    """One is published every two seconds."""
    durations = [25600 + number % 2 for number in range(count)]
    return replace(
        presentation(period(listed(video(), durations))),
        revision=count,
        changed_at=presentation().changed_at + 2 * count,
    )


def time_of(snapshot: PresentationSnapshot) -> str:
    return date_time(snapshot.changed_at)


@pytest.fixture
def audience(house: House) -> Audience:
    return Audience(house)


def test_a_patch_leads_from_what_a_player_has_to_the_newest(audience: Audience) -> None:
    old, new = with_segments(3), with_segments(5)
    assert audience.manifest() == render(old)
    audience.announce(with_segments(4))
    audience.manifest()
    audience.announce(new)
    answer = audience.patch(time_of(old))
    assert status(answer) == 200
    assert header(answer, b"Content-Type") == b"application/dash-patch+xml"
    assert header(answer, b"Cache-Control") == b"public, no-cache"
    assert body_of(answer) == render_patch(old, new)
    assert body_of(audience.patch(time_of(with_segments(4)))) == render_patch(with_segments(4), new)


def test_the_address_in_a_manifest_is_that_of_its_patch(audience: Audience) -> None:
    mpd = ET.fromstring(audience.manifest())
    location = mpd.findtext("{urn:mpeg:dash:schema:mpd:2011}PatchLocation")
    assert location is not None
    audience.announce(with_segments(4))
    answer = audience.house.request(b"GET /live/live/%b HTTP/1.1" % location.encode()).written
    assert body_of(answer) == render_patch(with_segments(3), with_segments(4))


def test_a_patch_is_tagged_and_compressed_once(audience: Audience) -> None:
    since = time_of(with_segments(3))
    audience.manifest()
    audience.announce(with_segments(4))
    plain, packed = audience.patch(since), audience.patch(since, b"Accept-Encoding: gzip")
    assert gzip.decompress(body_of(packed)) == body_of(plain)
    tag = header(plain, b"ETag") or b""
    assert status(audience.patch(since, b"If-None-Match: " + tag)) == 304
    head = audience.patch(since, method=b"HEAD")
    assert header(head, b"Content-Length") == header(plain, b"Content-Length")
    audience.announce(with_segments(5))
    assert status(audience.patch(since, b"If-None-Match: " + tag)) == 200


def assert_leads_nowhere(answer: bytes, newest: PresentationSnapshot) -> None:
    """From the newest MPD to itself: players that have another one get the whole."""
    assert status(answer) == 200
    patch = ET.fromstring(body_of(answer))
    assert patch.attrib == {
        "mpdId": "live",
        "originalPublishTime": time_of(newest),
        "publishTime": time_of(newest),
    }
    (operation,) = patch
    assert operation.attrib == {"sel": "/MPD/@publishTime"}
    assert operation.text == time_of(newest)


def test_who_has_the_newest_waits_for_the_next(audience: Audience) -> None:
    audience.manifest()
    waiting, gone = (audience.ask(time_of(with_segments(3))) for _ in range(2))
    audience.tick(1)
    assert waiting.written == b""
    gone.lose()
    audience.announce(with_segments(4), after=0.5)
    audience.tick(0.1)
    assert body_of(waiting.written) == render_patch(with_segments(3), with_segments(4))
    assert header(waiting.written, b"CMSD-Dynamic") == b'"sorgente";rd=1600'
    assert gone.written == b""


def test_who_has_waited_for_long_has_the_newest(audience: Audience) -> None:
    audience.manifest()
    waiting = audience.ask(time_of(with_segments(3)))
    for _ in range(5):
        assert waiting.written == b""
        audience.tick(WAIT_SECONDS / 4.9)
    assert_leads_nowhere(waiting.written, with_segments(3))
    assert not waiting.closed


def test_a_head_does_not_wait(audience: Audience) -> None:
    audience.manifest()
    answer = audience.patch(time_of(with_segments(3)), method=b"HEAD")
    assert (status(answer), body_of(answer)) == (200, b"")


def test_a_channel_that_ends_meanwhile_lets_nobody_wait(audience: Audience) -> None:
    audience.manifest()
    waiting = audience.ask(time_of(with_segments(3)))
    audience.house.broker.await_no_longer("live", audience)
    assert audience.house.broker.get("live") is None
    audience.tick(0.1)
    assert status(waiting.written) == 404


@pytest.mark.parametrize("since", ["2026-11-22T11:59:59.000Z", "2026-11-22T12:00:04.250Z"])
def test_from_what_was_never_published_no_way_leads_on(audience: Audience, since: str) -> None:
    audience.manifest()
    audience.announce(with_segments(4))  # nobody has asked for it
    audience.announce(with_segments(5))
    assert_leads_nowhere(audience.patch(since), with_segments(5))


def test_what_was_published_is_kept_for_as_long_as_it_says(audience: Audience) -> None:
    audience.manifest()
    audience.announce(with_segments(4), after=float(PATCH_TIME_TO_LIVE) - 0.1)
    assert b"<add" in audience.patch(time_of(with_segments(3)))
    audience.announce(with_segments(5), after=0.2)
    assert_leads_nowhere(audience.patch(time_of(with_segments(3))), with_segments(5))
    assert b"<add" in audience.patch(time_of(with_segments(4)))


def test_what_is_kept_is_bounded(audience: Audience) -> None:
    for count in range(3, PUBLISHED_KEPT + 5):
        audience.announce(with_segments(count), after=0.01)
        audience.manifest()
    newest = with_segments(PUBLISHED_KEPT + 4)
    assert b"<add" in audience.patch(time_of(with_segments(6)))
    assert_leads_nowhere(audience.patch(time_of(with_segments(4))), newest)


def test_a_time_that_two_manifests_share_names_neither(audience: Audience) -> None:
    audience.manifest()
    twin = replace(with_segments(4), changed_at=with_segments(3).changed_at)
    audience.announce(twin)
    audience.manifest()
    audience.announce(with_segments(5))
    assert_leads_nowhere(audience.patch(time_of(twin)), with_segments(5))


def test_a_change_that_no_patch_says_is_left_to_the_whole(audience: Audience) -> None:
    audience.manifest()
    continued = replace(with_segments(4), periods=CONTINUED)
    audience.announce(continued)
    assert_leads_nowhere(audience.patch(time_of(with_segments(3))), continued)
    (last,) = with_segments(5).periods
    over = (replace(last, end=last.start + Fraction(10)),)
    ended = replace(with_segments(5), ended=True, periods=over)
    audience.announce(ended)
    assert_leads_nowhere(audience.patch(time_of(with_segments(3))), ended)


@pytest.mark.parametrize(
    "query", [b"", b"?publishTime=", b"?publishTime=now", b"?publishtime=2026-11-22T12:00:06.250Z"]
)
def test_what_no_manifest_led_to_is_not_there(audience: Audience, query: bytes) -> None:
    audience.manifest()
    path = b"GET /live/live/manifest.mpp%b HTTP/1.1" % query
    answer = audience.house.request(path).written
    assert (status(answer), header(answer, b"Cache-Control")) == (404, b"no-store")


def test_a_channel_that_is_not_there_has_no_patches(house: House) -> None:
    path = b"GET /live/live/manifest.mpp?publishTime=2026-11-22T12:00:06.250Z HTTP/1.1"
    assert status(house.request(path).written) == 404
    assert house.broker.get("live") is None, "and nobody waits"


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
