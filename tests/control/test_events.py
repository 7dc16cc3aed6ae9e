"""What listeners are told, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sorgente.control import events
from sorgente.control.events import HEARTBEAT, MAX_LISTENERS, Events
from sorgente.errors import Overloaded
from tests.control.conftest import Stage


def parsed(sent: bytes) -> tuple[str, Any]:
    name, data, *rest = sent.decode().split("\n")
    assert rest == ["", ""]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def told(listener: AsyncIterator[bytes]) -> tuple[str, Any]:
    return parsed(await anext(listener))


@pytest.fixture
def source(stage: Stage) -> Events:
    return Events(stage.view, every=0)


async def test_a_listener_is_told_all_there_is_then_what_changes(
    stage: Stage, source: Events
) -> None:
    listener = source.listen()
    name, data = await told(listener)
    assert name == "snapshot"
    assert [each["name"] for each in data["channels"]] == ["live"]
    assert data["origin"]["channels_live"] == data["origin"]["channels_awaited"] == 1
    stage.live.send(1)
    name, data = await told(listener)
    assert name == "changes"
    assert [each["name"] for each in data["channels"]] == ["live"]
    assert data["channels"][0]["counters"]["chunks"] == 121
    assert data["gone"] == []


async def test_a_channel_that_is_gone_is_told_once(stage: Stage, source: Events) -> None:
    stage.house.request(b"POST /ingest/tomorrow HTTP/1.1", b"Transfer-Encoding: chunked")
    listener = source.listen()
    await told(listener)
    stage.house.broker.drop("tomorrow", stage.house.clock.now)
    assert (await told(listener))[1]["gone"] == ["tomorrow"]
    stage.live.send(1)
    assert (await told(listener))[1]["gone"] == []


async def test_who_is_slow_is_told_what_is_so_by_then(stage: Stage, source: Events) -> None:
    slow, quick = source.listen(), source.listen()
    await told(slow)
    await told(quick)
    for _ in range(3):
        stage.live.send(1)
        await told(quick)
    assert (await told(slow))[1]["channels"][0]["counters"]["chunks"] == 123


async def test_when_nothing_changes_there_is_a_sign_of_life(
    source: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.01)
    listener = source.listen()
    await told(listener)
    assert await anext(listener) == HEARTBEAT


async def test_listeners_are_bounded(source: Events) -> None:
    listeners = [source.listen() for _ in range(MAX_LISTENERS)]
    for listener in listeners:
        await anext(listener)
    with pytest.raises(Overloaded, match="100 listen already, and 100 may"):
        source.listen()
    await listeners[0].aclose()  # type: ignore[attr-defined]
    await anext(source.listen())


async def test_nobody_looks_when_nobody_listens(stage: Stage, source: Events) -> None:
    listener = source.listen()
    await anext(listener)
    before = asyncio.all_tasks()
    await listener.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    assert source.listeners == 0
    assert len(before - asyncio.all_tasks()) == 1
    stage.live.send(5)
    data = (await told(source.listen()))[1]
    assert data["channels"][0]["counters"]["chunks"] == 125, "who comes later is told what is so"


async def test_the_end_of_the_origin_is_the_end(stage: Stage, source: Events) -> None:
    listener = source.listen()
    await told(listener)
    stage.house.broker.closing = True
    rest = [parsed(each)[0] async for each in listener]
    assert rest in ([], ["changes"])
    assert source.listeners == 0
