"""Somebody who watches a channel: what the page has shown, and what it asked the origin for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from playwright.async_api import Page, Request, Response

from tests.e2e.players.site import Name, address, files, serving
from tests.support.browser import blank
from tests.support.origin import Site, until

POLL_SECONDS: Final = 0.2
REMEMBERED: Final = 60
"""Requests to tell of when something is wrong."""


class Sample(NamedTuple):
    """A picture on the screen: when (seconds since 1970), and how late (seconds)."""

    shown: float
    late: float

    @property
    def stamped(self) -> float:
        return self.shown - self.late


class Stall(NamedTuple):
    """A ``waiting`` event after the first ``playing``."""

    at: float
    time: float
    seeking: bool


class Complaint(NamedTuple):
    """An error that the player, or the page, reports."""

    at: float
    fatal: bool
    text: str


class Answer(NamedTuple):
    """A request to the origin and what became of it; status 0 if there was no response."""

    at: float
    status: int
    what: str


@dataclass
class Viewer:
    """A page, and everything seen in it so far. Moments are in seconds since 1970."""

    page: Page
    origin: Site
    samples: list[Sample] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    requests: int = 0
    bad: list[Answer] = field(default_factory=list)
    """Answers of the origin with a status of 400 or more."""
    answers: deque[Answer] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    unreadable: int = 0
    opened: float = 0.0
    """When the browser asked for the page."""
    asked: float | None = None
    """When the page gave the player the address of the manifest."""
    first_picture: float | None = None
    clock_skew: float = 0.0
    """Between the page's monotonic clock and the wall's."""
    dropped: int = 0
    state: dict[str, Any] = field(default_factory=dict)

    def listen(self) -> None:
        """Take down what the page asks the origin for."""
        self.page.on("request", self._requested)
        self.page.on("response", self._answered)
        self.page.on("requestfailed", self._failed)

    async def look(self) -> None:
        """Take what the page has seen since."""
        seen = await self.page.evaluate("take()")
        self.samples += [Sample(shown / 1e3, late / 1e3) for shown, late in seen["samples"]]
        self.stalls += [Stall(at / 1e3, moment, seek) for at, moment, seek in seen["stalls"]]
        self.complaints += [
            Complaint(each["at"] / 1e3, each["fatal"], each["text"]) for each in seen["errors"]
        ]
        self.unreadable += seen["unreadable"]
        self.opened = seen["opened"] / 1e3
        self.asked = _seconds(seen["asked"])
        self.first_picture = _seconds(seen["firstPicture"])
        self.clock_skew = seen["skew"] / 1e3
        self.dropped = seen["dropped"]
        self.state = seen["state"]

    async def until(
        self,
        condition: Callable[[], bool],
        patience: float,
        what: str,
        *,
        fatal: bool = True,
    ) -> None:
        """Look until ``condition`` holds; the end of the patience ends it, and so does an error
        that is fatal, if those are (``fatal``)."""

        async def reached() -> bool:
            await self.look()
            assert not (fatal and self.fatal), await self.evidence(f"an error before {what}")
            return condition()

        try:
            await until(reached, patience=patience, every=POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(await self.evidence(f"not after {patience} s: {what}")) from None

    @property
    def fatal(self) -> list[Complaint]:
        return [each for each in self.complaints if each.fatal]

    @property
    def ended(self) -> bool:
        """The ``ended`` state of the element: it has played to the end."""
        return bool(self.state.get("ended"))

    @property
    def audio_bytes(self) -> int:
        """Of sound, decoded so far."""
        return int(self.state.get("audio", 0))

    @property
    def width(self) -> int:
        """Of the picture on the screen, in pixels of the encoder's."""
        return int(self.state.get("width", 0))

    @property
    def shown(self) -> int:
        """Pictures so far, whether there was a clock in them or not."""
        return len(self.samples) + self.unreadable

    @property
    def latency(self) -> float | None:
        """Seconds behind the live edge, as the player says; None while it does not know."""
        latency = self.state.get("latency")
        return None if latency is None else float(latency)

    def watched(self, names: Sequence[str]) -> str:
        """Which of these tracks the player asked for last."""
        asked = (name for each in reversed(self.answers) for name in names
                 if f"/{name}/" in each.what)  # fmt: skip
        return next(asked)

    def since(self, moment: float) -> list[Sample]:
        """Pictures shown since then."""
        return [sample for sample in self.samples if sample.shown >= moment]

    def stalled(self, since: float) -> list[Stall]:
        """Stalls since then."""
        return [stall for stall in self.stalls if stall.at >= since]

    async def evidence(self, wrong: str) -> str:
        """Everything that helps to understand what is wrong."""
        now = time.time()
        manifest = await self.origin.ask("GET", "/live/live/manifest.mpd")
        last = self.samples[-1] if self.samples else None
        lines = [
            wrong,
            f"state: {self.state}",
            f"pictures: {len(self.samples)}, unreadable: {self.unreadable}, last: {last}",
            f"last picture {now - last.shown:.3f} s ago" if last else "no picture",
            *(f"error {each.at - now:+.3f} s fatal={each.fatal} {each.text}"
              for each in self.complaints),
            *(f"stall {each.at - now:+.3f} s at {each.time:.3f} seeking={each.seeking}"
              for each in self.stalls[-20:]),
            *(f"bad {each.at - now:+.3f} s {each.status} {each.what}" for each in self.bad[-20:]),
            *(f"{each.at - now:+.3f} s {each.status} {each.what}" for each in self.answers),
            f"manifest now: {manifest.status}",
            manifest.body.decode(errors="replace"),
        ]  # fmt: skip
        return "\n".join(lines)

    def _ours(self, url: str) -> bool:
        return url.startswith(self.origin.url)

    def _requested(self, request: Request) -> None:
        self.requests += self._ours(request.url)

    def _answered(self, response: Response) -> None:
        self._record(response.request, response.status, "")

    def _failed(self, request: Request) -> None:
        self._record(request, 0, f" {request.failure}")

    def _record(self, request: Request, status: int, more: str) -> None:
        if not self._ours(request.url):
            return
        path = request.url.removeprefix(self.origin.url)[:160]
        answer = Answer(time.time(), status, f"{request.method} {path}{more}")
        self.answers.append(answer)
        if status >= 400:
            self.bad.append(answer)


@asynccontextmanager
async def watching(
    name: Name,
    origin: Site,
    channel: str = "live",
    manifest: str = "",
    setup: str = "",
) -> AsyncIterator[Viewer]:
    """A viewer of a channel, with a stock player at its default settings; of the encoder's own
    manifest, if the path of that is given. ``setup``: JavaScript that sets ``player`` up."""
    manifest = f"{origin.url}{manifest or f'/live/{channel}/manifest.mpd'}"
    async with serving(files(name)) as site, blank() as page:
        viewer = Viewer(page, origin)
        viewer.listen()
        await page.goto(address(site, name, manifest, setup))
        yield viewer


def _seconds(moment: float | None) -> float | None:
    return None if moment is None else moment / 1e3
