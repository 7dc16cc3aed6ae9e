"""Chromium plays ``/play`` in a plain ``<video>`` element, over an encoder's death too."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.e2e.conftest import Run
from tests.e2e.programs import Program, ffmpeg
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.browser import opened
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(240)]

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>a page of another origin</title>
<video id="video" src="%s" crossorigin="anonymous" muted autoplay playsinline width="320"></video>
<script>
const video = document.getElementById('video');
const seen = { errors: [], times: [] };
video.addEventListener('error', () => seen.errors.push(String(video.error && video.error.message)));
video.addEventListener('timeupdate', () => seen.times.push(video.currentTime));
function picture() {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas.toDataURL();  // throws unless CORS allows it
}
function quality() {
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  return { ...seen, total: totalVideoFrames, dropped: droppedVideoFrames, ended: video.ended };
}
</script>
"""
PLAYED = 25.0
"""Seconds of the first encoder the page must have played."""
MORE = 6.0
"""And of the second."""


@dataclass(frozen=True)
class Quality:
    """What the page has seen so far."""

    errors: list[str]
    times: list[float]
    total: int
    dropped: int
    ended: bool


async def quality(page: Page) -> Quality:
    return Quality(**await page.evaluate("quality()"))


async def picture(page: Page) -> str:
    """A checksum of what the ``<video>`` shows, read back through a canvas."""
    data = str(await page.evaluate("picture()"))
    assert data.startswith("data:image/png;base64,")
    return hashlib.sha256(data.encode()).hexdigest()


async def played(page: Page, seconds: float) -> None:
    """Wait until the page has played so far; any error ends the waiting."""

    async def reached() -> bool:
        seen = await quality(page)
        assert not seen.errors
        return bool(seen.times) and seen.times[-1] >= seconds

    await until(reached, patience=100, every=0.5)


def live_picture(run: Run, origin: OriginProcess) -> Program:
    """A test picture with sound, as live as it gets."""
    picture = "testsrc2=size=320x180:rate=25"
    sound = "sine=frequency=440:sample_rate=48000"
    return run(
        *ffmpeg("-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"),
        *("-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"),
        *("-f", "mp4", "-movflags", "empty_moov+frag_keyframe+default_base_moof"),
        f"{origin.url}/ingest/live",
    )


async def test_chromium_plays_on_for_half_a_minute_and_over_a_restart_of_the_encoder(
    spawn: Spawn, run: Run, tmp_path: Path
) -> None:
    origin = await spawn("--reconnect-grace", "60")
    first = live_picture(run, origin)
    await origin.until_metric("sorgente_publishers", 1)
    async with opened(PAGE % f"{origin.url}/play/live") as page:
        await played(page, 3)
        early = await picture(page)
        await played(page, PLAYED)
        late = await picture(page)
        await page.screenshot(path=tmp_path / "playing.png")
        assert early != late
        seen = await quality(page)
        assert all(before <= after for before, after in pairwise(seen.times))
        assert seen.total > PLAYED * 25 * 0.8
        assert seen.dropped < seen.total * 0.2, "few, on a machine with other things to do"

        first.kill()
        await origin.until_metric("sorgente_publishers", 0)
        live_picture(run, origin)
        await played(page, seen.times[-1] + MORE)
        assert await picture(page) != late
        await page.screenshot(path=tmp_path / "playing-on.png")
        seen = await quality(page)
        assert all(before <= after for before, after in pairwise(seen.times))
        assert not seen.ended
        assert not seen.errors
    assert "goes on with" in origin.log
