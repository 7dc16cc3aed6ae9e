"""``sorgente demo``: what it prints, what it shows, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from sorgente.tools.picture import HEIGHT, WIDTH
from sorgente.tools.stamp import STAMP_BITS, stamp
from tests.e2e.conftest import Run
from tests.e2e.programs import curl, decoded, ffmpeg
from tests.e2e.showing import Showing
from tests.support.certificates import Authority
from tests.support.origin import until
from tests.tools.test_picture import blocks, right

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ENOUGH = 300_000
"""Bytes: some seconds, a key frame at least."""


def stamps(path: Path) -> list[int]:
    """What the pictures of a file say of their time, in milliseconds."""
    size = WIDTH * HEIGHT * 3 // 2
    command = ffmpeg("-i", str(path), "-map", "0:v", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-")
    raw = subprocess.run(command, capture_output=True, check=False, timeout=50).stdout
    read = [blocks(raw[at : at + size]) for at in range(0, len(raw) - size + 1, size)]
    assert all(map(right, read)), "encoding leaves the blocks what they are"
    return [int(each[:STAMP_BITS], 2) for each in read]


async def test_it_shows_a_picture_with_the_time_and_sound_and_ends_with_ctrl_c(
    run: Run, tmp_path: Path
) -> None:
    with Showing(tmp_path / "demo.log", "--ladder", "360p:1M") as demo:
        await demo.on_air()
        began = time.time()
        played = tmp_path / "played.mp4"
        player = run(*curl("-N", f"{demo.url}/play/live"), output=played)
        await player.receiving(ENOUGH)
        ended = time.time()
        manifest = (await demo.ask("GET", "/live/live/manifest.mpd")).body
        assert (await demo.ask("GET", "/watch/live")).status == 200
        family = psutil.Process(demo.process.pid).children(recursive=True)
        assert family
        assert await demo.interrupted() == 0
        await until(lambda: not any(each.is_running() for each in family))
        assert await player.ended() == 0, "the event has ended, and well"
    shown = stamps(played)
    assert shown[0] <= stamp(ended)
    assert stamp(began) - 2000 <= shown[-1], "of now, as far as a key frame may be back"
    assert {frame.stream for frame in decoded(played)} == {0, 1}, "picture and sound"
    assert b'id="v360"' in manifest
    assert manifest.count(b'mimeType="audio/mp4"') == 1


async def test_there_are_as_many_bit_rates_as_asked_for(tmp_path: Path) -> None:
    with Showing(tmp_path / "demo.log", "--ladder", "360p:500k,180p:200k") as demo:
        await demo.on_air(3)
        manifest = (await demo.ask("GET", "/live/live/manifest.mpd")).body
        assert b'id="v360"' in manifest
        assert b'id="v180"' in manifest
        assert await demo.interrupted() == 0


async def test_it_is_published_over_https_too(tmp_path: Path) -> None:
    """Which its own uploads need not trust."""
    authority = Authority()
    cert = authority.write(tmp_path / "demo.pem")
    options = ("--ladder", "180p:200k", "--cert", str(cert))
    with Showing(tmp_path / "demo.log", *options) as demo:
        authority.trusted_at(demo)
        await demo.on_air()
        assert f"\n  {demo.page}\n" in demo.log
        assert demo.page.startswith("https://")
        settings = (await demo.ask("GET", "/api/v1/settings")).body
        assert json.loads(settings)["settings"]["log_level"] == "warning"
        assert await demo.interrupted() == 0


async def test_an_ffmpeg_that_does_not_keep_up_begins_again_on_time(tmp_path: Path) -> None:
    """With fewer bit rates, if there are several."""
    with Showing(tmp_path / "demo.log", "--ladder", "360p:500k,180p:200k") as demo:
        await demo.on_air(3)
        slow = demo.ffmpeg
        slow.send_signal(signal.SIGSTOP)
        # Until it runs again, nobody can know that it is late.
        stopped = time.monotonic()
        await until(lambda: time.monotonic() - stopped > 2.5)
        slow.send_signal(signal.SIGCONT)
        await demo.logged("this machine does not keep up with 2 bit rates: one from now on")
        await until(lambda: not slow.is_running())
        await until(lambda: bool(psutil.Process(demo.process.pid).children()))
        await demo.on_air(2)
        assert "libx264" in demo.ffmpeg.cmdline()
        assert demo.ffmpeg.cmdline().count("libx264") == 1
        assert await demo.interrupted() == 0


async def test_without_ffmpeg_it_says_how_to_get_one(tmp_path: Path) -> None:
    """One line, and no traceback."""
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "imageio_ffmpeg.py").write_text("raise ImportError")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PATH": str(empty), "PYTHONPATH": os.pathsep.join(paths)}
    with Showing(tmp_path / "demo.log", env=env) as demo:
        await until(lambda: demo.process.poll() is not None)
        assert demo.process.returncode == 1
        assert demo.log.count("\n") == 1
        assert "ffmpeg is missing: `pip install imageio-ffmpeg` brings one" in demo.log
