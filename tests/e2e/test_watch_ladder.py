"""``/watch/live`` of a channel of two bit rates, in Chromium: it downloads one of them, and changes
to the other without a stall."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.players.measurement import STILL_SECONDS, longest_still
from tests.e2e.showing import Showing
from tests.e2e.watching import Watcher, watching
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

LADDER = ("--ladder", "360p:800k,180p:800k")
"""About as many bytes each."""
BACK = 20.0
"""Seconds from a loss to a picture, at most."""


BOTH = 0.75
"""Of what the encoder sends: one bit rate and the sound are less (0.57), both are all of it."""


async def until_shown(watcher: Watcher, height: int) -> None:
    """A picture of so many lines is on the screen."""

    async def shown() -> bool:
        lines = await watcher.page.evaluate("document.querySelector('video').videoHeight")
        return bool(lines == height)

    await until(shown)


async def downloaded(watcher: Watcher, demo: Showing, seconds: float) -> float:
    """How much of what the encoder sent in that time the page got."""
    taken, sent = await counted(demo)
    await watcher.for_seconds(seconds)
    now_taken, now_sent = await counted(demo)
    return (now_sent - sent) / (now_taken - taken)


async def counted(demo: Showing) -> tuple[float, float]:
    """Bytes that the origin took in so far, and that it sent to players."""
    taken = await demo.metric("sorgente_channel_bytes_in_total", channel="live")
    return taken, await demo.metric("sorgente_channel_bytes_out_total", channel="live")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Showing]:
    with Showing(tmp_path / "demo.log", *LADDER) as showing:
        yield await showing.on_air(3)
        assert await showing.interrupted() == 0


async def test_it_plays_one_bit_rate_and_another_if_asked_to(demo: Showing) -> None:
    async with watching(demo.page) as watcher:
        rates = watcher.page.get_by_label("bit rate")
        await until_shown(watcher, 360)
        assert 0 < await downloaded(watcher, demo, 2) < BOTH
        names = await rates.locator("option").all_inner_texts()
        assert names[0] == "Auto (360p)"
        assert [name.partition("p")[0] for name in names[1:]] == ["360", "180"]
        await rates.focus()
        await watcher.page.keyboard.press("End")
        await until_shown(watcher, 180)
        assert 0 < await downloaded(watcher, demo, 1) < BOTH


@pytest.mark.minutes
async def test_it_changes_without_a_stall(demo: Showing) -> None:
    """At the latency of the page, so where nothing else runs."""
    async with watching(demo.page) as watcher:
        rates = watcher.page.get_by_label("bit rate")
        await watcher.for_seconds(3)
        for height in (180, 360, 180, 360):
            before = watcher.stalls
            await rates.select_option(f"v{height}")
            await until_shown(watcher, height)
            samples = await watcher.for_seconds(6)
            assert watcher.stalls == before
            assert longest_still(samples) < STILL_SECONDS * 1000


@pytest.mark.minutes
async def test_it_lives_through_new_encoders_one_after_the_other(demo: Showing) -> None:
    """What one of them leaves is often cut off close to what the next begins with."""
    async with watching(demo.page) as watcher:
        await watcher.page.get_by_label("bit rate").select_option("v180")
        await until_shown(watcher, 180)
        for _ in range(4):
            killed = time.time()
            demo.ffmpeg.kill()
            await watcher.until_made_after(killed + 1, BACK)
        await until_shown(watcher, 180)
