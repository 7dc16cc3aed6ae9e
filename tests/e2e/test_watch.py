"""``/watch/live`` in Chromium: how late it is, read from its pixels, and what it lives through.

The bounds are wide, for machines with other things to do; what was measured is printed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sorgente.control.static import WEB
from tests.e2e.players.measurement import Watch, late, longest_still, write_down
from tests.e2e.showing import Showing
from tests.e2e.watching import Watcher, watching
from tests.support.absent import absent
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

MEASURED = 8.0
"""Seconds in CI."""
LONG = float(os.environ.get("SORGENTE_WATCH_SECONDS", "60"))
"""Seconds; ten minutes by `make watch`."""
LOOSE = 2000.0
"""Milliseconds: half of them are in time even where a machine is overloaded."""
BACK = 20.0
"""Seconds from a loss to a picture, at most: ffmpeg begins within half a second."""


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Showing]:
    with Showing(tmp_path / "demo.log", "--ladder", "360p:1M") as showing:
        await showing.on_air()
        yield showing
        assert await showing.interrupted() == 0


async def measured(watcher: Watcher, seconds: float, what: str) -> float:
    """Glass to glass, p50 in milliseconds; all of it is written down."""
    await watcher.look()
    stalls = watcher.stalls
    samples = await watcher.for_seconds(seconds)
    assert samples, "no picture that could be read"
    watch = Watch(
        what=what,
        seconds=seconds,
        frames=len(samples),
        p50=late(samples, 0.5),
        p95=late(samples, 0.95),
        max=late(samples, 1.0),
        stalls=watcher.stalls - stalls,
        longest_still=longest_still(samples),
        load=os.getloadavg()[0],
    )
    write_down(watch)
    return watch.p50


async def tells_as_much(demo: Showing) -> bool:
    """The origin has heard of one viewer, who is as late as the pixels say he may be."""
    channel = json.loads((await demo.ask("GET", "/api/v1/channels/live")).body)
    seen = channel["audience"] or {"latency": None}
    if not seen["latency"] or not seen["buffer"] or seen["states"] != {"playing": 1}:
        return False
    assert (seen["sessions"], seen["formats"]) == (1, {"other": 1})
    return 0 < float(seen["latency"]["p50"]) * 1000 < LOOSE


async def test_it_shows_the_picture_and_how_late_it_is_and_lives_through_a_new_encoder(
    demo: Showing,
) -> None:
    async with watching(demo.page) as watcher:
        assert await measured(watcher, MEASURED, "direct") < LOOSE
        shown = await watcher.shown(".latency.measured")
        assert shown.endswith((" ms", " s"))
        assert await watcher.shown("h2") == "direct"
        assert await watcher.shown("#channel") == "live"
        await until(lambda: tells_as_much(demo))

        killed = time.time()
        demo.ffmpeg.kill()
        await watcher.until_made_after(killed + 1, BACK)
        assert await watcher.page.locator("video").count() == 1, "the page was not loaded again"


@pytest.mark.minutes
@pytest.mark.timeout(LONG + 120)
async def test_it_is_in_time_for_long(demo: Showing) -> None:
    """p95 ≤ 160 ms and no stall, where nothing else runs: to be read, not asserted."""
    async with watching(demo.page) as watcher:
        await watcher.for_seconds(5)
        assert await measured(watcher, LONG, f"direct, settled, {LONG:g} s") < LOOSE


@pytest.mark.minutes
async def test_it_lives_through_a_new_origin_and_a_lost_network(tmp_path: Path) -> None:
    with Showing(tmp_path / "first.log", "--ladder", "360p:1M") as first:
        await first.on_air()
        async with watching(first.page) as watcher:
            await watcher.for_seconds(2)
            await watcher.page.context.set_offline(True)
            lost = time.time()
            await watcher.for_seconds(6)
            await watcher.page.context.set_offline(False)
            await watcher.until_made_after(lost + 6, BACK)

            assert await first.interrupted() == 0
            gone = time.time()
            smaller = ("--ladder", "180p:500k")
            with Showing(tmp_path / "second.log", *smaller, port=first.port) as second:
                await second.on_air()
                await watcher.until_made_after(gone, BACK)
                assert await watcher.page.evaluate(
                    "document.querySelector('video').videoHeight"
                ) == 180  # fmt: skip
                assert await second.interrupted() == 0


@pytest.mark.minutes
async def test_all_players_side_by_side(demo: Showing) -> None:
    if not (WEB / "vendor" / "done").exists():
        absent("dash.js and Shaka in the package (scripts/players)")
    async with watching(f"{demo.page}?players=direct,dash,shaka") as watcher:
        names = await watcher.page.locator("h2").all_inner_texts()
        assert names == ["direct", "dash.js", "Shaka"]

        async def all_measured() -> bool:
            return await watcher.page.locator(".latency.measured").count() == 3

        await until(all_measured, patience=30, every=0.5)


async def test_without_the_other_players_the_page_says_so(demo: Showing) -> None:
    async with watching(demo.page) as watcher:
        await watcher.page.route("**/static/vendor/*", lambda route: route.fulfill(status=404))
        assert await watcher.shown("#target-shown") == "120 ms"
        await watcher.page.keyboard.press("2")
        assert await watcher.shown("#target-shown") == "each its own"
        note = watcher.page.locator('[data-player="dash.js"] .note')

        async def said() -> bool:
            return "not packed into this origin" in await note.inner_text()

        await until(said)
        before = len(watcher.samples)
        await watcher.for_seconds(1)
        assert len(watcher.samples) > before, "ours plays on"


async def until_paused_and_live_again(watcher: Watcher, demo: Showing) -> None:
    """Paused, the picture stands and nothing is downloaded; then it is live, without a stall."""
    standing = "document.querySelector('video').currentTime"
    stalls = watcher.page.locator("figure", has_text="stalls").locator("output")
    before = await stalls.inner_text()
    await demo.until_metric("sorgente_subscribers", 1, channel="live")
    await watcher.page.keyboard.press(" ")
    at = await watcher.page.evaluate(standing)
    await demo.until_metric("sorgente_subscribers", 0, channel="live")
    await watcher.for_seconds(1)
    assert await watcher.page.evaluate(standing) == at
    assert await watcher.shown("#pause") == "play"
    await watcher.page.click("#pause")
    await watcher.until_made_after(time.time(), BACK)
    assert await stalls.inner_text() == before


async def test_it_obeys_the_keyboard(demo: Showing) -> None:
    async with watching(demo.page) as watcher:
        page = watcher.page

        async def video(what: str) -> object:
            found: object = await page.evaluate(f"document.querySelector('video').{what}")
            return found

        assert await video("muted") is True
        await page.keyboard.press("m")
        assert await video("muted") is False
        await page.keyboard.press("ArrowRight")
        assert await watcher.shown("#target-shown") == "130 ms"
        await until_paused_and_live_again(watcher, demo)
        await page.keyboard.press("f")

        async def full() -> bool:
            return bool(await page.evaluate("document.fullscreenElement !== null"))

        await until(full)
