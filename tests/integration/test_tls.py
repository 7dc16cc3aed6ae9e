"""HTTPS: all that works without it, certificates that are renewed, and who does not speak TLS."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sorgente.http import handshake
from sorgente.settings import ConnectionSettings, ListenSettings
from tests.integration.conftest import Launch, Spawn
from tests.integration.process import OriginProcess
from tests.support.certificates import Authority
from tests.support.live import video
from tests.support.origin import InProcess, SecureWire, Wire, request_head

UPLOAD = video(50, gop=10, size=20_000)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def origin(launch: Launch, authority: Authority, tmp_path: Path) -> InProcess:
    cert = authority.write(tmp_path / "origin.pem")
    origin = await launch(
        listen=ListenSettings(host="127.0.0.1", port=0, cert=cert),
        connections=ConnectionSettings(head_timeout=1),
    )
    authority.trusted_at(origin)
    return origin


async def test_chunks_go_from_an_encoder_to_its_players(origin: InProcess) -> None:
    players = await origin.audience(10)
    assert (await origin.upload(UPLOAD.whole)).status == 200
    got = await asyncio.gather(*(player.rest() for player in players))
    assert {(each.complete, each.body) for each in got} == {(True, UPLOAD.whole)}


async def test_a_connection_is_kept(origin: InProcess) -> None:
    wire = await origin.connect()
    assert isinstance(wire, SecureWire)
    assert wire.tls.version() == "TLSv1.3"
    for _ in range(3):
        await wire.send(request_head("GET", "/time"))
        assert (await wire.response()).complete


async def test_an_early_answer_is_read_by_who_still_sends(origin: InProcess) -> None:
    encoder = await origin.publish("/ingest/a%20b")
    await encoder.send(os.urandom(1 << 20))
    assert (await encoder.answer()).status == 400


async def test_a_player_that_reads_nothing_keeps_nothing_from_others(origin: InProcess) -> None:
    slow = await origin.play(receive_buffer=4096)
    await origin.until_metric("sorgente_held", 1)
    (fast,) = await origin.audience(1)
    data = os.urandom(8 << 20)
    reader = asyncio.create_task(fast.rest())
    assert (await origin.upload(data)).status == 200
    assert (await reader).body == data
    assert (await slow.rest()).body == data, "it was in the window, not in buffers"


async def test_who_leaves_is_forgotten(origin: InProcess) -> None:
    for player in await origin.audience(5):
        player.leave()
    await origin.until_players(0)


async def plain(origin: InProcess) -> Wire:
    trust, origin.tls = origin.tls, None
    wire = await origin.connect()
    origin.tls = trust
    return wire


async def failures(origin: InProcess, reason: str) -> float:
    return await origin.metric("sorgente_tls_handshake_failures_total", reason=reason)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not_tls"),
        (bytes(300), "not_tls"),
        (b"\x16\x03\x01\x00\x05hello", "not_tls"),
        (b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + bytes(300), "incompatible"),
        (b"", "timeout"),
        (b"\x16\x03\x01", "timeout"),
    ],
)
async def test_who_does_not_speak_tls_is_hung_up_on(
    origin: InProcess, said: bytes, reason: str
) -> None:
    """Or says nothing at all: for as long as a request head may take."""
    wire = await plain(origin)
    await wire.send(said)
    assert b"HTTP/" not in await wire.ends()
    assert (await origin.ask("GET", "/healthz")).status == 200
    assert await failures(origin, reason) == 1


async def test_who_does_not_trust_the_certificate_is_counted(origin: InProcess) -> None:
    trust, origin.tls = origin.tls, ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        await origin.connect()
    origin.tls = trust
    await origin.until_metric("sorgente_tls_handshake_failures_total", 1, reason="alert")


async def test_who_leaves_in_its_midst_is_counted(origin: InProcess) -> None:
    wire = await plain(origin)
    await wire.send(b"\x16\x03\x01")
    wire.close()
    await origin.until_metric("sorgente_tls_handshake_failures_total", 1, reason="gone")


async def test_those_who_say_nothing_keep_nobody_out(
    origin: InProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Over the bound, who has said nothing for longest is hung up on."""
    monkeypatch.setattr(handshake, "MAX_HANDSHAKES", 20)
    first = [await plain(origin) for _ in range(10)]
    rest = [await plain(origin) for _ in range(20)]
    (player,) = await origin.audience(1)
    assert [await wire.ends() for wire in first] == [b""] * 10
    assert (await origin.upload(UPLOAD.whole)).status == 200
    assert (await player.rest()).body == UPLOAD.whole
    assert "20 TLS handshakes are under way" in caplog.text
    assert caplog.text.count("handshakes are under way") == 1
    assert await origin.metric("sorgente_connections_refused_total") >= 10
    assert await failures(origin, "crowded") >= 10
    assert [await wire.ends() for wire in rest] == [b""] * 20, "after as long as a head may take"


async def test_a_handshake_in_pieces_and_a_request_behind_it(
    origin: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a client that sends its request with the end of the handshake, in one packet."""
    assert origin.tls is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = origin.tls.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    wire = await plain(origin)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    for byte in outgoing.read():
        await wire.send(bytes([byte]))
    shaken = False
    while not shaken:
        incoming.write(await wire.receive())
        with suppress(ssl.SSLWantReadError):
            tls.do_handshake()
            shaken = True
    tls.write(request_head("GET", "/healthz"))
    await wire.send(outgoing.read())
    answer = b""
    while b"\r\n\r\nok\n" not in answer:
        incoming.write(await wire.receive())
        with suppress(ssl.SSLWantReadError):
            while True:
                answer += tls.read(65536)


# The process


async def shown_by(port: int) -> str:
    """The certificate."""
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))


async def test_sighup_takes_the_renewed_certificate(
    spawn: Spawn, authority: Authority, tmp_path: Path
) -> None:
    expiry = "sorgente_tls_certificate_expiry_timestamp_seconds"
    successful = "sorgente_tls_certificate_last_reload_successful"
    ends = datetime(2040, 1, 1, tzinfo=UTC)
    cert = authority.write(tmp_path / "origin.pem", ends)
    origin = await spawn("--cert", str(cert))
    shown = await shown_by(origin.port)
    authority.trusted_at(origin)
    (player,) = await origin.audience(1)
    assert await origin.metric(expiry) == ends.timestamp()
    assert await origin.metric(successful) == 1

    ends += timedelta(days=90)
    authority.write(cert, ends)
    origin.process.send_signal(signal.SIGHUP)
    await origin.logged("the certificate was read again, it ends at 2040-03-31 00:00 UTC")
    renewed = await shown_by(origin.port)
    assert renewed != shown
    assert await origin.metric(expiry) == ends.timestamp()

    cert.write_text("not a certificate")
    origin.process.send_signal(signal.SIGHUP)
    await origin.logged("the certificate stays as it was")
    assert await shown_by(origin.port) == renewed
    assert await origin.metric(expiry) == ends.timestamp()
    assert await origin.metric(successful) == 0

    authority.write(cert, ends)
    origin.process.send_signal(signal.SIGHUP)
    await origin.until_metric(successful, 1)

    assert (await origin.upload(UPLOAD.whole)).status == 200
    assert (await player.rest()).body == UPLOAD.whole, "who was there stays"


async def test_curl_trusts_it(spawn: Spawn, authority: Authority, tmp_path: Path) -> None:
    origin = await spawn("--cert", str(authority.write(tmp_path / "origin.pem")))
    ca = authority.write_own(tmp_path / "ca.pem")
    authority.trusted_at(origin)
    assert f"{origin.url}/ingest/live" in origin.log
    line = ["curl", "-sS", "--cacert", str(ca), f"{origin.url}/healthz"]
    done = await asyncio.to_thread(subprocess.run, line, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("ok\n", "")


async def test_what_is_no_certificate_is_one_clear_line(
    authority: Authority, tmp_path: Path
) -> None:
    one, other = authority.write(tmp_path / "a.pem"), authority.write(tmp_path / "b.pem")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_bytes(os.urandom(100))
    for options, said in (
        (["--cert", str(rubbish)], "rubbish.pem"),
        (["--cert", str(one), "--key", str(other)], "key values mismatch"),
    ):
        with OriginProcess(tmp_path / "log", *options) as origin:
            origin.expected_exit = 2
            assert await origin.exited() == 2
            (line,) = origin.log.splitlines()
            assert said in line


@pytest.mark.parametrize(
    "options",
    [
        ["--key", __file__],
        ["--proxy-protocol"],
        ["--proxy-protocol", "--trusted-proxy", "10.0.0.0/8", "--cert", __file__],
        ["--trusted-proxy", "10.0.0.1/8"],
    ],
)
async def test_settings_that_contradict_each_other(options: list[str], tmp_path: Path) -> None:
    with OriginProcess(tmp_path / "log", *options) as origin:
        origin.expected_exit = 2
        assert await origin.exited() == 2
        assert options[0] in origin.log
        assert "Traceback" not in origin.log
