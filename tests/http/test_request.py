"""Request heads, as exchanges get them."""

from __future__ import annotations

import pytest

from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from tests.support.transport import House, RecordingTransport, body_of, request, status


class Echo(Exchange):
    """Says what it was asked."""

    def complete(self) -> None:
        """Answer."""
        lines = [b"%b=%b" % field for field in sorted(self.request.headers.items())]
        self.line.reply(200, b"\n".join(lines))


@pytest.fixture
def house() -> House:
    house = House()

    def route(asked: Request, line: Line) -> Exchange:
        return Echo(line, asked)

    house.frontend.route = route
    return house


def test_lines_of_one_name_are_one_value(house: House) -> None:
    """RFC 9110 §5.3."""
    lines = [b"B: 1", b"A: x", b"b:2", b"B:", b"CMCD-Request: bl=1", b"cmcd-request: mtp=2"]
    answer = house.request(b"GET / HTTP/1.1", *lines).written
    assert body_of(answer).split(b"\n") == [
        b"a=x",
        b"b=1, 2, ",
        b"cmcd-request=bl=1, mtp=2",
        b"host=origin",
    ]


def test_trailers_are_no_headers_and_those_of_one_request_not_those_of_the_next(
    house: House,
) -> None:
    body = b"1\r\nx\r\n0\r\nA: trailer\r\n\r\n"
    first = request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", body=body)
    player = house.connect()
    player.receive(first + request(b"GET / HTTP/1.1", b"C: d"))
    answers = player.written.split(b"HTTP/1.1 200")[1:]
    assert [body_of(answer) for answer in answers] == [
        b"host=origin\ntransfer-encoding=chunked",
        b"c=d\nhost=origin",
    ]


@pytest.mark.parametrize(
    ("count", "expected"), [(2, 200), (9, 200), (30, 431)], ids=["two", "nine", "thirty"]
)
def test_joining_lines_is_paid_for(house: House, count: int, expected: int) -> None:
    """A head may have 1000 bytes here. Thirty short lines have 210, but to join n of them costs
    the square of n."""
    answer = house.request(b"GET / HTTP/1.1", *[b"A: b"] * count).written
    assert status(answer) == expected


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [([b"a "], 200), ([b""], 200), ([b"a", b"a"], 400), ([b"", b""], 400), ([b"a", b""], 400)],
)
def test_a_request_has_one_host(house: House, hosts: list[bytes], expected: int) -> None:
    player = house.connect()
    lines = [b"GET / HTTP/1.1", *[b"Host: " + host for host in hosts], b"", b""]
    player.receive(b"\r\n".join(lines))
    assert status(player.written) == expected


def half_a_head(player: RecordingTransport) -> None:
    player.receive(b"GET / HTTP/1.1\r\nHost: ori")


def test_a_second_head_that_dribbles_is_given_up_like_the_first(house: House) -> None:
    player = house.request(b"GET / HTTP/1.1")
    player.take()
    half_a_head(player)
    house.pass_time(house.limits.head_seconds - 1)
    assert player.written == b""
    house.pass_time(2)
    assert status(player.written) == 408


def test_a_head_behind_an_answer_has_its_time_from_then_on(house: House) -> None:
    player = house.connect()
    player.receive(request(b"GET / HTTP/1.1") + b"GET / HTTP/1.1\r\nHost: ori")
    player.take()
    house.pass_time(house.limits.head_seconds + 1)
    assert status(player.written) == 408
