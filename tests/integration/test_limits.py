"""Bounds of heads, waits and connections, set small so that a test meets them soon."""

from __future__ import annotations

import pytest

from sorgente.settings import ConnectionSettings, EncoderSettings, PlayerSettings
from tests.integration.conftest import Launch
from tests.support.origin import InProcess, Response, Wire, request_head, until

LIMIT = 2048
SHORT = 0.3
"""Seconds, where a time-out is what a test waits for."""


@pytest.fixture
async def small(launch: Launch) -> InProcess:
    return await launch(connections=ConnectionSettings(max_head_bytes=LIMIT))


@pytest.fixture
async def hasty(launch: Launch) -> InProcess:
    return await launch(
        connections=ConnectionSettings(head_timeout=SHORT, idle_timeout=SHORT),
        encoders=EncoderSettings(publisher_timeout=SHORT),
        players=PlayerSettings(stall_timeout=SHORT),
    )


ENDLESS = 1 << 20
"""Bytes of what never ends: several reads of a loop, each far over the limit."""

START = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
TOO_LARGE = {
    "one long value": (START + b"X: " + b"y" * 3 * LIMIT + b"\r\n\r\n", 431),
    "one long name": (START + b"X" * 3 * LIMIT + b": y\r\n\r\n", 431),
    "many headers": (START + b"X: y\r\n" * LIMIT + b"\r\n", 431),
    "a value that never ends": (START + b"X: " + b"y" * ENDLESS, 431),
    "a name that never ends": (START + b"X" * ENDLESS, 431),
    "headers that never end": (START + b"X: y\r\n" * 2 * LIMIT, 431),
    "a long target": (b"GET /" + b"x" * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long query": (b"GET /?" + b"x" * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a target that never ends": (b"GET /" + b"x" * ENDLESS, 414),
    "trailers that never end": (
        b"POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"X: y\r\n" * 2 * LIMIT,
        431,
    ),
    "an extension that never ends": (
        b"POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4;"
        + b"x" * ENDLESS,
        431,
    ),
}


async def dribble(wire: Wire, data: bytes, piece: int) -> Response:
    """Send as much as the other side takes, and read what it has to say."""
    try:
        for at in range(0, len(data), piece):
            await wire.send(data[at : at + piece])
    except (ConnectionResetError, BrokenPipeError):
        pass
    return await wire.response()


@pytest.mark.parametrize("piece", [2 << 20, 500], ids=["whole", "in pieces"])
@pytest.mark.parametrize("case", TOO_LARGE)
async def test_a_head_over_the_limit_is_refused(small: InProcess, case: str, piece: int) -> None:
    data, status = TOO_LARGE[case]
    wire = await small.connect()
    response = await dribble(wire, data, piece)
    assert response.complete
    assert response.status == status
    assert str(LIMIT // 2 if status == 414 else LIMIT).encode() in response.body, "how much"
    assert response.headers["connection"] == "close"
    assert await wire.ends() == b""
    await small.works()


async def test_a_head_just_under_the_limit_is_taken(small: InProcess) -> None:
    padding = "y" * (LIMIT - 100)
    assert (await small.ask("GET", "/healthz", [("X", padding)])).status == 200
    assert (await small.ask("GET", "/healthz?" + "x" * (LIMIT // 2 - 10))).status == 200


@pytest.mark.parametrize("sent", [START[:1], START, START + b"X: y"])
async def test_a_head_that_does_not_come_to_its_end_is_408(hasty: InProcess, sent: bytes) -> None:
    wire = await hasty.connect()
    await wire.send(sent)
    response = await wire.response()
    assert (response.status, response.headers["connection"]) == (408, "close")
    assert await wire.ends() == b""


async def test_a_head_that_drips_is_408_all_the_same(hasty: InProcess) -> None:
    """Slowloris: bytes keep coming, a head does not."""
    wire = await hasty.connect()
    await wire.send(START)
    answered = False

    async def dripped() -> bool:
        nonlocal answered
        try:
            await wire.send(b"X: y\r\n")
        except (ConnectionResetError, BrokenPipeError):
            answered = True
        return answered or await hasty.metric("sorgente_connections") == 1

    await until(dripped)


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
async def test_a_connection_without_a_request_is_closed(hasty: InProcess, sent: bytes) -> None:
    wire = await hasty.connect()
    await wire.send(sent)
    assert await wire.ends() == b""


async def test_an_idle_connection_is_closed_without_a_word(hasty: InProcess) -> None:
    wire = await hasty.connect()
    for _ in range(3):
        await wire.send(request_head("GET", "/healthz"))
        assert (await wire.response()).status == 200
    assert await wire.ends() == b""


async def test_a_body_that_does_not_come_is_408(hasty: InProcess) -> None:
    wire = await hasty.connect()
    await wire.send(request_head("POST", "/cmcd/live", [("Content-Length", "10")]) + b"12345")
    response = await wire.response()
    assert (response.status, response.headers["connection"]) == (408, "close")
    assert await wire.ends() == b""


async def test_an_encoder_that_falls_silent_is_408_and_leaves_its_place(hasty: InProcess) -> None:
    encoder = await hasty.publish()
    await encoder.send(b"x" * 1000)
    response = await encoder.answer()
    assert (response.status, response.headers["connection"]) == (408, "close")
    await hasty.works()


async def test_a_player_that_waits_is_never_idle(hasty: InProcess) -> None:
    """No deadline of a connection ends what is meant to take as long as it takes."""
    (player,) = await hasty.audience(1)
    witness = await hasty.connect()
    await witness.send(request_head("GET", "/healthz"))
    assert (await witness.response()).status == 200
    assert await witness.ends() == b"", "what is idle is closed meanwhile"
    data = b"late, but here"
    await hasty.upload(data)
    assert (await player.rest()).body == data


async def test_one_connection_too_many_is_503(launch: Launch) -> None:
    origin = await launch(connections=ConnectionSettings(max_connections=4))
    wires = [await origin.connect() for _ in range(4)]
    for wire in wires:
        await wire.send(request_head("GET", "/healthz"))
        assert (await wire.response()).status == 200
    surplus = await origin.connect()
    response = await surplus.response()
    assert (response.status, response.headers["connection"]) == (503, "close")
    assert response.headers["access-control-allow-origin"] == "*"
    assert b"4" in response.body
    surplus.half_close()
    assert await surplus.ends() == b""
    surplus.close()
    wires.pop().close()

    async def admitted() -> bool:
        return (await origin.ask("GET", "/healthz")).status == 200

    await until(admitted)
    assert await origin.metric("sorgente_connections_refused_total") >= 1
    for wire in wires:  # nobody who was in has noticed
        await wire.send(request_head("GET", "/healthz"))
        assert (await wire.response()).status == 200


async def test_one_connection_too_many_from_an_address_is_429(launch: Launch) -> None:
    origin = await launch(connections=ConnectionSettings(max_connections_per_address=3))
    wires = [await origin.connect(source="127.0.0.2") for _ in range(3)]
    for wire in wires:
        await wire.send(request_head("GET", "/healthz"))
        assert (await wire.response()).status == 200
    surplus = await origin.connect(source="127.0.0.2")
    response = await surplus.response()
    assert (response.status, response.headers["connection"]) == (429, "close")
    assert b"127.0.0.2" in response.body
    surplus.close()
    assert (await origin.ask("GET", "/healthz")).status == 200, "other addresses go on"
    for wire in wires:
        wire.close()
    await origin.until_metric("sorgente_connections", 1)
    again = await origin.connect(source="127.0.0.2")
    await again.send(request_head("GET", "/healthz"))
    assert (await again.response()).status == 200


async def test_one_waiting_player_too_many_is_503(launch: Launch) -> None:
    origin = await launch(players=PlayerSettings(max_waiting=2))
    await origin.audience(1, "/play/one")
    await origin.audience(1, "/play/two")
    response = await origin.ask("GET", "/play/three")
    assert response.status == 503
    assert b"2" in response.body
    encoder = await origin.publish("/ingest/one")
    await encoder.send(b"there it is")
    await origin.until_metric("sorgente_held", 1)
    await origin.works("three")
