"""HTTP/1.x on the wire: h11 as the client over a matrix of requests, every byte accounted for."""

from __future__ import annotations

import asyncio
import itertools
import os

import h11
import pytest

from tests.support.origin import InProcess, Response, Site, Wire, frame, request_head, until

TARGETS = [
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("GET", "/healthz", 200),
    ("HEAD", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("HEAD", "/metrics", 200),
    ("GET", "/metrics?name[]=up", 200),
    ("POST", "/healthz", 405),
    ("OPTIONS", "/", 204),
    ("OPTIONS", "/healthz", 204),
    ("OPTIONS", "/play/live", 204),
    ("OPTIONS", "/ingest/live", 204),
    ("OPTIONS", "/nowhere", 204),
    ("GET", "/nowhere", 404),
    ("HEAD", "/nowhere", 404),
    ("GET", "/healthz/x", 404),
    ("GET", "/play/live/video/more", 404),
    ("HEAD", "/play/nobody", 404),
    ("GET", "/play/a%2Fb", 400),
    ("GET", "/ingest", 405),
    ("HEAD", "/ingest/live", 405),
    ("DELETE", "/ingest/live", 405),
    ("POST", "/play", 405),
    ("PUT", "/play/live", 405),
    ("DELETE", "/nowhere", 404),
    ("POST", "/ingest/live/video", 200),
    ("PUT", "/ingest/a%00b", 400),
]
CONNECTIONS = {
    ("1.1", None): True,
    ("1.1", "keep-alive"): True,
    ("1.1", "close"): False,
    ("1.0", None): False,
    ("1.0", "keep-alive"): True,
    ("1.0", "close"): False,
}


def assert_well_made(response: Response, method: str, status: int) -> None:
    """What every response says, whatever it answers."""
    assert response.complete
    assert response.status == status
    headers = response.headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["timing-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["date"].endswith(" GMT")
    assert headers["server"].startswith("sorgente/")
    if status == 405:
        assert method not in headers["allow"].split(", ")
    if status >= 400 and method != "HEAD" and headers["content-type"].startswith("text/plain"):
        assert response.body.rstrip(b"\n")
        assert response.body.count(b"\n") <= 1, "one line"
    if method == "HEAD" or status == 204:
        assert response.body == b""


async def assert_alive(wire: Wire) -> None:
    """The connection takes another request."""
    await wire.send(request_head("GET", "/healthz"))
    assert (await wire.response()).body == b"ok\n"
    assert wire.unread == b""


@pytest.mark.parametrize(("method", "target", "status"), TARGETS)
async def test_every_answer_is_whole_and_keeps_its_word_about_the_connection(
    origin: InProcess, method: str, target: str, status: int
) -> None:
    for (version, connection), kept in CONNECTIONS.items():
        wire = await origin.connect()
        headers = [] if connection is None else [("Connection", connection)]
        if version == "1.0" and method in ("POST", "PUT"):
            headers.append(("Content-Length", "0"))  # else 411
        await wire.send(request_head(method, target, headers, version))
        response = await wire.response(method)
        assert_well_made(response, method, status)
        said = response.headers.get("connection")
        assert said == ("close" if not kept else "keep-alive" if version == "1.0" else None)
        if kept:
            await assert_alive(wire)
        else:
            assert await wire.ends() == b""


async def test_head_answers_with_the_headers_of_get(origin: InProcess) -> None:
    for target in ("/", "/healthz", "/nowhere"):
        get, head = [await origin.ask(method, target) for method in ("GET", "HEAD")]
        assert head.headers.keys() == get.headers.keys()
        assert head.headers["content-length"] == get.headers["content-length"]


async def test_head_of_a_live_channel_tells_its_type_at_once(origin: InProcess) -> None:
    encoder = await origin.publish()
    await encoder.send(b"bytes of no known kind")
    await origin.until_metric("sorgente_chunks_total", 1)
    response = await origin.ask("HEAD", "/play")
    assert_well_made(response, "HEAD", 200)
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("target", ["/play/live", "/ingest/live", "/nowhere"])
async def test_a_preflight_allows_what_players_and_pages_send(
    origin: InProcess, target: str
) -> None:
    asked = [("Origin", "http://page"), ("Access-Control-Request-Method", "GET")]
    response = await origin.ask("OPTIONS", target, asked)
    assert_well_made(response, "OPTIONS", 204)
    assert {"GET", "POST", "PUT"} <= set(
        response.headers["access-control-allow-methods"].split(", ")
    )
    assert "Range" in response.headers["access-control-allow-headers"].split(", ")


@pytest.mark.parametrize(
    "target", ["http://origin/healthz", "http://origin:8080/healthz?x=/y", "HTTP://origin/healthz"]
)
async def test_absolute_form_is_taken(origin: InProcess, target: str) -> None:
    assert (await origin.ask("GET", target)).body == b"ok\n"


@pytest.mark.parametrize("target", ["http://origin", "http://origin?x=/healthz"])
async def test_absolute_form_without_a_path_is_the_root(origin: InProcess, target: str) -> None:
    response = await origin.ask("GET", target)
    assert response.headers["content-type"].startswith("text/html")


BODIES = [b"", b"x", os.urandom(70_000)]
FRAME_SIZES = [1, 1000, 70_000]


@pytest.mark.parametrize("size", [None, *FRAME_SIZES])
@pytest.mark.parametrize("expect", [False, True])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_bodies_arrive_however_they_are_framed(
    origin: InProcess, method: str, expect: bool, size: int | None
) -> None:
    """``size`` of the frames; None: a body with a Content-Length."""
    wire = await origin.connect()
    for body in BODIES:
        if size == 1 and len(body) > 1000:
            body = body[:1000]
        client = h11.Connection(h11.CLIENT)
        headers = [("Host", "origin")]
        headers += [("Transfer-Encoding", "chunked")] if size else []
        headers += [("Content-Length", str(len(body)))] if not size else []
        headers += [("Expect", "100-continue")] if expect else []
        request = h11.Request(method=method, target="/ingest", headers=headers)
        await wire.send(client.send(request) or b"")
        if expect and (body or size):
            line = b"HTTP/1.1 100 Continue\r\n\r\n"
            while len(wire.unread) < len(line):
                wire.unread += await Wire(wire.sock).receive()
            assert wire.unread == line
            wire.unread = b""
        step = size or len(body) or 1
        for at in range(0, len(body), step):
            await wire.send(client.send(h11.Data(data=body[at : at + step])) or b"")
        await wire.send(client.send(h11.EndOfMessage()) or b"")
        response = await wire.response(method)
        assert_well_made(response, method, 200)
        assert response.body.startswith(b"%d bytes in " % len(body))
        assert wire.unread == b""
    await assert_alive(wire)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "/nowhere", 404),
        ("POST", "/play", 405),
        ("POST", "/ingest/a%2Fb", 400),
        ("POST", "/ingest/taken", 409),
    ],
)
async def test_an_expectation_that_cannot_be_met_gets_its_answer_instead_of_a_100(
    origin: InProcess, method: str, target: str, status: int
) -> None:
    await (await origin.publish("/ingest/taken")).send(b"mine")
    await origin.until_metric("sorgente_publishers", 1)
    wire = await origin.connect()
    expecting = [("Expect", "100-continue"), ("Content-Length", "10")]
    await wire.send(request_head(method, target, expecting))
    response = await wire.response(method)
    assert_well_made(response, method, status)
    assert response.informational == ()
    assert response.headers["connection"] == "close", "the body may come or not"
    wire.half_close()
    assert await wire.ends() == b""


async def test_an_expectation_is_answered_wherever_a_body_is_taken(origin: InProcess) -> None:
    """RFC 9110 §10.1.1: a 100 or a final status, at once; the client waits with its body."""
    wire = await origin.connect()
    expecting = [("Expect", "100-continue"), ("Content-Length", "4")]
    await wire.send(request_head("POST", "/healthz", expecting))
    assert (await wire.receive()).startswith((b"HTTP/1.1 100 ", b"HTTP/1.1 405 "))


async def test_an_expectation_of_http_1_0_is_ignored(origin: InProcess) -> None:
    wire = await origin.connect()
    headers = [("Expect", "100-continue"), ("Content-Length", "4")]
    await wire.send(request_head("POST", "/ingest", headers, "1.0") + b"body")
    response = await wire.response("POST")
    assert (response.status, response.informational) == (200, ())


MIX = [("GET", "/healthz", 200), ("HEAD", "/healthz", 200), ("GET", "/nowhere", 404),
       ("OPTIONS", "/", 204), ("GET", "/", 200), ("GET", "/ingest", 405)]  # fmt: skip


@pytest.mark.parametrize("in_pieces_of", [1, 7, 1 << 20])
@pytest.mark.parametrize("depth", [2, 7, 64])
async def test_pipelined_requests_are_answered_in_their_order(
    origin: InProcess, depth: int, in_pieces_of: int
) -> None:
    asked = list(itertools.islice(itertools.cycle(MIX), depth))
    data = b"".join(request_head(method, target) for method, target, _ in asked)
    wire = await origin.connect()
    for at in range(0, len(data), in_pieces_of):
        await wire.send(data[at : at + in_pieces_of])
    for method, _, status in asked:
        assert_well_made(await wire.response(method), method, status)
    assert wire.unread == b""
    await assert_alive(wire)


@pytest.mark.parametrize("depth", [2, 20])
async def test_pipelined_uploads_are_taken_one_after_the_other(
    origin: InProcess, depth: int
) -> None:
    """As ffmpeg sends them: the next request behind the last frame, answers unread."""
    head = request_head("POST", "/ingest", [("Transfer-Encoding", "chunked")])
    bodies = [b"segment %d " % number * 1000 for number in range(depth)]
    wire = await origin.connect()
    await wire.send(b"".join(head + frame(body) + b"0\r\n\r\n" for body in bodies))
    for body in bodies:
        response = await wire.response("POST")
        assert response.status == 200
        assert response.body.startswith(b"%d bytes in " % len(body))
    await assert_alive(wire)


async def test_a_request_behind_one_that_closes_is_not_answered(origin: InProcess) -> None:
    wire = await origin.connect()
    await wire.send(request_head("GET", "/healthz", [("Connection", "close")]))
    await wire.send(request_head("GET", "/healthz"))
    assert (await wire.response()).status == 200
    assert await wire.ends() == b""


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize(("method", "target", "status"), MIX)
async def test_whoever_half_closes_gets_what_was_asked_for(
    origin: InProcess, method: str, target: str, status: int, depth: int
) -> None:
    wire = await origin.connect()
    await wire.send(request_head(method, target) * depth)
    wire.half_close()
    for _ in range(depth):
        assert_well_made(await wire.response(method), method, status)
    assert await wire.ends() == b""


async def test_an_encoder_that_half_closes_is_told_what_arrived(origin: InProcess) -> None:
    encoder = await origin.publish(length=4)
    await encoder.send(b"body")
    encoder.wire.half_close()
    assert (await encoder.answer()).status == 200
    assert await encoder.wire.ends() == b""


async def test_an_upload_cut_by_a_half_close_is_no_complete_one(origin: InProcess) -> None:
    (player,) = await origin.audience(1)
    encoder = await origin.publish()
    await encoder.send(b"the first frame, and no last one")
    encoder.wire.half_close()
    assert not (await player.rest()).complete
    await origin.until_metric("sorgente_publishers", 0)


async def test_an_offer_to_upgrade_is_ignored(origin: InProcess) -> None:
    offer = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "")]
    wire = await origin.connect()
    await wire.send(request_head("GET", "/healthz", offer))
    assert (await wire.response()).body == b"ok\n"


async def test_leading_empty_lines_are_skipped(origin: InProcess) -> None:
    wire = await origin.connect()
    await wire.send(b"\r\n\r\n" + request_head("GET", "/healthz"))
    assert (await wire.response()).body == b"ok\n"


async def test_trailers_are_of_no_consequence(origin: InProcess) -> None:
    wire = await origin.connect()
    head = request_head("POST", "/ingest", [("Transfer-Encoding", "chunked")])
    await wire.send(head + frame(b"body") + b"0\r\nHost: elsewhere\r\nX: y\r\n\r\n")
    assert (await wire.response("POST")).status == 200
    await assert_alive(wire)


async def test_connections_come_and_go_without_a_trace(origin: InProcess) -> None:
    async def alone(site: Site = origin) -> bool:
        return await site.metric("sorgente_connections") == 1

    wires = [await origin.connect() for _ in range(50)]
    for number, wire in enumerate(wires):
        await wire.send(request_head("GET", "/play")[: number * 2])
    for number, wire in enumerate(wires):
        wire.reset() if number % 2 else wire.close()
    await until(alone)
    await origin.works()


async def test_who_asks_faster_than_it_reads_gets_all_answers_in_their_order(origin: Site) -> None:
    """More than the kernel keeps: the rest of the requests stays with who sends them."""
    asked = [f"/nowhere?{number}" if number % 3 else "/time" for number in range(20_000)]
    wire = await origin.connect(receive_buffer=4096)
    sending = asyncio.create_task(
        wire.send(b"".join(request_head("GET", target) for target in asked))
    )
    for target in asked:
        response = await wire.response()
        assert response.status == (200 if target == "/time" else 404)
    await sending
    wire.close()
