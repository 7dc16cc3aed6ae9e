"""For whom a proxy speaks, and whether that counts."""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.errors import BadRequest
from sorgente.http.proxies import MAX_HEADER, MAX_LINE, SIGNATURE, Proxies, read_header
from tests.support.transport import House, request, status

OURS = ["10.0.0.0/8", "2001:db8::/32"]
PROXY = "10.0.0.1"
CLIENT = "203.0.113.9"

INET, INET6, UNIX = 0x11, 0x21, 0x31


def binary(
    client: str = CLIENT,
    port: int = 4711,
    *,
    command: int = 0x21,
    family: int = INET,
    more: bytes = b"",
) -> bytes:
    source = ip_address(client).packed
    body = source + source + struct.pack(">HH", port, 80) + more
    return SIGNATURE + struct.pack(">BBH", command, family, len(body)) + body


HEADERS = {
    b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n": (CLIENT, 4711),
    b"PROXY TCP6 2001:db9::9 2001:db8::1 4711 80\r\n": ("2001:db9::9", 4711),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff:f::1 ffff::1 1 2\r\n": None,
    binary(): (CLIENT, 4711),
    binary("2001:db9::9", family=INET6): ("2001:db9::9", 4711),
    binary(more=b"\x04\x00\x04abcd"): (CLIENT, 4711),
    binary(command=0x20): None,
    binary(family=UNIX): None,
}

BAD = {
    "no header": b"GET / HTTP/1.1\r\n",
    "another family": b"PROXY TCP5 203.0.113.9 10.0.0.1 4711 80\r\n",
    "no address": b"PROXY TCP4 example.com 10.0.0.1 4711 80\r\n",
    "an IPv6 address called IPv4": b"PROXY TCP4 ::1 10.0.0.1 4711 80\r\n",
    "no port": b"PROXY TCP4 203.0.113.9 10.0.0.1\r\n",
    "a line without end": b"PROXY " + b"x" * MAX_LINE,
    "a command nobody knows": binary(command=0x22),
    "version 1 in binary": binary(command=0x11),
    "too short": SIGNATURE + struct.pack(">BBH", 0x21, INET, 4) + bytes(4),
    "too long": SIGNATURE + struct.pack(">BBH", 0x21, INET, MAX_HEADER),
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_names_the_client(header: bytes) -> None:
    whole = HEADERS[header], len(header)
    assert read_header(header) == whole
    assert read_header(header + b"GET / HTTP/1.1\r\n") == whole
    assert [read_header(header[:end]) for end in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_header_is_refused(what: str) -> None:
    with pytest.raises(BadRequest):
        read_header(BAD[what])


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE]), st.binary(max_size=200))
def test_whatever_comes_is_a_header_or_refused_or_not_over(start: bytes, rest: bytes) -> None:
    try:
        found = read_header(start + rest)
    except BadRequest:
        return
    assert found is None or found[1] <= len(start + rest)


@pytest.mark.parametrize(
    ("name", "value", "client"),
    [
        ("x-forwarded-for", "203.0.113.9", CLIENT),
        ("x-forwarded-for", "203.0.113.9:4711", CLIENT),
        ("x-forwarded-for", "192.0.2.66, 203.0.113.9, 10.0.0.7", CLIENT),
        ("x-forwarded-for", "::ffff:203.0.113.9", CLIENT),
        ("x-forwarded-for", "[2001:db9::9]:4711", "2001:db9::9"),
        ("x-forwarded-for", "10.0.0.7", None),
        ("x-forwarded-for", "unknown", None),
        ("x-forwarded-for", "203.0.113.9, <script>", None),
        ("x-forwarded-for", "", None),
        ("forwarded", "for=203.0.113.9;proto=https", CLIENT),
        ("forwarded", 'for=192.0.2.66, For="[2001:db9::9]:4711"', "2001:db9::9"),
        ("forwarded", "for=_hidden", None),
        ("via", "1.1 varnish", None),
    ],
)
def test_the_last_that_is_no_proxy_of_ours_is_the_client(
    name: str, value: str, client: str | None
) -> None:
    """What stands before him he may have written himself."""
    proxies = Proxies([ip_network(each) for each in OURS])
    assert proxies.client({name.encode(): value.encode()}) == client


def test_trust() -> None:
    proxies = Proxies([ip_network(each) for each in OURS])
    trusted = [PROXY, "::ffff:10.0.0.1", "2001:db8::1", "11.0.0.1", "unknown"]
    assert [proxies.trusts(host) for host in trusted] == [True, True, True, False, False]
    assert not Proxies().trusts(PROXY)


# On a connection


@pytest.mark.parametrize(
    ("host", "said"), [(PROXY, f"{CLIENT} by {PROXY}:5000"), ("11.0.0.1", "11.0.0.1:5000")]
)
def test_only_a_proxy_of_ours_speaks_for_others(host: str, said: str) -> None:
    house = House(proxies=OURS)
    house.request(b"GET /play/x HTTP/1.1", b"X-Forwarded-For: " + CLIENT.encode(), host=host)
    house.request(
        b"PUT /ingest/x HTTP/1.1",
        b"X-Forwarded-For: " + CLIENT.encode(),
        b"Content-Length: 9",
        host=host,
    )
    (refusal,) = house.refusals
    assert refusal[1] == said


def test_a_proxy_of_ours_has_as_many_connections_as_it_likes() -> None:
    house = House(proxies=OURS, per_address=2)
    answers = [house.request(b"GET /time HTTP/1.1", host=PROXY).take() for _ in range(5)]
    assert [status(answer) for answer in answers] == [200] * 5


PREFACE = b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n"
GET = request(b"GET /time HTTP/1.1")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_request_comes_behind_the_header(size: int) -> None:
    house = House(proxies=OURS, proxy_protocol=True)
    transport = house.connect(PROXY)
    data = PREFACE + GET + GET
    for at in range(0, len(data), size):
        transport.receive(data[at : at + size])
    assert transport.take().count(b"HTTP/1.1 200") == 2
    assert house.connection(transport).peer == f"{CLIENT}:4711"


def test_a_client_counts_as_himself() -> None:
    house = House(proxies=OURS, proxy_protocol=True, per_address=2)
    answers = []
    for _ in range(3):
        transport = house.connect(PROXY)
        transport.receive(PREFACE + GET)
        answers.append(status(transport.take()))
    assert answers == [200, 200, 429]


def test_nobody_else_has_a_header() -> None:
    house = House(proxies=OURS, proxy_protocol=True)
    assert status(house.request(b"GET /time HTTP/1.1", host="11.0.0.1").take()) == 200
    liar = house.connect("11.0.0.1")
    liar.receive(PREFACE)
    assert status(liar.take()) == 400


def test_a_proxy_without_a_header_is_told() -> None:
    house = House(proxies=OURS, proxy_protocol=True)
    transport = house.request(b"GET /time HTTP/1.1", host=PROXY)
    assert status(transport.written) == 400
    assert b"PROXY header" in transport.written
    assert transport.eof


def test_who_is_one_too_many_is_told_nothing_else() -> None:
    house = House(proxies=OURS, proxy_protocol=True, connections=1)
    house.connect("11.0.0.1")
    refused = house.request(b"GET /time HTTP/1.1", host=PROXY)
    assert status(refused.written) == 503
    assert refused.written.count(b"HTTP/1.1 ") == 1


def test_a_header_has_so_long_to_come() -> None:
    house = House(proxies=OURS, proxy_protocol=True)
    slow, gone, quick = [house.connect(PROXY) for _ in range(3)]
    slow.receive(PREFACE[:9])
    gone.lose()
    quick.receive(PREFACE + GET)
    assert {seconds for seconds, _ in house.later} == {house.limits.head_seconds}
    for _, call in house.later:
        call()
    assert (slow.aborted, gone.aborted, quick.aborted) == (True, False, False)
