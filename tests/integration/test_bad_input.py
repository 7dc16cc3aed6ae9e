"""Section 7 of the issue: every kind of bad input gets its answer and costs nobody else anything.

Around each case another channel is on the air: its player misses nothing. After each case the
channel that was attacked takes a fresh upload and plays it, byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from sorgente.settings import ConnectionSettings, EncoderSettings, WindowSettings
from tests.integration.conftest import Launch, Spawn
from tests.support import boxes
from tests.support.boxes import TrafSpec
from tests.support.live import media_of, video
from tests.support.origin import InProcess, Response, Site, until

UPLOAD = video(20)
MAX_BOX = 10_000
MAX_CHUNK = 50_000
LIMITS = EncoderSettings(max_box_bytes=MAX_BOX, max_chunk_bytes=MAX_CHUNK, reconnect_grace=60)


@asynccontextmanager
async def undisturbed(origin: Site) -> AsyncIterator[None]:
    """A publisher and a player of another channel; and the origin works afterwards."""
    (player,) = await origin.audience(1, "/play/other")
    encoder = await origin.publish("/ingest/other")
    await encoder.send(UPLOAD.init, *UPLOAD.chunks[:10])
    await player.take(len(UPLOAD.init))
    yield
    await encoder.send(*UPLOAD.chunks[10:])
    assert (await encoder.finish()).status == 200
    got = await player.rest()
    assert (got.complete, got.body) == (True, UPLOAD.whole)
    player.leave()
    await origin.works("live")


async def say(origin: Site, data: bytes) -> Response:
    """Raw bytes on a connection of their own, and the one answer to them."""
    wire = await origin.connect()
    with suppress(ConnectionResetError, BrokenPipeError):
        await wire.send(data)
    response = await wire.response()
    wire.half_close()
    assert await wire.ends() == b""
    wire.close()
    return response


GARBAGE = {
    "a TLS handshake": bytes.fromhex("16030100c8010000c40303") + bytes(189),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a request of HTTP/0.9": b"GET /play\r\n\r\n",
    "an answer instead of a request": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "zeros": bytes(1000),
    "noise": bytes(range(128, 256)) * 20,
    "media without a request": UPLOAD.whole,
    "a word": b"hello\r\n\r\n",
    "SMTP": b"EHLO example.org\r\nMAIL FROM:<a@b>\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_instead_of_http_is_400(origin: InProcess, garbage: str) -> None:
    async with undisturbed(origin):
        response = await say(origin, GARBAGE[garbage])
        assert response.status == 400
        assert response.headers["connection"] == "close"


async def test_a_head_too_large_is_431(launch: Launch) -> None:
    origin = await launch(connections=ConnectionSettings(max_head_bytes=4096))
    async with undisturbed(origin):
        data = b"GET /play HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 4096 + b"\r\n"
        assert (await say(origin, data)).status == 431


BAD_NAMES = [
    "", "%2e%2e", "..", ".", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc", "a%2Fb", "a%5Cb",
    "..%5c..%5cwindows", "a%20b", "a+b", "a%00", "%00", "a%0d%0aSet-Cookie:x", "%ff%fe", "a%",
    "caf%C3%A9", "a:b", "a*", "~a", "$(id)", "%253C", "x" * 65, "<script>", "..;", "%c0%ae%c0%ae",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_out_of_the_alphabet_is_400(origin: InProcess, name: str) -> None:
    requests = [
        ("GET", f"/play/{name}"),
        ("HEAD", f"/play/{name}"),
        ("POST", f"/ingest/{name}"),
        ("PUT", f"/ingest/{name}"),
        ("GET", f"/play/live/{name}"),
        ("POST", f"/ingest/live/{name}"),
    ]
    async with undisturbed(origin):
        for method, target in requests:
            response = await origin.ask(method, target, body=b"x" if method == "POST" else b"")
            assert response.status == 400, target
            assert b"<" not in response.body, "what was sent is not repeated"
        assert [channel.name for channel in origin.broker] == ["other"]


@pytest.mark.parametrize("name", ["x" * 64, "A-Z_0.9", "...", "-", "%61%2D%7a"])
async def test_a_name_within_the_alphabet_is_taken(origin: InProcess, name: str) -> None:
    assert (await origin.upload(b"data", f"/ingest/{name}")).status == 200


def wrong_offset() -> bytes:
    """A ``traf`` whose ``trun`` says more than its box holds."""
    chunk = bytearray(boxes.chunk(TrafSpec()))
    at = chunk.index(b"trun") + 8
    chunk[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(chunk)


EMPTY_MEDIA = boxes.box(b"mdat")
MALFORMED = {
    "noise": os.urandom(2000).replace(b"moof", b"xxxx"),
    "text": b"<html>404 not found</html>" * 20,
    "zeros": bytes(2000),
    "a size smaller than a header": b"\0\0\0\7moof",
    "a large size smaller than its header": b"\0\0\0\1moof" + bytes(7) + b"\x0f",
    "media without a fragment": boxes.mdat(TrafSpec()),
    "a header inside a fragment": boxes.moof(TrafSpec()) + UPLOAD.init,
    "a box that is larger inside": boxes.box(b"moof", b"\0\0\1\0mfhd", bytes(8)) + EMPTY_MEDIA,
    "a run longer than its box": wrong_offset(),
    "the moov of a file": boxes.ftyp() + boxes.moov(fragmented=False),
    "another request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}
TOO_LARGE = {
    "a fragment over the limit": b"\0\1\0\0moof" + bytes(100),
    "an event over the limit": b"\0\1\0\0emsg" + bytes(100),
    "media over the limit": boxes.moof(TrafSpec()) + b"\0\1\0\0mdat" + bytes(100),
    "media of 4 GiB": boxes.moof(TrafSpec()) + b"\xff\xff\xff\xffmdat",
    "media of 2^63 bytes": boxes.moof(TrafSpec()) + b"\0\0\0\1mdat\x7f" + b"\xff" * 7,
    "media without an end": boxes.moof(TrafSpec()) + b"\0\0\0\0mdat" + bytes(MAX_CHUNK + 1),
    "a flood of boxes": boxes.box(b"free") * (MAX_CHUNK // 8 + 1),
}
RUBBISH = [
    *((name, data, 400) for name, data in MALFORMED.items()),
    *((name, data, 413) for name, data in TOO_LARGE.items()),
]


@pytest.mark.parametrize(("name", "data", "status"), RUBBISH, ids=[case[0] for case in RUBBISH])
async def test_a_stream_that_turns_to_rubbish_is_refused_and_its_players_are_let_go(
    launch: Launch, name: str, data: bytes, status: int
) -> None:
    """For good: the grace is for encoders that broke off, not for those that send rubbish."""
    origin = await launch(encoders=LIMITS)
    async with undisturbed(origin):
        (player,) = await origin.audience(1)
        encoder = await origin.publish()
        await encoder.send(UPLOAD.init, *UPLOAD.chunks)
        late = await origin.play()
        await late.take(1)
        await encoder.send(data)
        response = await encoder.answer()
        assert response.status == status, response
        assert response.body.count(b"\n") == 1, "one line that says what"
        assert response.headers["connection"] == "close"
        got, joined = await player.rest(), await late.rest()
        assert not got.complete
        assert not joined.complete
        assert got.body == UPLOAD.init + b"".join(UPLOAD.chunks), "all that was right, no more"
        assert len(media_of(joined.body)) == 5
        player.leave()
        late.leave()
        await until(lambda: origin.broker.get("live") is None)


async def test_what_was_never_a_live_stream_is_relayed_however_odd(launch: Launch) -> None:
    """Rule 1: there is no bad input at the start of an upload, there are only bytes."""
    origin = await launch(encoders=LIMITS)
    for name, data in {**MALFORMED, **TOO_LARGE}.items():
        (player,) = await origin.audience(1)
        assert (await origin.upload(data)).status == 200, name
        got = await player.rest()
        assert (got.complete, got.body) == (True, data), name
        player.leave()
        await origin.until_players(0)


async def test_a_fragmented_upload_that_ends_inside_a_box_is_no_complete_one(
    launch: Launch,
) -> None:
    origin = await launch(encoders=EncoderSettings(reconnect_grace=0.3))
    async with undisturbed(origin):
        (player,) = await origin.audience(1)
        encoder = await origin.publish()
        await encoder.send(UPLOAD.init, *UPLOAD.chunks[:3], UPLOAD.chunks[3][:-1])
        response = await encoder.finish()
        assert response.status == 400
        got = await player.rest()
        assert not got.complete
        assert len(media_of(got.body)) == 3
        player.leave()


async def test_one_channel_too_many_is_503(launch: Launch) -> None:
    origin = await launch(encoders=EncoderSettings(max_channels=2))
    async with undisturbed(origin):
        second = await origin.publish("/ingest/second")
        await second.send(b"on the air")
        await origin.until_metric("sorgente_publishers", 2)
        response = await origin.ask("POST", "/ingest/third", body=b"x")
        assert response.status == 503
        assert b"2" in response.body
        assert (await second.finish()).status == 200


async def test_windows_give_what_the_memory_bound_asks_for(launch: Launch) -> None:
    """Eviction: encoders never notice, the windows get shorter, the largest first."""
    memory = 1 << 20
    origin = await launch(window=WindowSettings(memory=memory))
    async with undisturbed(origin):
        encoder = await origin.publish("/ingest/large")
        upload = video(400, gop=4, size=20_000)
        await encoder.send(upload.init)
        for chunk in upload.chunks:
            await encoder.send(chunk)
        await origin.until_metric("sorgente_chunks_total", 10 + len(upload.chunks))
        assert memory / 2 < await origin.metric("sorgente_window_bytes") <= memory * 1.1
        late = await origin.play("/play/large?from=oldest")
        await late.take(1)
        assert (await encoder.finish()).status == 200
        assert 4 < len(media_of((await late.rest()).body)) < 60


async def test_memory_that_no_window_can_give_is_507(launch: Launch) -> None:
    origin = await launch(window=WindowSettings(memory=1 << 20))
    async with undisturbed(origin):
        (player,) = await origin.audience(1)
        encoder = await origin.publish()
        await encoder.send(UPLOAD.init, boxes.moof(TrafSpec()), b"\1\0\0\0mdat")
        try:
            for _ in range(64):
                await encoder.send(bytes(65536))
        except (ConnectionResetError, BrokenPipeError):
            pass
        response = await encoder.answer()
        assert response.status == 507
        player.leave()
        live = origin.broker.get("live")
        await until(lambda: live is None or live.watching == 0)
        encoder = await origin.publish("/ingest?takeover=1")
        await encoder.send(b"x")
        await encoder.finish()


ANSWERS: list[tuple[str, str, int]] = [
    ("GET", "/nowhere", 404),
    ("POST", "/nowhere", 404),
    ("GET", "/play/live/video/0", 404),
    ("GET", "/ingest", 405),
    ("GET", "/ingest/live", 405),
    ("DELETE", "/ingest", 405),
    ("POST", "/play", 405),
    ("PUT", "/play/live", 405),
    ("PATCH", "/play/live", 405),
]


@pytest.mark.parametrize(("method", "target", "status"), ANSWERS)
async def test_wrong_paths_and_methods_get_their_answer(
    origin: InProcess, method: str, target: str, status: int
) -> None:
    async with undisturbed(origin):
        for body in (b"", b"x" * 100_000):
            response = await origin.ask(method, target, body=body)
            assert response.status == status
            assert (status == 405) == ("allow" in response.headers)


async def test_a_coded_body_is_415(origin: InProcess) -> None:
    async with undisturbed(origin):
        response = await origin.ask("POST", "/ingest", [("Content-Encoding", "gzip")], b"x")
        assert response.status == 415


async def vanish_at(origin: Site, sent: bytes) -> None:
    wire = await origin.connect()
    await wire.send(sent)
    wire.reset()


async def test_a_process_outlives_it_all_without_a_traceback(spawn: Spawn) -> None:
    """The same and more against a real process, whose log the fixture reads."""
    origin = await spawn("--max-box-bytes", str(MAX_BOX), "--max-chunk-bytes", str(MAX_CHUNK))
    async with undisturbed(origin):
        for data in GARBAGE.values():
            await say(origin, data)
        for name in BAD_NAMES:
            await origin.ask("POST", f"/ingest/{name}", body=b"x")
        for _, data, status in RUBBISH:
            encoder = await origin.publish()
            await encoder.send(UPLOAD.init, *UPLOAD.chunks, data)
            assert (await encoder.answer()).status == status
        for method, target, status in ANSWERS:
            assert (await origin.ask(method, target)).status == status
        request = b"POST /ingest/gone HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"
        for length in range(0, len(request) + 1, 7):
            await vanish_at(origin, request[:length])
        await vanish_at(origin, request + UPLOAD.whole)
        await vanish_at(origin, b"GET /play/other HTTP/1.1\r\nHost: x\r\n\r\n")
        await origin.until_metric("sorgente_publishers", 1)
