"""All the players: they come one by one, stay, and are counted."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sorgente.tools.bench.guide import Guide
from sorgente.tools.bench.players import DashPlayer, Stage, StreamPlayer, Viewer
from sorgente.tools.bench.settings import Crowd
from sorgente.tools.bench.tally import Load, Result, Tally, course
from sorgente.tools.errors import NothingToWatch, OriginLost, UnusableArgument
from sorgente.tools.first_look import first_look
from sorgente.tools.lag import Lag
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.percentiles import Spread
from sorgente.tools.server_clock import BODY_SCHEMES, ClockSeen, read_clock
from sorgente.tools.web import Answer, Place, Web

CONNECTIONS_EACH: Final = 5
"""Of a player: two tracks whose segments overlap, and the manifest."""
SPARE_FILES: Final = 64
TELL_SECONDS: Final = 0.5
LATEST: Final = 1000
"""Chunks whose latency is shown as it goes: sorting more would itself be what is late."""
A_TICK: Final = 0.001
LEAST_SECONDS: Final = 1.0
"""Of a measurement that Ctrl-C ends: from there on it is worth a report."""
OWN_TIME: Final = ((f"urn:mpeg:dash:utc:{BODY_SCHEMES[0]}:2014", "/time"),)
"""Where a stream has no manifest, ours says the time here."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How it goes."""

    passed: float
    """Seconds of ramp and measurement."""
    players: int
    latency: Spread | None
    """Of the last chunks."""
    stalls: int
    failures: int
    bits_per_second: float


Tell = Callable[[Moment], None]


async def play(place: Place, crowd: Crowd, tell: Tell) -> Result:
    """Let ``crowd`` watch ``place``.

    Raises:
        NothingToWatch, UnusableArgument
    """
    _allow_files(crowd.players * CONNECTIONS_EACH + SPARE_FILES)
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(Web(time.monotonic, place))
        stage, clock, new_player = await _prepare(web, place.url, crowd.buffer)
        lag = await stack.enter_async_context(Lag())
        players = [new_player(number) for number in range(crowd.players)]
        population = _Population(stage, players, crowd, tell)
        began, ended = await population.run()
        return _result(place.url, crowd, population, clock, lag, began, ended)


NewPlayer = Callable[[int], DashPlayer | StreamPlayer]


async def _prepare(web: Web, url: str, delay: float) -> tuple[Stage, ClockSeen, NewPlayer]:
    path = urlsplit(url).path
    if path.endswith(".m3u8"):
        raise UnusableArgument("HLS is not played yet: name a manifest.mpd, or a stream")
    if not path.endswith(".mpd"):
        return await _prepare_stream(web, url, delay)
    try:
        look = await first_look(web, url)
    except UnreadableManifest as error:
        raise NothingToWatch(f"{url}: {error}") from error
    guide = Guide(look.mpd, look.answer.body)
    if not guide.tracks:
        raise NothingToWatch(f"{url}: no pictures or sound that these players can play")
    stage = Stage(web, Tally(), look.clock.offset, delay)
    return stage, look.clock, lambda number: DashPlayer(stage, number, guide)


async def _prepare_stream(web: Web, url: str, delay: float) -> tuple[Stage, ClockSeen, NewPlayer]:
    await _find_stream(web, url)
    nothing = Answer(url, 0, {}, 0, 0)
    clock = await read_clock(web, OWN_TIME, nothing, time.time() - web.clock())
    stage = Stage(web, Tally(), clock.offset, delay)
    return stage, clock, lambda number: StreamPlayer(stage, number, url)


async def _find_stream(web: Web, url: str) -> None:
    """Before a hundred players ask for it, again and again, for as long as was ordered."""
    try:
        answer = await web.knock(url)
    except OriginLost as error:
        raise NothingToWatch(str(error)) from error
    if answer is not None and answer.status != 200:
        raise NothingToWatch(f"{url}: {answer.told}")


class _Population:
    """The players, as they come and stay."""

    def __init__(
        self,
        stage: Stage,
        players: Sequence[DashPlayer | StreamPlayer],
        crowd: Crowd,
        tell: Tell,
    ) -> None:
        self.stage = stage
        self.players: Sequence[Viewer] = players
        self._runs = [player.run for player in players]
        self._crowd = crowd
        self._tell = tell
        self._told = (stage.now(), 0)  # when, and bytes until then

    async def run(self) -> tuple[float, float]:
        """All of it, or until Ctrl-C; when it began and ended, by the clock of the web."""
        began = self.stage.now()
        measured = began + self._crowd.ramp
        ended = measured + self._crowd.seconds
        try:
            await self._watch(began, ended)
        except asyncio.CancelledError:
            ended = self.stage.now()
            task = asyncio.current_task()
            if task is None or ended < measured + LEAST_SECONDS:
                raise
            task.uncancel()
        for player in self.players:
            player.playback.settle(ended)
            player.note_stalls()
        return began, ended

    async def _watch(self, began: float, ended: float) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            while (now := self.stage.now()) < ended:
                come = self._runs[len(tasks) : self._due(now - began)]
                tasks += [asyncio.create_task(run()) for run in come]
                _raise_defects(tasks)
                if now >= self._told[0] + TELL_SECONDS:
                    self._tell(self._moment(began, now))
                left = ended - now
                await asyncio.sleep(min(left, TELL_SECONDS, self._until_next(len(tasks))))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, passed: float) -> int:
        """How many are to be there."""
        crowd = self._crowd
        share = 1.0 if crowd.ramp <= 0 else min(1.0, passed / crowd.ramp)
        return max(1, int(crowd.players * share))

    def _until_next(self, there: int) -> float:
        crowd = self._crowd
        return TELL_SECONDS if there >= crowd.players else crowd.ramp / crowd.players

    def _moment(self, began: float, now: float) -> Moment:
        tally = self.stage.tally
        (at, size), self._told = self._told, (now, tally.bytes)
        return Moment(
            now - began,
            len(tally.joined),
            Spread.of(tally.latency.latest(LATEST)),
            len(tally.stalls),
            len(tally.failures),
            (tally.bytes - size) * 8 / max(now - at, A_TICK),
        )


def _result(
    url: str,
    crowd: Crowd,
    population: _Population,
    clock: ClockSeen,
    lag: Lag,
    began: float,
    ended: float,
) -> Result:
    tally, since = population.stage.tally, began + crowd.ramp
    seconds = round(ended - since, 3)
    stalls = [
        [each for each in player.playback.stalls if each.ended >= since and each.began < ended]
        for player in population.players
    ]
    return Result(
        url=url,
        players=crowd.players,
        joined=len(tally.joined),
        seconds=seconds,
        latency=Spread.of(tally.latency.between(since, ended)),
        first_byte=Spread.of(tally.first_byte.between(began, ended)),
        cadence=Spread.of(tally.cadence.between(since, ended)),
        manifest=Spread.of(tally.manifest.between(began, ended)),
        bits_per_second=sum(tally.received.between(since, ended)) * 8 / seconds,
        chunks=sum(1 for _ in tally.chunks.between(since, ended)),
        stalls=sum(map(len, stalls)),
        stalled_players=sum(map(bool, stalls)),
        stalled_seconds=sum(each.between(since, ended) for own in stalls for each in own),
        failures=dict(Counter(what for _, what in tally.failures)),
        clock=clock.source,
        clock_trip=clock.trip,
        load=Load(lag.cpu_share, Spread.of(late for _, late in lag.ticks)),
        course=course(tally, began, ended),
        ramp_seconds=crowd.ramp,
    )


def _raise_defects(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Players play until they are cancelled: one that has ended has found a defect of ours."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _allow_files(needed: int) -> None:
    """Raises UnusableArgument: this machine does not allow so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UnusableArgument(f"{needed} open files are needed, {hard} allowed: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
