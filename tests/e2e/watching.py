"""The watch page in a browser, and what its pixels say of the time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Page

from tests.e2e.players.viewer import Sample
from tests.support.browser import blank
from tests.support.origin import until

RECORD: Final = """async () => {
  const { ClockReader, since } = await import("/static/clock.js");
  const video = document.querySelector("video");
  const reader = new ClockReader();
  const seen = (window.seen = { samples: [], stalls: 0, unreadable: 0 });
  video.addEventListener("waiting", () => seen.stalls++);
  // `now` is the same for all who ask: the page reads the picture before, which takes its time.
  const onPicture = (now) => {
    const shown = performance.timeOrigin + now;
    const stamp = reader.read(video);
    if (stamp === null) seen.unreadable++;
    else seen.samples.push([shown / 1000, since(stamp, shown) / 1000]);
    video.requestVideoFrameCallback(onPicture);
  };
  video.requestVideoFrameCallback(onPicture);
}"""
"""Independent of what the page itself makes of the picture, but for the reading of it."""
POLL_SECONDS: Final = 0.2
FIRST_SECONDS: Final = 20.0
"""For the first picture, on a machine with other things to do."""


class Watcher:
    """A page with a picture, and all that was seen in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.samples: list[Sample] = []
        self.stalls = 0
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self._note(line.type, line.text))

    def _note(self, kind: str, text: str) -> None:
        # What the network does to the page is what tests do to the network.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    async def look(self) -> None:
        """Take what was seen so far."""
        seen = await self.page.evaluate("seen")
        self.samples = [Sample(*each) for each in seen["samples"]]
        self.stalls = seen["stalls"]

    async def for_seconds(self, seconds: float) -> list[Sample]:
        """The pictures of the time from now on."""
        since = time.time()
        await until(lambda: time.time() >= since + seconds, patience=seconds + 5)
        await self.look()
        return self.since(since)

    async def until_made_after(self, moment: float, patience: float) -> None:
        """Wait for a picture that was made then or later."""

        async def reached() -> bool:
            await self.look()
            return any(sample.stamped >= moment for sample in self.samples)

        await until(reached, patience=patience, every=POLL_SECONDS)

    def since(self, moment: float) -> list[Sample]:
        """Pictures shown since then."""
        return [sample for sample in self.samples if sample.shown >= moment]

    async def shown(self, selector: str) -> str:
        """The text of an element."""
        return await self.page.inner_text(selector)


@asynccontextmanager
async def watching(address: str) -> AsyncIterator[Watcher]:
    """The page, from its first picture on. It has had no error in the end."""
    async with blank() as page:
        watcher = Watcher(page)
        await page.goto(address)

        async def has_picture() -> bool:
            sizes: Any = await page.evaluate(
                "[...document.querySelectorAll('video')].map((video) => video.videoWidth)"
            )
            return bool(sizes) and all(sizes)

        await until(has_picture, patience=FIRST_SECONDS, every=POLL_SECONDS)
        await page.evaluate(RECORD)
        yield watcher
        assert not watcher.complaints
