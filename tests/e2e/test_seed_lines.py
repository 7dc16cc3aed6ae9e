"""The command lines of ``shared/seed/seed.txt``, typed as they stand there, and what comes out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import Run
from tests.e2e.programs import Program, curl, decoded, ffmpeg, pictures
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

LIVE = "empty_moov+frag_keyframe+default_base_moof"


async def watch(
    run: Run, origin: OriginProcess, path: Path, *options: str, channel: str = "live"
) -> Program:
    """``curl -N …/play > received.mp4``, once the origin knows of it."""
    before = await origin.players(channel)
    player = run(*curl("-N", *options, f"{origin.url}/play/{channel}"), output=path)
    await origin.until_players(before + 1, channel)
    return player


def content(kind: str, progressive: Path) -> bytes:
    return progressive.read_bytes() if kind == "mp4" else os.urandom(1 << 20)


@pytest.mark.parametrize("kind", ["mp4", "random"])
@pytest.mark.parametrize("options", [["--limit-rate", "1M"], ["--no-buffer"]])
async def test_a_file_sent_with_curl_is_the_file_received_with_curl(
    origin_process: OriginProcess,
    run: Run,
    tmp_path: Path,
    progressive: Path,
    kind: str,
    options: list[str],
) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(content(kind, progressive))
    player = await watch(run, origin_process, tmp_path / "received.mp4")
    url = f"{origin_process.url}/ingest"
    await run(*curl("-X", "POST", "-T", str(sent), url, *options)).succeeded()
    await player.succeeded()
    assert player.received == sent.read_bytes()


async def test_a_slow_upload_reaches_five_players_whole(
    origin_process: OriginProcess, run: Run, tmp_path: Path
) -> None:
    """1.5 MB at 400 kB/s: the seed's players get less than a tenth of it."""
    sent = tmp_path / "sent"
    sent.write_bytes(os.urandom(1_500_000))
    players = [await watch(run, origin_process, tmp_path / f"received-{n}") for n in range(5)]
    upload = curl("-X", "POST", "-T", str(sent), f"{origin_process.url}/ingest")
    await run(*upload, "--limit-rate", "400k").succeeded()
    for player in players:
        await player.succeeded()
        assert player.received == sent.read_bytes()


def encoder(run: Run, origin: OriginProcess, source: Path) -> Program:
    """``ffmpeg -re -i input.mp4 … -movflags … http://…/ingest``, with key frames twice a second."""
    return run(
        *ffmpeg("-re", "-i", str(source), "-c:v", "libx264", "-b:v", "4000k"),
        *("-preset", "ultrafast", "-tune", "zerolatency", "-g", "12", "-c:a", "copy"),
        *("-f", "mp4", "-movflags", LIVE, f"{origin.url}/ingest"),
    )


async def test_a_live_encoder_and_players_of_every_kind(
    spawn: Spawn, run: Run, tmp_path: Path, progressive: Path
) -> None:
    """From the start, late, throttled, paused and killed; the encoder killed and restarted.

    The paused one (SIGSTOP) is what is skipped: behind one that is only throttled the kernel grows
    a receive buffer of megabytes, and nothing is late.
    """
    origin = await spawn("--max-lag", "1", "--window", "5", "--reconnect-grace", "30")
    start = await watch(run, origin, tmp_path / "start.mp4")
    throttled = await watch(run, origin, tmp_path / "throttled.mp4", "--limit-rate", "400k")
    paused = await watch(run, origin, tmp_path / "paused.mp4")
    paused.pause()
    doomed = await watch(run, origin, tmp_path / "doomed.mp4")
    first = encoder(run, origin, progressive)
    await start.receiving(1_000_000)
    late = await watch(run, origin, tmp_path / "late.mp4")
    await late.receiving(100_000)
    doomed.kill()
    await origin.until_players(4)
    await start.receiving(2_500_000)
    paused.go_on()

    async def skipped() -> bool:
        return await origin.metric("sorgente_lag_skips_total") >= 1

    await until(skipped)
    first.kill()
    await origin.until_metric("sorgente_publishers", 0)
    before = len(start.received)
    second = encoder(run, origin, progressive)
    await start.receiving(before + 100_000)
    await second.succeeded()
    for player in (start, late, throttled, paused):
        await player.succeeded()
    assert "goes on with" in origin.log

    streams = {frame.stream for frame in decoded(tmp_path / "start.mp4")}
    assert streams == {0, 1}
    seen = pictures(tmp_path / "start.mp4")
    assert len(seen) > 300, "some of the first upload, all of the second"
    seen_late = pictures(tmp_path / "late.mp4")
    assert 250 < len(seen_late) < len(seen)
    assert seen[-len(seen_late) :] == seen_late, "the same pictures, from a later one on"
    for name in ("throttled", "paused"):
        assert decoded(tmp_path / f"{name}.mp4")
        some = pictures(tmp_path / f"{name}.mp4")
        assert len(some) > 200
        assert set(some) <= set(seen), "perhaps fewer, but none that is broken"
    assert len(some) < len(seen)


async def test_what_is_cut_by_the_end_of_the_grace_decodes_as_far_as_it_goes(
    spawn: Spawn, run: Run, tmp_path: Path, progressive: Path
) -> None:
    origin = await spawn("--reconnect-grace", "0.5")
    player = await watch(run, origin, tmp_path / "cut.mp4")
    live = encoder(run, origin, progressive)
    await player.receiving(500_000)
    live.kill()
    assert await player.ended() in (18, 56), "a partial file: curl knows"
    assert len(pictures(tmp_path / "cut.mp4")) >= 12


async def test_a_finished_live_upload_is_received_byte_for_byte(
    origin_process: OriginProcess, run: Run, tmp_path: Path, progressive: Path
) -> None:
    """What ffmpeg sent is what a file of the same command holds, ``mfra`` and all."""
    options = ["-i", str(progressive), "-c", "copy", "-bitexact", "-f", "mp4", "-movflags", LIVE]
    await run(*ffmpeg(*options, "pipe:1"), output=tmp_path / "expected.mp4").succeeded()
    player = await watch(run, origin_process, tmp_path / "received.mp4")
    await run(*ffmpeg(*options, f"{origin_process.url}/ingest")).succeeded()
    await player.succeeded()
    assert player.received == (tmp_path / "expected.mp4").read_bytes()
