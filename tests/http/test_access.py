"""Who may publish, over connections from anywhere."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sorgente.errors import OriginError
from sorgente.http.access import Reason, channel_of
from sorgente.http.ingest_path import ingest_path
from sorgente.keys import Key
from tests.support.transport import House, RecordingTransport, body_of, header, request, status

KEY = "of-this-origin"
OWN = "of-cam-alone"
ELSEWHERE = "192.0.2.1"

BEARER = b"Authorization: Bearer " + KEY.encode()
CHUNKED = b"Transfer-Encoding: chunked"
WHOLE = b"3\r\nabc\r\n0\r\n\r\n"

PUBLISHING = [
    b"POST /ingest HTTP/1.1",
    b"PUT /ingest/live HTTP/1.1",
    b"POST /ingest/live/v HTTP/1.1",
    b"POST /ingest/live/Streams(v.cmfv) HTTP/1.1",
    b"PUT /ingest/live/v/1.cmfv HTTP/1.1",
    b"POST /ingest/live/any.mpd HTTP/1.1",
    b"POST /ingest/live?takeover=1 HTTP/1.1",
    b"DELETE /ingest/live/v/1.cmfv HTTP/1.1",
]
NOWHERE = [
    b"GET /ingest/live HTTP/1.1",
    b"PATCH /ingest/live HTTP/1.1",
    b"POST /ingest/no%20name HTTP/1.1",
    b"POST /ingest/ HTTP/1.1",
    b"POST /ingest//live HTTP/1.1",
    b"POST /ingest/a/b/c/d/e HTTP/1.1",
    b"POST /ingest/live/v/1.exe HTTP/1.1",
]


@pytest.fixture
def keyed() -> House:
    return House(key=Key(KEY), channel_keys={"cam": Key(OWN)})


def untouched(house: House) -> bool:
    return not list(house.broker) and not house.journal.entries


@pytest.mark.parametrize("line", PUBLISHING + NOWHERE)
@pytest.mark.parametrize("body", [b"", b"abc"])
def test_without_a_key_others_learn_only_how_to_set_one(line: bytes, body: bytes) -> None:
    house = House()
    transport = house.request(line, b"Content-Length: %d" % len(body), body=body, host=ELSEWHERE)
    assert status(transport.written) == 403
    told = body_of(transport.written)
    assert b"--publish-key" in told
    assert told.count(b"\n") == 1
    assert header(transport.written, b"WWW-Authenticate") is None
    assert untouched(house)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_without_a_key_this_machine_may_publish(host: str) -> None:
    transport = House().request(PUBLISHING[1], CHUNKED, body=WHOLE, host=host)
    assert status(transport.written) == 200


@pytest.mark.parametrize(
    "line",
    [b"X-Forwarded-For: 127.0.0.1", b"Forwarded: for=127.0.0.1", b"Via: 1.1 proxy",
     b"X-Real-IP: 192.0.2.1", b"Sec-Fetch-Site: cross-site"],
)  # fmt: skip
def test_who_speaks_for_others_is_not_this_machine(line: bytes) -> None:
    house = House()
    assert status(house.request(PUBLISHING[1], CHUNKED, line, body=WHOLE).written) == 403
    assert untouched(house)


def test_a_page_of_this_machine_is_this_machine() -> None:
    lines = (b"Origin: http://localhost:3000", b"Sec-Fetch-Site: same-site", CHUNKED)
    assert status(House().request(PUBLISHING[1], *lines, body=WHOLE).written) == 200


@pytest.mark.parametrize("line", PUBLISHING + NOWHERE)
@pytest.mark.parametrize(
    ("key", "body", "host"),
    [
        (None, b"", ELSEWHERE),
        (None, b"abc", "127.0.0.1"),
        (b"of-another-origin", b"abc", ELSEWHERE),
        (b"of-this-origi", b"", "::1"),
        (b"\xff\xfe", b"", ELSEWHERE),
    ],
)
def test_with_a_key_nobody_gets_anywhere_without_it(
    keyed: House, line: bytes, key: bytes | None, body: bytes, host: str
) -> None:
    credentials = [] if key is None else [b"Authorization: Bearer " + key]
    length = b"Content-Length: %d" % len(body)
    transport = keyed.request(line, length, *credentials, body=body, host=host)
    assert status(transport.written) == 401
    assert header(transport.written, b"WWW-Authenticate") == b'Basic realm="sorgente"'
    assert body_of(transport.written).count(b"\n") == 1
    assert untouched(keyed)
    ((_, who, reason),) = keyed.refusals
    assert who == ("[::1]:5000" if host == "::1" else f"{host}:5000")
    assert reason is (Reason.NO_KEY if key is None else Reason.WRONG_KEY)


@pytest.mark.parametrize("line", PUBLISHING[:-1])
@pytest.mark.parametrize(
    "credentials",
    [b"Bearer " + KEY.encode(), b"Basic " + b64encode(f"anybody:{KEY}".encode())],
)
def test_the_key_opens_every_way_in(keyed: House, line: bytes, credentials: bytes) -> None:
    lines = (line, b"Content-Length: 0", b"Authorization: " + credentials)
    assert status(keyed.request(*lines, host=ELSEWHERE).written) == 200
    assert not keyed.refusals


def test_the_key_opens_in_the_query(keyed: House) -> None:
    first = b"POST /ingest/live?key=" + KEY.encode() + b" HTTP/1.1"
    transport = keyed.request(first, CHUNKED, body=WHOLE, host=ELSEWHERE)
    assert status(transport.written) == 200
    assert KEY.encode() not in transport.written


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (b"/ingest/cam", OWN, 200),
        (b"/ingest/cam", KEY, 401),
        (b"/ingest/c%61m/v", KEY, 401),
        (b"/ingest/c%61m/v", OWN, 200),
        (b"/ingest/cam/any.mpd", KEY, 401),
        (b"http://any/ingest/cam", KEY, 401),
        (b"/ingest/cam2", KEY, 200),
        (b"/ingest/cam2", OWN, 401),
        (b"/ingest/CAM", OWN, 401),
        (b"/ingest/live/cam", OWN, 401),
        (b"/ingest?key=" + OWN.encode(), "another", 401),
    ],
)
def test_a_channel_with_a_key_of_its_own_opens_to_no_other(
    keyed: House, path: bytes, key: str, expected: int
) -> None:
    lines = (b"Content-Length: 0", b"Authorization: Bearer " + key.encode())
    assert status(keyed.request(b"POST " + path + b" HTTP/1.1", *lines).written) == expected


def test_only_a_channel_has_a_key() -> None:
    house = House(channel_keys={"cam": Key(OWN)})
    empty = b"Content-Length: 0"
    assert status(house.request(b"POST /ingest/cam HTTP/1.1", empty).written) == 401
    assert status(house.request(b"POST /ingest/live HTTP/1.1", empty).written) == 200
    elsewhere = house.request(b"POST /ingest/live HTTP/1.1", empty, BEARER, host=ELSEWHERE)
    assert status(elsewhere.written) == 403


@pytest.mark.parametrize("key", [None, Key(KEY)])
@pytest.mark.parametrize("host", ["127.0.0.1", ELSEWHERE])
def test_the_key_of_a_source_opens_its_channel_and_no_other(key: Key | None, host: str) -> None:
    """Whether there are others or not, and whichever of this machine's addresses it comes from."""
    house = House(key=key, channel_keys={"cam": Key(OWN)}, source_keys={"cam": Key("a-source's")})

    def answer(path: bytes, offered: bytes) -> int:
        lines = (b"Content-Length: 0", b"Authorization: Bearer " + offered)
        line = b"POST /ingest/" + path + b" HTTP/1.1"
        return status(house.request(line, *lines, host=host).written)

    assert answer(b"cam/v", b"a-source's") == 200
    assert answer(b"cam/v", OWN.encode()) == 200
    assert answer(b"cam/v", b"a-source") == 401
    elsewhere = 401 if key else 200 if host == "127.0.0.1" else 403
    assert answer(b"live/v", b"a-source's") == elsewhere


names = st.sampled_from([b"cam", b"live", b"", b".", b"..", b"Streams(v.cmfv)", b"x.mpd", b"a/b"])


@given(st.lists(names, max_size=4) | st.lists(st.binary(max_size=6), max_size=4))
@example([])
@example([b"cam", b"x.mpd"])
@example([b"cam", b"Streams(v.cmfv)"])
@example([b"cam", b"Switching(s)", b"Streams(v.cmfv)"])
def test_the_key_asked_for_is_that_of_the_channel_published(path: list[bytes]) -> None:
    try:
        at = ingest_path(path)
    except OriginError:
        return
    assert at.channel == channel_of(path)


def test_a_body_that_waits_to_be_asked_for_is_not(keyed: House) -> None:
    encoder = keyed.request(PUBLISHING[1], CHUNKED, b"Expect: 100-continue", host=ELSEWHERE)
    assert status(encoder.written) == 401
    assert b"100 Continue" not in encoder.written
    assert header(encoder.written, b"Connection") == b"close"
    assert not encoder.aborted, "the answer is to be read"
    with_key = keyed.request(PUBLISHING[1], CHUNKED, b"Expect: 100-continue", BEARER)
    assert with_key.written == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("size", [10_000, 1])
def test_every_request_of_a_connection_needs_the_key(keyed: House, size: int) -> None:
    """An empty one is how encoders ask whether this is the place: it leaves the connection open."""
    empty = b"Content-Length: 0"
    data = request(PUBLISHING[4], empty) + request(PUBLISHING[4], empty, BEARER)
    data += request(PUBLISHING[4], empty) + request(PUBLISHING[1], CHUNKED, BEARER, body=WHOLE)
    transport = keyed.connect(ELSEWHERE)
    for at in range(0, len(data), size):
        transport.receive(data[at : at + size])
    assert statuses(transport) == [401, 200, 401, 200]
    assert not transport.closed


def test_the_old_protocol_is_told_as_well(keyed: House) -> None:
    transport = keyed.request(b"POST /ingest HTTP/1.0", b"Content-Length: 3", body=b"abc")
    assert status(transport.written) == 401
    lines = (b"Content-Length: 3", b"Expect: 100-continue", BEARER)
    transport = keyed.request(b"POST /ingest HTTP/1.0", *lines, body=b"abc")
    assert statuses(transport) == [200]


def test_several_headers_are_no_key(keyed: House) -> None:
    empty = b"Content-Length: 0"
    assert status(keyed.request(PUBLISHING[1], empty, BEARER, BEARER).written) == 401


def test_players_and_preflights_need_no_key(keyed: House) -> None:
    for line in (b"GET /time HTTP/1.1", b"OPTIONS /ingest/live HTTP/1.1"):
        assert status(keyed.request(line, host=ELSEWHERE).written) in (200, 204)
    assert status(keyed.request(b"GET /live/x/manifest.mpp HTTP/1.1").written) == 404
    assert not keyed.refusals


def statuses(transport: RecordingTransport) -> list[int]:
    return [int(part[:3]) for part in transport.written.split(b"HTTP/1.1 ")[1:]]
