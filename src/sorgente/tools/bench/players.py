"""One virtual player: it asks when a player would, and notes what comes when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from sorgente.errors import MediaError
from sorgente.isobmff.init_segment import InitSegment, parse_init_segment
from sorgente.tools.arrivals import ChunkReader
from sorgente.tools.bench.guide import Guide
from sorgente.tools.bench.playback import Playback
from sorgente.tools.bench.tally import Tally
from sorgente.tools.errors import OriginLost
from sorgente.tools.mpd.presentation import Representation
from sorgente.tools.mpd.reference import reference
from sorgente.tools.mpd.segments import Segment
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.web import Web, words

RETRY_SECONDS: Final = 0.1
TRIES: Final = 15
"""Of a segment, as dash.js tries at low latency; then the next one."""
MIN_UPDATE: Final = 1.0
SPREAD_SECONDS: Final = 0.05
"""Players' clocks differ: they ask within this time, not all at once."""
GOLDEN: Final = 0.618033988749895
"""Multiples of it, less their whole parts, are spread evenly for any number of players."""


@dataclass(slots=True)
class Stage:
    """What all players share."""

    web: Web
    tally: Tally
    offset: float
    """UTC − the clock of the web."""
    delay: float
    """Seconds of media a player begins with."""
    inits: dict[str, InitSegment] = field(default_factory=dict)
    """By URL."""

    def now(self) -> float:
        """By the clock of the web."""
        return self.web.clock()

    def utc(self) -> float:
        """By the presentation's clock."""
        return self.web.clock() + self.offset


class Viewer:
    """Its buffer, and what it went through."""

    def __init__(self, stage: Stage, number: int, tracks: int) -> None:
        self.stage = stage
        self.playback = Playback(tracks, stage.delay)
        self.late = SPREAD_SECONDS * (number * GOLDEN % 1)
        self._stalls = 0
        self._has_media = False
        self.joined_at: float | None = None
        """When it began to ask, by the clock of the web."""

    def chunk(self, track: int, start: float, end: float, made: float | None, at: float) -> None:
        """A chunk is here. ``made`` in UTC, ``start`` and ``end`` in seconds of media; when it came
        by the clock of the web.

        What was made before the player joined has no latency: it came when it was wanted.
        """
        tally, offset = self.stage.tally, self.stage.offset
        joined_at = self.joined_at or at
        tally.chunks.add(at, end - start)
        if made is not None and made + end - start >= joined_at + offset:
            tally.latency.add(at, at + offset - made)
        if not self._has_media:
            self._has_media = True
            tally.joined.append(at)
        self.playback.append(track, start, end, at)
        self.note_stalls()

    def note_stalls(self) -> None:
        """Those that are new."""
        for stall in self.playback.stalls[self._stalls :]:
            self._stalls += 1
            self.stage.tally.stalls.add(stall.began, self._stalls)


class DashPlayer(Viewer):
    """Plays a low-latency presentation: pictures and sound, the first rate of each."""

    def __init__(self, stage: Stage, number: int, guide: Guide) -> None:
        super().__init__(stage, number, guide.tracks)
        self._guide = guide
        self._inits: dict[str, InitSegment] = {}

    async def run(self) -> None:
        """Play until cancelled."""
        self.joined_at = self.stage.now()
        await self._read_manifest()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_up())
            for track in range(self._guide.tracks):
                group.create_task(self._play(track))

    async def _keep_up(self) -> None:
        """Look at the manifest as often as it says, at most once a second."""
        while True:
            period = self._guide.mpd.seconds("minimumUpdatePeriod")
            if period is None:
                return
            await asyncio.sleep(max(MIN_UPDATE, float(period)))
            await self._read_manifest()

    async def _read_manifest(self) -> None:
        stage = self.stage
        try:
            answer = await stage.web.ask(self._guide.mpd.url)
            if answer.status == 200 and not answer.broken:
                stage.tally.manifest.add(answer.ended_at, answer.ended_at - answer.asked_at)
                self._guide.take(answer)
            else:
                stage.tally.fail(answer.ended_at, answer.broken or f"manifest {answer.status}")
        except (OriginLost, UnreadableManifest) as error:
            stage.tally.fail(stage.now(), _kind(error))

    async def _play(self, track: int) -> None:
        """One segment after the other. The next is asked for when it is available, whether the one
        before has ended or not."""
        at = self._guide.newest(track, Fraction(self.stage.utc())) - Fraction(1, 1000)
        async with asyncio.TaskGroup() as group:
            while True:
                due = self._guide.after(track, at)
                if due is None or float(due[1].available) > self.stage.utc() + MIN_UPDATE:
                    await asyncio.sleep(RETRY_SECONDS)  # what is to come may be told otherwise
                    continue
                representation, segment = due
                at = segment.available
                await asyncio.sleep(float(at) + self.late - self.stage.utc())
                group.create_task(self._segment(track, representation, segment))

    async def _segment(self, track: int, representation: Representation, segment: Segment) -> None:
        init = await self._init(representation)
        for _ in range(TRIES if init else 0):
            assert init is not None
            if await self._ask(track, representation, segment, init):
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _ask(
        self, track: int, representation: Representation, segment: Segment, init: InitSegment
    ) -> bool:
        """Whether it came."""
        stage, how = self.stage, representation.addressing
        assert how is not None
        reading = self._guide.reading(segment.url, init)
        clock = reference(representation, init.leading_track.timescale)
        zero = float(how.zero())
        size, taken, last = 0, 0, None

        def take(data: bytes, at: float) -> None:
            nonlocal size, taken, last
            reading.feed(size, data)
            size += len(data)
            stage.tally.receive(at, len(data))
            while taken < len(reading.chunks) and reading.chunks[taken][0] <= size:
                chunk = reading.chunks[taken][1]
                taken += 1
                if last is not None and at > last:
                    stage.tally.cadence.add(at, at - last)
                last = at
                start = zero + reading.reader.seconds(chunk.earliest)
                end = start + reading.reader.seconds(chunk.duration)
                made = chunk.produced
                if made is None and clock is not None:
                    made = clock(chunk.earliest)
                self.chunk(track, start, end, made, at)

        try:
            answer = await stage.web.ask(segment.url, on_data=take)
        except OriginLost as error:
            stage.tally.fail(stage.now(), _kind(error))
            return False
        if answer.status != 200 or answer.broken:
            broken = "broken off" if answer.broken else str(answer.status)
            stage.tally.fail(answer.ended_at, broken)
            return answer.status == 200  # what came is played; a player asks for no part again
        if answer.first_at is not None:
            stage.tally.first_byte.add(answer.first_at, answer.first_at - answer.asked_at)
        return True

    async def _init(self, representation: Representation) -> InitSegment | None:
        """Every player asks for it; it is read once for all."""
        how = representation.addressing
        assert how is not None
        stage, url = self.stage, how.init
        if url in self._inits:
            return self._inits[url]
        try:
            answer = await stage.web.ask(url)
            if answer.status == 200:
                if url not in stage.inits:
                    stage.inits[url] = parse_init_segment(answer.body)
                self._inits[url] = stage.inits[url]
                return self._inits[url]
            stage.tally.fail(answer.ended_at, f"init segment {answer.status}")
        except (OriginLost, MediaError) as error:
            stage.tally.fail(stage.now(), _kind(error))
        return None


class StreamPlayer(Viewer):
    """Plays one endless response."""

    def __init__(self, stage: Stage, number: int, url: str) -> None:
        super().__init__(stage, number, 1)
        self._url = url

    async def run(self) -> None:
        """Play until cancelled; ask again when the response ends, and begin again then."""
        while True:
            self.joined_at = self.stage.now()
            await self._ask()
            await asyncio.sleep(RETRY_SECONDS)

    async def _ask(self) -> None:
        stage, reader = self.stage, ChunkReader()
        asked = stage.now()
        answered, last = False, None

        def take(data: bytes, at: float) -> None:
            nonlocal answered, last
            if not answered:
                answered = True
                stage.tally.first_byte.add(at, at - asked)
            stage.tally.receive(at, len(data))
            for chunk in reader.feed(data, at):
                if last is None:
                    self.playback.restart(at)
                elif at > last:
                    stage.tally.cadence.add(at, at - last)
                last = at
                start = reader.seconds(chunk.earliest)
                end = start + reader.seconds(chunk.duration)
                self.chunk(0, start, end, chunk.produced, at)

        try:
            answer = await stage.web.ask(self._url, on_data=take)
        except OriginLost as error:
            stage.tally.fail(stage.now(), _kind(error))
        else:
            good = answer.status == 200
            stage.tally.fail(answer.ended_at, "stream ended" if good else str(answer.status))


def _kind(error: Exception) -> str:
    """Without what differs from one to the next."""
    if isinstance(error, OriginLost) and error.__cause__ is not None:
        return words(error.__cause__)
    return "unreadable manifest" if isinstance(error, UnreadableManifest) else "unreadable media"
