"""``sorgente serve`` as a process: how it starts, what it logs, how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest

from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.live import payloads, video
from tests.support.origin import request_head, until
from tests.support.tokens import PUBLIC_PEM

UPLOAD = video(20)


async def test_the_banner_says_where_and_how(origin_process: OriginProcess) -> None:
    banner = origin_process.log
    for path in ("/ingest/live", "/play/live", "/metrics"):
        assert f"{origin_process.url}{path}" in banner
    assert "movflags empty_moov+frag_keyframe+default_base_moof" in banner
    await origin_process.works()


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_it_says_that_tokens_do_not_close_publishing_from_this_machine(
    spawn: Spawn, tmp_path: Path, log_format: str
) -> None:
    (tmp_path / "public.pem").write_bytes(PUBLIC_PEM)
    options = ("--log-format", log_format, "--token-key", str(tmp_path / "public.pem"))
    await (await spawn(*options)).logged("this machine without a token, others with one")
    await (await spawn(*options, "--publish-key", "some-key-42")).logged("whoever has the KEY")


async def test_a_port_in_use_is_one_clear_line(
    origin_process: OriginProcess, tmp_path: Path
) -> None:
    with OriginProcess(tmp_path / "second.log", port=origin_process.port) as second:
        second.expected_exit = 1
        assert await second.exited() == 1
        (line,) = second.log.splitlines()
        assert f"127.0.0.1:{origin_process.port}" in line
        assert "in use" in line
    await origin_process.works()


async def test_the_log_says_who_publishes_and_how_many_watch(
    origin_process: OriginProcess,
) -> None:
    player, second = [(await origin_process.audience(1))[0] for _ in range(2)]
    await origin_process.logged("live: player connected, total: 1")
    await origin_process.logged("connected, total: 2")
    encoder = await origin_process.publish(headers=[("User-Agent", "Lavf/62")])
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    second.leave()
    await origin_process.logged("player disconnected, total: 1")
    await encoder.finish()
    await player.rest()
    lines = [line for line in origin_process.log.splitlines() if " INFO " in line]
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO live: ")
    assert all(stamp.match(line) for line in lines)
    text = "\n".join(lines)
    assert re.search(r"publishing started by 127\.0\.0\.1:\d+ \(Lavf/62\)", text)
    assert "avc1." in text
    size = len(UPLOAD.whole)
    assert f"publishing ended: upload complete ({size} bytes in 20 chunks, 1 watching)" in text


async def test_what_others_say_of_themselves_forges_no_line(spawn: Spawn) -> None:
    origin = await spawn("--log-format", "json")
    await origin.ask("POST", "/ingest", [("User-Agent", 'x"}, \t{\xff')], b"x")
    await origin.logged("publishing ended")
    assert [json.loads(line) for line in origin.log.splitlines()]


async def test_json_logs_are_json_from_the_first_line_to_the_last(spawn: Spawn) -> None:
    origin = await spawn("--log-format", "json")
    await origin.works("cam-1")
    origin.signal(signal.SIGTERM)
    assert await origin.exited() == 0
    entries = [json.loads(line) for line in origin.log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= entry.keys() for entry in entries)
    assert {entry.get("channel") for entry in entries} == {None, "cam-1"}


async def test_unknown_options_are_a_usage_error(tmp_path: Path) -> None:
    with OriginProcess(tmp_path / "usage.log", "--no-such-option", "x") as origin:
        await origin.exited()
        origin.expected_exit = origin.process.returncode
        assert origin.process.returncode != 0
        assert "--no-such-option" in origin.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_everything_within_bounds(spawn: Spawn, number: signal.Signals) -> None:
    """Nothing unfinished ends cleanly, not even for players of HTTP/1.0."""
    origin = await spawn("--shutdown-timeout", "0.5")
    live = await origin.audience(3)
    raw = await origin.audience(3, "/play/raw")
    old = await origin.play("/play/raw", version="1.0")
    waiting = await origin.audience(3, "/play/nobody")
    await origin.until_metric("sorgente_held", 10)
    idle = await origin.connect()
    await idle.send(request_head("GET", "/healthz"))
    assert (await idle.response()).status == 200
    silent = await origin.connect()
    encoders = [await origin.publish("/ingest/live"), await origin.publish("/ingest/raw")]
    await encoders[0].send(UPLOAD.init, *UPLOAD.chunks)
    await encoders[1].send(b"first half")
    for player in (*live, *raw, old):
        await player.take(1)

    origin.signal(number)
    for encoder in encoders:
        assert (await encoder.answer()).status == 503
    for player in (*live, *raw):
        assert not (await player.rest()).complete
    assert (await old.rest()).reset
    for player in waiting:
        assert not (await player.rest()).complete
    assert await idle.ends() == await silent.ends() == b""
    assert await origin.exited() == 0
    assert origin.log.splitlines()[-1].endswith(" bye")


async def test_an_upload_that_ends_in_time_ends_cleanly(spawn: Spawn) -> None:
    origin = await spawn("--shutdown-timeout", "60")
    players = await origin.audience(3)
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks[:10])
    await players[0].take(1)
    bystander = await origin.connect()
    origin.signal(signal.SIGTERM)
    await origin.logged("shutting down")
    await bystander.send(request_head("POST", "/ingest/new", [("Content-Length", "1")]))
    assert (await bystander.response("POST")).status == 503, "no new publishers"
    await encoder.send(*UPLOAD.chunks[10:])
    assert (await encoder.finish()).status == 200
    for player in players:
        got = await player.rest()
        assert (got.complete, got.body) == (True, UPLOAD.whole)
    assert await origin.exited() == 0


async def test_a_second_signal_hurries(spawn: Spawn) -> None:
    origin = await spawn("--shutdown-timeout", "3600")
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init)
    await origin.until_metric("sorgente_publishers", 1)
    origin.signal(signal.SIGTERM)
    await origin.logged("shutting down")
    origin.signal(signal.SIGTERM)
    assert await origin.exited() == 0


async def test_a_player_that_never_reads_does_not_hold_up_the_end(spawn: Spawn) -> None:
    origin = await spawn("--shutdown-timeout", "0.5")
    await origin.play(receive_buffer=4096)
    await origin.until_metric("sorgente_held", 1)
    encoder = await origin.publish()
    large = video(100, size=50_000)
    await encoder.send(large.init, *large.chunks)
    await origin.until_metric("sorgente_chunks_total", 100)
    origin.signal(signal.SIGTERM)
    assert await origin.exited() == 0


async def test_settings_come_from_variables_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spawn: Spawn
) -> None:
    config = tmp_path / "sorgente.toml"
    config.write_text("max-waiting = 1\nreconnect-grace = 0.2\n")
    monkeypatch.setenv("SORGENTE_MAX_CHANNELS", "1")
    origin = await spawn("--config", str(config))
    await origin.audience(1)
    assert (await origin.ask("GET", "/play/second")).status == 503
    encoder = await origin.publish("/ingest/first")
    await encoder.send(b"x")
    await origin.until_metric("sorgente_publishers", 1)
    assert (await origin.ask("POST", "/ingest/second", body=b"x")).status == 503


async def test_an_encoder_returns_to_a_real_process(origin_process: OriginProcess) -> None:
    (player,) = await origin_process.audience(1)
    first = await origin_process.publish()
    await first.send(UPLOAD.init, *UPLOAD.chunks)
    await player.take(len(UPLOAD.whole))
    first.vanish()
    await origin_process.until_metric("sorgente_publishers", 0)
    second = await origin_process.publish()
    await second.send(UPLOAD.init, *video(5, first_number=21).chunks)
    await second.finish()
    got = await asyncio.wait_for(player.rest(), 30)
    assert payloads(got.body) == payloads(video(25).whole)
    await until(lambda: "goes on with" in origin_process.log)
