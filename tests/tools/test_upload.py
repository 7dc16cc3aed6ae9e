"""One upload: to a real origin, and to servers that behave badly."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from sorgente.tools import upload as module
from sorgente.tools.errors import OriginLost, OriginRefused
from sorgente.tools.target import parse_target
from sorgente.tools.upload import Answer, Upload, probe
from tests.support.live import video
from tests.support.origin import InProcess, until
from tests.tools.conftest import Serve, answering, at, response

STREAM = video(20)


async def send(upload: Upload) -> None:
    await upload.send(STREAM.init)
    for chunk in STREAM.chunks:
        await upload.send(chunk)


async def flood(upload: Upload) -> None:
    """More than any socket holds."""
    for _ in range(1000):
        await upload.send(b"x" * 100_000)


async def test_an_upload_arrives_whole_and_is_answered(origin: InProcess) -> None:
    player = await origin.play("/play/live/v")
    await origin.until_metric("sorgente_held", 1)
    async with Upload(at(origin.url), "v") as upload:
        await send(upload)
        answer = await upload.finish()
    assert answer == f"{len(STREAM.whole)} bytes in 20 chunks"
    got = await player.rest()
    assert (got.complete, got.body) == (True, STREAM.whole)


async def test_an_upload_that_is_left_never_looks_whole(origin: InProcess) -> None:
    async with Upload(at(origin.url), "v") as upload:
        await send(upload)
        await origin.until_metric("sorgente_chunks_total", 20)
    await origin.until_metric("sorgente_upload_aborts_total", 1)


async def test_a_probe_claims_nothing(origin: InProcess) -> None:
    await probe(at(origin.url), "v")
    async with Upload(at(origin.url), "v") as upload:
        await send(upload)
        with pytest.raises(OriginLost, match=r"409: live/v is published by .*; \?takeover=1"):
            await probe(replace(at(origin.url), query="takeover=1"), "v")
        await upload.finish()


async def test_whoever_is_taken_over_is_told_so(origin: InProcess) -> None:
    async with Upload(at(origin.url), "v") as loser:
        answered = asyncio.Event()
        loser.on_answer(answered)
        async with Upload(replace(at(origin.url), query="takeover=1"), "v"):
            await answered.wait()
            assert loser.answered
            with pytest.raises(OriginLost, match="409: live/v was taken over by") as caught:
                await loser.verdict()
    assert caught.value.status == 409


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", OriginRefused), ("401 Unauthorized", OriginRefused),
        ("403 Forbidden", OriginRefused), ("404 Not Found", OriginRefused),
        ("301 Moved Permanently", OriginRefused), ("415 Unsupported", OriginRefused),
        ("408 Request Timeout", OriginLost), ("409 Conflict", OriginLost),
        ("429 Too Many", OriginLost), ("503 Unavailable", OriginLost), ("507 Full", OriginLost),
    ],
)  # fmt: skip
async def test_a_refusal_is_its_status_and_its_line(
    serve: Serve, status: str, kind: type[Exception]
) -> None:
    server = await serve(answering(response(status, "because of this\nand more\n")))
    for _ in range(2):
        with pytest.raises(kind, match=f"^the origin answers {status[:3]}: because of this$"):
            await probe(server.target, "v")
        with pytest.raises(kind, match=f"^the origin answers {status[:3]}: because of this$"):
            async with Upload(server.target, "v"):
                raise AssertionError("the body is never asked for")


async def test_the_head_says_who_and_what_and_holds_the_key(serve: Serve) -> None:
    server = await serve(answering(response("200 OK")))
    target = replace(server.target, query="a=b", authorization="Bearer geheim")
    await probe(target, "v")
    head = server.heads[0].split("\r\n")
    assert head[0] == "POST /ingest/live/v?a=b HTTP/1.1"
    assert {"Authorization: Bearer geheim", "Content-Length: 0"} <= set(head)
    assert not any(line.startswith("Expect") for line in head)
    with pytest.raises(OriginLost):
        async with Upload(target, "v"):
            pass
    assert {"Expect: 100-continue", "Transfer-Encoding: chunked"} <= set(
        server.heads[1].split("\r\n")
    )


async def test_a_server_that_knows_no_expect_gets_the_body_all_the_same(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(response("201 Created", "thanks"))

    monkeypatch.setattr(module, "CONTINUE_SECONDS", 0.05)
    server = await serve(talk)
    async with Upload(server.target, "v") as upload:
        await upload.send(b"some bytes")
        assert await upload.finish() == "thanks"
    assert heard == [b"a\r\nsome bytes\r\n0\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"", "hung up"), (b"HTTP/1.1 200", "hung up"), (b"SSH-2.0-OpenSSH_9.2\r\n", "speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "speak HTTP"),
    ],
)  # fmt: skip
async def test_what_is_no_origin_is_lost(serve: Serve, answer: bytes, line: str) -> None:
    server = await serve(answering(answer))
    with pytest.raises(OriginLost, match=line):
        await probe(server.target, "v")


async def test_an_origin_that_is_not_there_is_lost() -> None:
    with pytest.raises(OriginLost, match=r"^no connection to 127.0.0.1:1: Connection refused$"):
        await probe(parse_target("http://127.0.0.1:1"), "v")
    with pytest.raises(OriginLost, match=r"^no connection to nowhere.invalid: "):
        await probe(parse_target("http://nowhere.invalid"), "v")


async def test_an_origin_that_goes_away_is_lost(serve: Serve) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        writer.transport.abort()

    server = await serve(talk)
    async with Upload(server.target, "v") as upload:
        await until(lambda: upload.answered)
        with pytest.raises(OriginLost, match=r"hung up|is gone"):
            await flood(upload)


async def test_an_origin_that_takes_nothing_is_lost(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await done.wait()

    done = asyncio.Event()
    monkeypatch.setattr(module, "SEND_SECONDS", 0.05)
    server = await serve(talk)
    async with Upload(server.target, "v") as upload:
        with pytest.raises(OriginLost, match=r"took nothing for 0.05 s"):
            await flood(upload)
    done.set()


async def test_an_origin_that_never_answers_is_lost(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await done.wait()

    done = asyncio.Event()
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    server = await serve(talk)
    with pytest.raises(OriginLost, match=r"^the origin does not answer$"):
        await probe(server.target, "v")
    done.set()


async def test_an_answer_without_an_end_takes_no_memory() -> None:
    answer = Answer()
    answer.feed(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    for _ in range(20):
        answer.feed(b"y" * 10_000)
    assert answer.complete
    assert len(answer.line) <= module.MAX_LINE


async def test_a_certificate_nobody_vouches_for_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg would send it: it does not look."""
    heard = bytearray()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response("200 OK"))
        writer.close()

    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    made = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.DEVNULL)
    assert await made.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{listening.sockets[0].getsockname()[1]}"
    with pytest.raises(OriginLost, match="its certificate is not good: self-signed"):
        await probe(parse_target(url, "geheim"), "v")
    assert not heard
    await probe(parse_target(url, "geheim", certificate), "v")
    assert b"Authorization: Bearer geheim" in heard
    heard.clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    await probe(parse_target(url, "geheim"), "v")
    assert b"Authorization: Bearer geheim" in heard
    listening.close()
    await listening.wait_closed()
