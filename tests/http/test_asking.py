"""Uploads that wait for a verdict, in the order in which things may happen."""

from __future__ import annotations

import tracemalloc
from base64 import b64encode
from collections.abc import Callable

import pytest

from sorgente.errors import RefusedByProgram, Undecided
from sorgente.http.asking import Question, Verdict
from sorgente.keys import Key
from tests.support.live import video
from tests.support.transport import House, body_of, header, request, status

UPLOAD = video(3)
CHUNKED = b"Transfer-Encoding: chunked"
POST = b"POST /ingest/live HTTP/1.1"
WHOLE = b"%x\r\n%b\r\n0\r\n\r\n" % (len(UPLOAD.whole), UPLOAD.whole)
ELSEWHERE = "192.0.2.1"


class Judge:
    """Answers when a test says so, or at once."""

    def __init__(self, *known: Verdict) -> None:
        self.known = list(known)
        self.asked: list[Question] = []
        self.waiting: list[Callable[[Verdict], None]] = []

    def ask(self, question: Question, told: Callable[[Verdict], None]) -> Callable[[], None]:
        self.asked.append(question)
        if self.known:
            told(self.known.pop(0))
            return lambda: None
        self.waiting.append(told)
        return lambda: self.waiting.remove(told)

    def say(self, verdict: Verdict) -> None:
        self.waiting.pop(0)(verdict)


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def house(judge: Judge) -> House:
    return House(key=Key("some-key-42"), asker=judge)


def test_nothing_of_the_body_is_lost(house: House, judge: Judge) -> None:
    encoder = house.request(POST, CHUNKED, host=ELSEWHERE)
    for at in range(0, len(WHOLE), 100):
        encoder.receive(WHOLE[at : at + 100])
        encoder.reading = True
    assert not encoder.written
    assert not list(house.broker)
    judge.say(None)
    assert status(encoder.written) == 200
    assert b"%d bytes in 3 chunks" % len(UPLOAD.whole) in body_of(encoder.written)


def test_what_comes_behind_the_verdict_goes_on(house: House, judge: Judge) -> None:
    encoder = house.request(POST, CHUNKED, body=WHOLE[:300], host=ELSEWHERE)
    judge.say(None)
    for _, call in house.later:
        call()
    encoder.receive(WHOLE[300:])
    assert status(encoder.written) == 200


def test_a_body_that_waits_for_a_100_gets_it_with_the_verdict(house: House, judge: Judge) -> None:
    encoder = house.request(POST, CHUNKED, b"Expect: 100-continue", host=ELSEWHERE)
    assert not encoder.written
    judge.say(None)
    assert encoder.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    encoder.receive(WHOLE)
    assert status(encoder.written) == 200


@pytest.mark.parametrize("expect", [[b"Expect: 100-continue"], []])
@pytest.mark.parametrize(
    "verdict", [RefusedByProgram(403, "not today"), RefusedByProgram(401, ""), Undecided()]
)
def test_who_is_refused_is_told_why(
    house: House, judge: Judge, verdict: RefusedByProgram, expect: list[bytes]
) -> None:
    encoder = house.request(POST, CHUNKED, *expect, host=ELSEWHERE)
    judge.say(verdict)
    assert status(encoder.written) == verdict.status
    assert body_of(encoder.written) == f"{verdict}\n".encode()
    asks = b'Basic realm="sorgente"' if verdict.status == 401 else None
    assert header(encoder.written, b"WWW-Authenticate") == asks
    assert not list(house.broker)


def test_who_leaves_is_not_waited_for(house: House, judge: Judge) -> None:
    encoder = house.request(POST, CHUNKED, body=WHOLE[:300], host=ELSEWHERE)
    encoder.lose()
    assert not judge.waiting
    assert not list(house.broker)


def test_one_read_of_a_body_is_kept_and_no_more(house: House, judge: Judge) -> None:
    encoder = house.request(POST, CHUNKED, host=ELSEWHERE)
    assert encoder.reading, "who leaves before he sends anything is noticed"
    encoder.receive(WHOLE[:300])
    assert not encoder.reading
    house.pass_time(9)
    assert not encoder.reading
    assert not house.later
    judge.say(None)
    assert encoder.reading
    encoder.receive(WHOLE[300:])
    assert status(encoder.written) == 200


def test_a_body_in_small_pieces_takes_no_more_memory_than_it_has_bytes(
    house: House, judge: Judge
) -> None:
    encoder = house.connect(ELSEWHERE)
    tracemalloc.start()
    try:
        encoder.receive(request(POST, CHUNKED, body=b"2\r\nab\r\n" * 9000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 9000 * len("ab") * 4


def test_a_verdict_on_who_took_too_long_is_nobodys(house: House, judge: Judge) -> None:
    encoder = house.request(POST, CHUNKED, host=ELSEWHERE)
    house.pass_time(house.limits.head_seconds + 1)
    assert status(encoder.written) == 408
    assert not judge.waiting, "else somebody who is gone would publish"


def test_what_is_known_is_answered_at_once() -> None:
    judge = Judge(RefusedByProgram(403, "no"), None, Undecided())
    house = House(asker=judge)
    encoder = house.connect(ELSEWHERE)
    empty = request(b"POST /ingest/live/v HTTP/1.1", b"Content-Length: 0")
    encoder.receive(empty * 3)
    answers = [int(part[:3]) for part in encoder.written.split(b"HTTP/1.1 ")[1:]]
    assert answers == [403, 200, 503]
    assert not encoder.closed, "the connection goes on"


@pytest.mark.parametrize("known", [[], [None]])
def test_a_player_that_asked_for_more_and_left_is_not_waited_for(known: list[Verdict]) -> None:
    judge = Judge(*known)
    house = House(watch_asker=judge)
    player = house.connect()
    player.receive(request(b"GET /play/live HTTP/1.1") + request(b"GET /time HTTP/1.1") * 2)
    if not known:
        assert not player.reading, "nobody knows yet whether they will be answered"
        judge.say(None)
    assert house.broker.get("live") is not None
    assert player.reading, "only who reads hears that the other side is gone"
    player.protocol.eof_received()
    assert house.broker.get("live") is None


def test_who_has_the_key_is_not_asked_about(house: House, judge: Judge) -> None:
    bearer = b"Authorization: Bearer some-key-42"
    assert status(house.request(POST, CHUNKED, bearer, body=WHOLE).written) == 200
    assert not judge.asked


def test_what_is_asked(judge: Judge) -> None:
    house = House(asker=judge, proxies=[ELSEWHERE])
    basic = b"Authorization: Basic " + b64encode(b"any:stream-key")
    house.request(POST, CHUNKED, basic, b"User-Agent: Lavf/63", host="198.51.100.7")
    house.request(
        b"POST /ingest/live?token=a.b.c HTTP/1.1", b"X-Forwarded-For: 203.0.113.9", host=ELSEWHERE
    )
    house.request(b"POST /ingest?key=k HTTP/1.1")
    assert judge.asked == [
        Question("publish", "live", "198.51.100.7", "Lavf/63", "stream-key"),
        Question("publish", "live", "203.0.113.9", "", "a.b.c"),
        Question("publish", "live", "127.0.0.1", "", "k"),
    ]
    assert "stream-key" not in repr(judge.asked)


def test_what_is_no_channel_is_nobodys_business(house: House, judge: Judge) -> None:
    for path in (b"/ingest/no%20name", b"/ingest/"):
        line = b"POST " + path + b" HTTP/1.1"
        assert status(house.request(line, b"Content-Length: 0").written) == 401
    assert not judge.asked
