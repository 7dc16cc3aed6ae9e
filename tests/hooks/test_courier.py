"""To receivers on real sockets, that take what they are told, do not, or are not there."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import msgspec
import pytest

from sorgente.hooks.courier import (
    FIRST_WAIT,
    LONGEST_ASKED_WAIT,
    LONGEST_WAIT,
    TRIES,
    Courier,
    wait_after,
)
from sorgente.hooks.message import Message
from sorgente.hooks.signature import Secret
from sorgente.hooks.tally import Fate, Tally
from sorgente.outbound import OutboundUrl
from tests.support.certificates import Authority
from tests.support.origin import until
from tests.support.ports import free_port
from tests.support.receiver import SECRET, Receiver, receiving

KIND = "channel.publish"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


class Sent:
    """A courier under test, and what became of its messages."""

    def __init__(self, courier: Courier, tally: Tally) -> None:
        self.courier = courier
        self.tally = tally
        self._numbers = count(1)

    def put(self, how_many: int = 1) -> None:
        for _ in range(how_many):
            number = next(self._numbers)
            body = msgspec.json.encode({"type": KIND, "count": number})
            self.courier.put(Message(f"msg_{number}", KIND, body, time.monotonic()))

    def fate(self, fate: Fate) -> int:
        return self.tally.fates[KIND, fate.value]

    @property
    def queued(self) -> int:
        return self.tally.queued[KIND]


Send = Callable[..., Sent]


@pytest.fixture
async def send() -> AsyncIterator[Send]:
    """Begin to tell somebody; waits are as short as they can be."""
    async with AsyncExitStack() as stack:

        def begin(
            url: str, *, started: bool = True, monotonic: Callable[[], float] = time.monotonic,
            **limits: float,
        ) -> Sent:  # fmt: skip
            tally = Tally()
            secrets = [Secret(OTHER_SECRET), Secret(SECRET)]
            courier = Courier(
                OutboundUrl(url), secrets, tally, monotonic, time.time, lambda: 0.0, **limits  # type: ignore[arg-type]
            )  # fmt: skip
            if started:
                courier.start()
            stack.push_async_callback(courier.close)
            return Sent(courier, tally)

        yield begin


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sorgente.hooks.courier.FIRST_WAIT", 0.01)


def numbers(receiver: Receiver) -> list[int]:
    return [event["count"] for event in receiver.taken]


def test_waits_grow_and_are_spread() -> None:
    waits = [wait_after(tries, 0.0, 1.0) for tries in range(1, TRIES)]
    assert waits[:4] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, 8 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    assert 180 < sum(waits) < 300, "five minutes in all"
    assert wait_after(3, 0.0, 0.0) == wait_after(3, 0.0, 1.0) / 2
    assert wait_after(1, 30.0, 0.0) == 30.0, "the receiver may ask for more"
    assert wait_after(1, 1e9, 0.0) == LONGEST_ASKED_WAIT, "not for all it likes"


async def test_events_come_in_order_and_are_signed_with_every_secret(send: Send) -> None:
    async with receiving() as receiver:
        sent = send(receiver.url)
        sent.put(20)
        await until(lambda: sent.fate(Fate.DELIVERED) == 20)
        assert numbers(receiver) == list(range(1, 21))
        assert len(receiver.heard[0].signature.split(" ")) == 2
        assert not sent.courier.busy
        assert sent.queued == 0


async def test_what_is_refused_is_tried_again_under_the_same_id(
    send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with receiving([500, 503]) as receiver:
        sent = send(receiver.url)
        sent.put(2)
        await until(lambda: sent.fate(Fate.DELIVERED) == 2)
        assert [told.number for told in receiver.heard] == ["msg_1"] * 3 + ["msg_2"]
        assert numbers(receiver) == [1, 2], "nothing overtakes it"
    said = [message for message in caplog.messages if "events" in message]
    assert [line.partition("/… ")[2] for line in said] == [
        "does not take events: it answers 500; they are tried again",
        "takes events again",
    ]
    assert "/hook" not in caplog.text


async def test_who_never_takes_one_is_told_the_next(send: Send, impatient: None) -> None:
    async with receiving([400] * TRIES) as receiver:
        sent = send(receiver.url)
        sent.put(2)
        await until(lambda: not sent.courier.busy)
        assert (sent.fate(Fate.FAILED), sent.fate(Fate.DELIVERED)) == (1, 1)
        assert numbers(receiver) == [2]
        assert len(receiver.heard) == TRIES + 1


async def test_what_is_old_is_not_tried_again(send: Send) -> None:
    async with receiving([500]) as receiver:
        sent = send(receiver.url, monotonic=lambda: time.monotonic() + 3600)
        sent.put(2)
        await until(lambda: not sent.courier.busy)
        assert (sent.fate(Fate.FAILED), sent.fate(Fate.DELIVERED)) == (1, 1)


async def test_redirects_are_not_followed(send: Send, impatient: None) -> None:
    async with receiving([307, 308, 302], headers={"Location": "/elsewhere"}) as receiver:
        sent = send(receiver.url)
        sent.put()
        await until(lambda: sent.fate(Fate.DELIVERED) == 1)
        assert len(receiver.heard) == 4
        assert receiver.elsewhere == 0


async def test_who_hangs_is_not_waited_for(
    send: Send, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving([0]) as receiver:
        sent = send(receiver.url, timeout=0.3)
        sent.put()
        await until(lambda: sent.fate(Fate.DELIVERED) == 1)
        assert len(receiver.heard) == 2
    assert "it does not answer" in caplog.text


async def test_who_is_away_is_told_when_it_is_back(
    send: Send, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    sent = send(f"http://127.0.0.1:{port}/hook")
    sent.put(3)
    await until(lambda: "no connection (" in caplog.text)
    async with receiving(port=port) as receiver:
        await until(lambda: sent.fate(Fate.DELIVERED) == 3)
        assert numbers(receiver) == [1, 2, 3]


async def test_the_oldest_give_way_and_it_is_said_once(
    send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving() as receiver:
        sent = send(receiver.url, started=False, room=5)
        sent.put(12)
        assert sent.fate(Fate.DROPPED) == 7
        assert sent.queued == 5
        sent.courier.start()
        await until(lambda: not sent.courier.busy)
        assert numbers(receiver) == [8, 9, 10, 11, 12]
        assert caplog.text.count("the oldest go") == 1
        sent.put(12)
        assert caplog.text.count("the oldest go") == 2, "another burst"


async def test_who_says_gone_is_left_alone(send: Send) -> None:
    async with receiving([204, 410]) as receiver:
        sent = send(receiver.url)
        sent.put(5)
        await until(lambda: sent.fate(Fate.DROPPED) == 3)
        sent.put(5)
        assert (sent.fate(Fate.FAILED), sent.fate(Fate.DROPPED)) == (1, 8)
        assert not sent.courier.busy
        assert len(receiver.heard) == 2


async def test_at_the_end_all_that_is_left_is_tried_once(
    send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving([500, 500]) as receiver:
        sent = send(receiver.url)
        sent.put(3)
        await until(lambda: "tried again" in caplog.text)
        sent.courier.hurry()  # it waits for a second try
        await until(lambda: not sent.courier.busy)
        assert [told.number for told in receiver.heard] == ["msg_1", "msg_1", "msg_2", "msg_3"]
        assert (sent.fate(Fate.FAILED), sent.fate(Fate.DELIVERED)) == (1, 2)


async def test_a_certificate_that_nobody_trusts_gets_nothing(
    send: Send, impatient: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Authority().write(tmp_path / "receiver.pem"))
    async with receiving(tls=tls) as receiver:
        sent = send(receiver.url)
        sent.put()
        await until(lambda: sent.fate(Fate.FAILED) == 1)
        assert receiver.heard == []
    assert "its certificate is not trusted" in caplog.text
