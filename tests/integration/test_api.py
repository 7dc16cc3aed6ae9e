"""The API over real connections."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from sorgente.keys import Key
from sorgente.settings import AccessSettings
from tests.integration.conftest import Launch
from tests.support.live import video
from tests.support.origin import InProcess, Player, Response, request_head, until

KEY = "of-the-operator"
BEARER = [("Authorization", f"Bearer {KEY}")]
JSON = ("Content-Type", "application/json")
UPLOAD = video(60, gop=25)


@pytest.fixture
async def keyed(launch: Launch) -> InProcess:
    return await launch(access=AccessSettings(admin_key=Key(KEY)))


@pytest.fixture
def level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


async def look(origin: InProcess, path: str) -> Any:
    response = await origin.ask("GET", f"/api/v1{path}")
    assert response.status == 200, response
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.body)


async def order(origin: InProcess, method: str, path: str) -> Response:
    return await origin.ask(method, f"/api/v1{path}", BEARER)


async def test_a_channel_is_seen_ended_and_removed(keyed: InProcess) -> None:
    assert await look(keyed, "/channels") == {"channels": []}
    encoder = await keyed.publish("/ingest/cam")
    player = await keyed.play("/play/cam")
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    await player.take(len(UPLOAD.init) + 1000)
    assert (await keyed.ask("GET", "/live/cam/manifest.mpd")).status == 200, "it is announced"
    channel = await look(keyed, "/channels/cam")
    assert (channel["state"], channel["viewers"]) == ("live", 1)
    assert [track["codec"] for track in channel["tracks"]] == ["avc1.64001f"]
    assert await look(keyed, "/channels/cam/tracks") == {"tracks": channel["tracks"]}
    assert (await look(keyed, "/channels/cam/tracks/video"))["name"] == "video"

    assert (await order(keyed, "POST", "/channels/cam/end")).status == 204
    assert (await encoder.answer()).status == 410
    assert (await player.rest()).complete

    async def ended() -> bool:
        return bool((await look(keyed, "/channels/cam"))["state"] == "ended")

    await until(ended)
    assert (await order(keyed, "DELETE", "/channels/cam")).status == 204
    response = await keyed.ask("GET", "/api/v1/channels/cam")
    assert (response.status, response.body) == (404, b"there is no channel cam\n")


async def test_an_encoder_is_made_to_give_way(keyed: InProcess) -> None:
    encoder = await keyed.publish("/ingest/cam")
    player = await keyed.play("/play/cam")
    await encoder.send(UPLOAD.init, UPLOAD.chunks[0])
    got = len(await player.take(len(UPLOAD.init) + 1))
    assert (await order(keyed, "POST", "/channels/cam/takeover")).status == 204
    assert (await encoder.answer()).status == 409
    other = await keyed.publish("/ingest/cam")
    await other.send(UPLOAD.init, *UPLOAD.chunks)
    assert len(await player.take(got + 1000)) >= got + 1000


async def test_a_player_is_cut_off(keyed: InProcess) -> None:
    players = await keyed.audience(3, "/play/cam")
    seen = await look(keyed, "/channels/cam/subscribers?limit=2")
    assert seen["total"] == 3
    first, second = seen["subscribers"]
    assert first["waiting"]
    assert first["who"].startswith("127.0.0.1:")
    path = f"/channels/cam/subscribers?after={second['number']}"
    assert len((await look(keyed, path))["subscribers"]) == 1
    number = first["number"]
    assert (await order(keyed, "DELETE", f"/channels/cam/subscribers/{number}")).status == 204
    await keyed.until_players(2, "cam")
    assert await players[0].wire.ends() == b""


async def test_the_log_level_changes_and_says_what_it_was(keyed: InProcess, level: None) -> None:
    logging.getLogger().setLevel(logging.WARNING)
    assert await look(keyed, "/log-level") == {"level": "warning"}
    body = b'{"level":"debug"}'
    answer = await keyed.ask("PUT", "/api/v1/log-level", [*BEARER, JSON], body)
    assert json.loads(answer.body) == {"before": "warning", "level": "debug"}
    assert logging.getLogger().level == logging.DEBUG
    for refused in (b'{"level":"loud"}', b"{}", b"[", b'{"level":"info","more":1}'):
        answer = await keyed.ask("PUT", "/api/v1/log-level", [*BEARER, JSON], refused)
        assert answer.status == 400
    assert (await keyed.ask("PUT", "/api/v1/log-level", BEARER, body)).status == 415


async def test_settings_are_shown_without_keys(keyed: InProcess) -> None:
    settings = (await look(keyed, "/settings"))["settings"]
    assert (settings["admin_key"], settings["publish_key"]) == ("(set)", None)
    assert settings["window"] == 60.0


async def test_nothing_is_changed_without_the_key(keyed: InProcess) -> None:
    await keyed.publish("/ingest/cam")
    await keyed.until_metric("sorgente_publishers", 1)
    for headers, expected in (([], 401), ([("Authorization", "Bearer wrong-one")], 401)):
        response = await keyed.ask("DELETE", "/api/v1/channels/cam", headers)
        assert response.status == expected
        assert response.headers["www-authenticate"] == 'Bearer realm="sorgente"'
    assert await keyed.metric("sorgente_publishers") == 1


async def test_without_an_admin_key_one_may_look(origin: InProcess) -> None:
    assert await look(origin, "/channels") == {"channels": []}
    response = await order(origin, "DELETE", "/channels/cam")
    assert response.status == 403
    assert b"--admin-key" in response.body


# Events


class Listener:
    """Reads server-sent events off a socket."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self._read = 0

    async def next(self) -> tuple[str, Any]:
        while b"\n\n" not in self.player.body[self._read :]:
            assert len(await self.player.take(len(self.player.body) + 1)) > self._read
        end = self.player.body.index(b"\n\n", self._read)
        text = self.player.body[self._read : end].decode()
        self._read = end + 2
        name, data = text.split("\n")
        return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def listen(origin: InProcess) -> Listener:
    wire = await origin.connect()
    await wire.send(request_head("GET", "/api/v1/events"))
    return Listener(Player(wire))


async def test_events_tell_of_a_channel_from_its_beginning_to_its_end(keyed: InProcess) -> None:
    listener = await listen(keyed)
    name, data = await listener.next()
    assert (name, data["channels"]) == ("snapshot", [])
    assert listener.player.headers["content-type"].startswith("text/event-stream")
    encoder = await keyed.publish("/ingest/cam")
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    name, data = await listener.next()
    while not data["channels"]:
        name, data = await listener.next()
    assert (name, data["channels"][0]["name"]) == ("changes", "cam")
    assert (await order(keyed, "DELETE", "/channels/cam")).status == 204
    while data["gone"] != ["cam"]:
        name, data = await listener.next()


async def test_to_ask_what_events_are_is_not_to_listen(keyed: InProcess) -> None:
    response = await keyed.ask("HEAD", "/api/v1/events")
    assert (response.status, response.complete) == (200, True)
    assert response.headers["content-type"].startswith("text/event-stream")


async def test_a_listener_that_goes_leaves_nothing_behind(keyed: InProcess) -> None:
    for _ in range(3):
        listener = await listen(keyed)
        await listener.next()
        listener.player.wire.reset()
    await keyed.until_metric("sorgente_connections", 1)


async def test_the_events_end_when_the_origin_does(keyed: InProcess) -> None:
    listener = await listen(keyed)
    await listener.next()
    keyed.broker.closing = True
    response = await listener.player.rest()
    assert response.complete
