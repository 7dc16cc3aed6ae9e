"""Who may watch, over connections from anywhere; and who may publish with a token."""

from __future__ import annotations

from base64 import b64encode

import pytest

from sorgente.http.access import Reason
from sorgente.http.gate import REFUSALS
from sorgente.keys import Key
from sorgente.tokens.desk import TokenDesk
from tests.support.on_air import Live
from tests.support.tokens import NOW, hs256, secret_keys
from tests.support.transport import House, RecordingTransport, body_of, header, status

CHUNKED = b"Transfer-Encoding: chunked"
ELSEWHERE = "192.0.2.1"

FOR_EVER = {"channel": "*", "action": "watch", "exp": NOW * 2}
GOOD = hs256(FOR_EVER)
PUBLISHING = hs256({"channel": "live", "action": "publish"})
EXPIRED = hs256({**FOR_EVER, "exp": 1})
OF_ANOTHER = hs256({**FOR_EVER, "channel": "another"})
FORGED = hs256(FOR_EVER, b"x" * 32)

MEDIA = [b"/live/live/manifest.mpd", b"/live/live/v/1.m4s", b"/live/live/v/init-1.mp4",
         b"/own/live/x.mpd", b"/own/live/e1795348800/v/1.m4s", b"/play/live", b"/play",
         b"/play/live/v", b"/live/l%69ve/manifest.mpd"]  # fmt: skip


@pytest.fixture
def house() -> House:
    return House(
        desk=TokenDesk(secret_keys()), takes_token=lambda channel: channel in ("live", "another")
    )


def get(house: House, path: bytes, *lines: bytes, method: bytes = b"GET") -> RecordingTransport:
    return house.request(method + b" " + path + b" HTTP/1.1", *lines, host=ELSEWHERE)


@pytest.mark.parametrize("path", MEDIA)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_without_a_token_nobody_watches(house: House, path: bytes, method: bytes) -> None:
    Live(house)
    written = get(house, path, method=method).written
    assert status(written) == 401
    assert header(written, b"WWW-Authenticate") == b'Bearer realm="sorgente"'
    assert header(written, b"Cache-Control") == b"no-store"
    assert header(written, b"Access-Control-Allow-Origin") == b"*"


@pytest.mark.parametrize(
    ("token", "expected", "error"),
    [
        (EXPIRED, 401, b"invalid_token"),
        (FORGED, 401, b"invalid_token"),
        (b"garbage", 401, b"invalid_token"),
        (OF_ANOTHER, 403, b"insufficient_scope"),
        (PUBLISHING, 403, b"insufficient_scope"),
    ],
)
@pytest.mark.parametrize("path", MEDIA)
def test_what_is_wrong_is_said_in_the_words_of_rfc_6750(
    house: House, path: bytes, token: bytes, expected: int, error: bytes
) -> None:
    Live(house)
    ways = [
        get(house, b"/t/" + token + path),
        get(house, path + b"?token=" + token),
        get(house, path, b"Authorization: Bearer " + token),
    ]
    for written in (way.written for way in ways):
        assert status(written) == expected
        challenge = header(written, b"WWW-Authenticate") or b""
        assert b'error="' + error + b'"' in challenge
        told = body_of(written).strip()
        assert challenge.endswith(b'error_description="%b"' % told.rpartition(b": ")[2])
        assert told.count(b"\n") == 0
        assert token not in written
    assert house.frontend.route.refused[error.decode()] == 3  # type: ignore[attr-defined]


def test_an_open_channel_asks_for_nothing(house: House) -> None:
    assert status(get(house, b"/live/open/v/1.m4s").written) == 404
    assert status(get(house, b"/t/" + EXPIRED + b"/live/open/v/1.m4s").written) == 404
    assert all(house.frontend.route.refused[each] == 0 for each in REFUSALS)  # type: ignore[attr-defined]


def test_who_may_not_watch_has_nothing_to_tell(house: House) -> None:
    Live(house)
    length = b"Content-Length: 0"
    assert status(get(house, b"/cmcd/live", length, method=b"POST").written) == 401
    told = get(house, b"/t/" + GOOD + b"/cmcd/live", length, method=b"POST").written
    assert status(told) == 204


def test_a_preflight_needs_none(house: House) -> None:
    for path in (MEDIA[0], b"/t/" + GOOD + MEDIA[0], b"/ingest/live"):
        answer = get(
            house, path, b"Access-Control-Request-Headers: authorization", method=b"OPTIONS"
        )
        assert status(answer.written) == 204
        allowed = header(answer.written, b"Access-Control-Allow-Headers") or b""
        assert b"Authorization" in allowed


def test_a_token_opens_in_every_way_and_shared_caches_keep_that_of_the_path(house: House) -> None:
    Live(house)
    path = b"/live/live/manifest.mpd"
    in_path = get(house, b"/t/" + GOOD + path).written
    assert status(in_path) == 200
    assert header(in_path, b"Cache-Control") == b"public, no-cache"
    basic = b64encode(b"any:" + GOOD)
    for written in (
        get(house, path + b"?a=b&token=" + GOOD).written,
        get(house, path, b"Authorization: Bearer " + GOOD).written,
        get(house, path, b"Authorization: Basic " + basic).written,
    ):
        assert status(written) == 200
        assert header(written, b"Cache-Control") == b"private, no-cache"


def test_segments_and_what_was_not_modified_too(house: House) -> None:
    live = Live(house)
    for path in (live.init_path, live.path(0)):
        first = get(house, b"/t/" + GOOD + path).written
        assert (header(first, b"Cache-Control") or b"").startswith(b"public, max-age=")
        tag = header(first, b"ETag") or b""
        for lines, expected in (([], 200), ([b"If-None-Match: " + tag], 304)):
            again = get(house, path + b"?token=" + GOOD, *lines).written
            assert status(again) == expected
            assert (header(again, b"Cache-Control") or b"").startswith(b"private, max-age=")
        ranged = get(house, path + b"?token=" + GOOD, b"Range: bytes=0-9").written
        assert (header(ranged, b"Cache-Control") or b"").startswith(b"private, max-age=")


def test_the_bytes_are_the_same_for_all(house: House) -> None:
    live = Live(house)
    another = hs256({**FOR_EVER, "sub": "another"})
    for path in (b"/live/live/manifest.mpd", live.init_path, live.path(0)):
        ways = [(b"/t/" + GOOD + path,), (b"/t/" + another + path,), (path + b"?token=" + GOOD,),
                (path, b"Authorization: Bearer " + GOOD)]  # fmt: skip
        bodies = {body_of(get(house, *way).written) for way in ways}
        assert len(bodies) == 1
        assert GOOD not in bodies.pop()


def test_a_growing_segment_is_private_too(house: House) -> None:
    live = Live(house)
    growing = get(house, live.path(1), b"Authorization: Bearer " + GOOD).written
    assert (header(growing, b"Cache-Control") or b"").startswith(b"private, max-age=")
    assert header(growing, b"Transfer-Encoding") == b"chunked"


def test_that_in_front_counts_then_that_of_the_query(house: House) -> None:
    """Where a proxy has a header of its own, it is not for us."""
    Live(house)
    bad = b"Authorization: Basic " + b64encode(b"a:b")
    path = b"/live/live/manifest.mpd"
    assert status(get(house, b"/t/" + GOOD + path, bad).written) == 200
    assert status(get(house, path + b"?token=" + GOOD, bad).written) == 200
    assert status(get(house, b"/t/" + FORGED + path + b"?token=" + GOOD).written) == 401


@pytest.mark.parametrize(
    "path", [b"/t", b"/t/", b"/t/x", b"/t//live/live/manifest.mpd", b"/t/x/t/x/y"]
)
def test_other_paths_are_nothing(house: House, path: bytes) -> None:
    assert status(get(house, path).written) == 404


def test_a_prefix_in_an_absolute_target(house: House) -> None:
    Live(house)
    target = b"http://origin/t/" + GOOD + b"/live/live/manifest.mpd?x=/t/y/"
    assert status(get(house, target).written) == 200


# A response under way


def test_a_stream_breaks_off_when_its_token_expires(house: House) -> None:
    Live(house)
    wall = house.clock.wall()
    token = hs256({**FOR_EVER, "exp": wall + 1})
    player = get(house, b"/play/live?token=" + token)
    assert status(player.written) == 200
    house.pass_time(10)  # with the leeway
    assert not player.aborted
    house.pass_time(1.5)
    assert player.aborted
    assert not player.written.endswith(b"0\r\n\r\n")
    assert status(get(house, b"/play/live?token=" + token).written) == 401


def test_one_who_waits_is_told(house: House) -> None:
    token = hs256({**FOR_EVER, "exp": house.clock.wall() + 1})
    player = get(house, b"/play/live?token=" + token)
    house.pass_time(10)
    assert not player.written
    house.pass_time(1.5)
    assert status(player.written) == 401
    assert b"expired" in player.written


def test_one_who_is_slow_is_cut_off_by_what_comes_first(house: House) -> None:
    Live(house)
    token = hs256({**FOR_EVER, "exp": house.clock.wall() + 1})
    player = get(house, b"/play/live?token=" + token)
    player.protocol.pause_writing()
    house.pass_time(5)
    player.protocol.resume_writing()
    house.pass_time(5)
    assert not player.aborted
    house.pass_time(1.5)
    assert player.aborted


def test_a_segment_that_grows_is_given_to_its_end(house: House) -> None:
    live = Live(house)
    token = hs256({**FOR_EVER, "exp": house.clock.wall() + 1})
    path = b"/t/" + token + live.path(1)
    player = get(house, path)
    assert status(player.written) == 200
    house.pass_time(12)
    assert status(get(house, path).written) == 401
    live.send(60)
    assert player.written.endswith(b"0\r\n\r\n")


# Publishing


@pytest.mark.parametrize("key", [None, Key("some-key-42")])
def test_a_token_is_as_good_as_the_key(key: Key | None) -> None:
    house = House(key=key, channel_keys={"own": Key("its-own-key")}, desk=TokenDesk(secret_keys()))
    empty = b"Content-Length: 0"
    any_channel = hs256({"channel": ["live", "own"], "action": ["publish"]})
    basic = b"Authorization: Basic " + b64encode(b"any:" + any_channel)
    for path, lines in (
        (b"/ingest/live", [b"Authorization: Bearer " + any_channel]),
        (b"/ingest/live", [basic]),
        (b"/ingest/live?token=" + any_channel, []),
        (b"/ingest/live?key=" + any_channel, []),
        (b"/t/" + any_channel + b"/ingest/live", []),
        (b"/t/" + any_channel + b"/ingest/own/v/1.cmfv", []),
    ):
        answer = get(house, path, empty, *lines, method=b"POST")
        assert status(answer.written) == 200, path
    assert not house.refusals


@pytest.mark.parametrize(
    ("token", "expected"),
    [(FORGED, 401), (GOOD, 403), (hs256({"channel": "a", "action": "publish"}), 403)],
)
def test_a_bad_one_is_not(token: bytes, expected: int) -> None:
    """Where this machine may publish without one, too: who shows one means it."""
    house = House(desk=TokenDesk(secret_keys()))
    for path, lines in (
        (b"/ingest/live", [b"Authorization: Bearer " + token]),
        (b"/t/" + token + b"/ingest/live", []),
        (b"/ingest/live?token=" + token, []),
    ):
        line = b"POST " + path + b" HTTP/1.1"
        written = house.request(line, b"Content-Length: 0", *lines).written
        assert status(written) == expected
        assert (header(written, b"WWW-Authenticate") or b"").startswith(b"Bearer ")
        assert token not in written
    assert {reason for _, _, reason in house.refusals} == {Reason.WRONG_TOKEN}
    assert not list(house.broker)


def test_without_either_it_is_asked_for() -> None:
    house = House(desk=TokenDesk(secret_keys()))
    line = b"POST /ingest/live HTTP/1.1"
    assert status(house.request(line, b"Content-Length: 0").written) == 200, "this machine"
    written = house.request(line, b"Content-Length: 0", host=ELSEWHERE).written
    assert status(written) == 401
    assert b"a key or a token" in body_of(written)
    assert header(written, b"WWW-Authenticate") == b'Basic realm="sorgente"', "ffmpeg comes back"
    wrong = [b"Authorization: Bearer other", b"Content-Length: 0"]
    assert status(house.request(line, *wrong, host=ELSEWHERE).written) == 401


def test_a_key_that_looks_like_a_token_is_a_key() -> None:
    house = House(key=Key("aaaa.bbbb.cccc"), desk=TokenDesk(secret_keys()))
    lines = [b"Content-Length: 0", b"Authorization: Bearer aaaa.bbbb.cccc"]
    assert status(house.request(b"POST /ingest/live HTTP/1.1", *lines).written) == 200
