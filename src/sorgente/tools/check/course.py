"""Watching a presentation like a strict player, and keeping what was seen.

The MPD is read again as often as it says; each segment of each representation that is followed is
asked for at the very moment from which on it is said to be available, and timed as it comes in.
Nothing is judged here: that is for the rules, afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from fractions import Fraction
from typing import Final

from sorgente.errors import MediaError
from sorgente.isobmff.init_segment import InitSegment, parse_init_segment
from sorgente.tools.arrivals import ChunkReader, ChunkSeen
from sorgente.tools.check.answers import Asked, Role
from sorgente.tools.check.media import SegmentSeen, TrackSeen
from sorgente.tools.check.seen import Seen
from sorgente.tools.check.updates import Update
from sorgente.tools.errors import OriginLost
from sorgente.tools.first_look import first_look
from sorgente.tools.lag import Lag
from sorgente.tools.mpd.presentation import Mpd, Representation, read_mpd
from sorgente.tools.mpd.segments import Segment
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.mpd.values import address
from sorgente.tools.web import Answer, Place, Web

MAX_FOLLOWED: Final = 12
"""Representations: a player follows two, a ladder has about eight."""
LOOK_AHEAD: Final = 2.0
"""Seconds in which segments are told apart from those of later looks."""
ROUND_SECONDS: Final = 0.25
"""Between looks at what is due."""
MIN_UPDATE: Final = 1.0
MAX_UPDATE: Final = 5.0
"""Seconds between looks at the MPD, whatever it says: less is an attack, more sees too little."""
LINGER: Final = 2.0
"""Seconds that what was asked for may take after its time."""
TURNS: Final = 3
"""Of the event loop, from a segment's time to its first chunk: ask, connect, read. Each may be as
late as the worst."""
FAR: Final = 3600
"""Seconds ahead: a segment that cannot be there."""


Tell = Callable[[str], None]


async def watch(place: Place, seconds: float, tell: Tell = lambda _: None) -> Seen:
    """Watch ``place`` for so long. ``tell`` gets a line about how it goes, now and then.

    Raises:
        NothingToWatch: it does not answer, or what it has is not live.
        UnreadableManifest: it is no MPD.
    """
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(Web(time.monotonic, place))
        lag = await stack.enter_async_context(Lag())
        course = await _begin(web, lag, place.url)
        await course.run(seconds, tell)
        return course.seen


async def _begin(web: Web, lag: Lag, url: str) -> _Course:
    look = await first_look(web, url)
    answer, clock = look.answer, look.clock
    seen = Seen(answer.url, clock, [look.mpd], wall_gap=look.wall_gap)
    seen.asked.append(Asked(Role.MANIFEST, "manifest", answer, _update_seconds(look.mpd)))
    seen.asked += [Asked(Role.CLOCK, "UTCTiming", each) for each in clock.answers]
    return _Course(web, lag, seen, answer)


class _Course:
    """One watching."""

    def __init__(self, web: Web, lag: Lag, seen: Seen, manifest: Answer) -> None:
        self.seen = seen
        self._web = web
        self._lag = lag
        self._manifest = manifest
        self._inits: dict[str, asyncio.Task[InitSegment | None]] = {}
        self._told: set[tuple[str, str, int, int]] = set()
        self._visits: dict[asyncio.Task[None], float] = {}
        """Those under way, and when each was to ask."""
        self._followed: set[str] = set()
        self._began = self._utc()

    async def run(self, seconds: float, tell: Tell) -> None:
        """Watch."""
        until = self._web.clock() + seconds
        updates = asyncio.create_task(self._keep_up())
        try:
            while (left := until - self._web.clock()) > 0 and not self.seen.over:
                self._look(self._utc() + min(LOOK_AHEAD, left))
                tell(self._line(left))
                await asyncio.sleep(min(ROUND_SECONDS, left))
            await self._probe()
        finally:
            updates.cancel()
            await asyncio.gather(updates, return_exceptions=True)
        await self._come_to_rest()
        if not self.seen.over:
            await self._update()  # a period may have ended under what came last

    # --- the manifest -------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        """Read the MPD again as often as it says, for as long as there is more of it."""
        while not self.seen.over:
            wait = _update_seconds(self.seen.mpds[-1])
            await asyncio.sleep(max(MIN_UPDATE, min(MAX_UPDATE, wait)))
            await self._update()

    async def _update(self) -> None:
        """Read the MPD again."""
        try:
            await self._read_again()
        except OriginLost as error:
            self.seen.lost.append(("manifest", str(error)))
        except UnreadableManifest as error:
            self.seen.unreadable.append(str(error))

    async def _read_again(self) -> None:
        """Raises OriginLost, UnreadableManifest."""
        before = self.seen.mpds[-1]
        etag = self._manifest.headers.get("ETag", "")
        conditions = {"If-None-Match": etag} if etag else {}
        location = before.root.findtext("Location")
        url = address(before.url, location) if location else self.seen.url
        answer = await self._web.ask(url, conditions)
        role = Role.MANIFEST_AGAIN if etag else Role.MANIFEST
        self._note(Asked(role, "manifest", answer, _update_seconds(before), etag))
        if answer.status != 200:
            return
        mpd = read_mpd(answer.body, answer.url)
        changed = answer.body != self._manifest.body
        self.seen.updates.append(Update(before, mpd, changed, Fraction(self._utc())))
        self._manifest = answer
        if changed:
            self.seen.mpds.append(mpd)
        self.seen.over = not mpd.live

    # --- segments -----------------------------------------------------------------------------

    def _look(self, until: float) -> None:
        """See which segments are due next."""
        since = Fraction(max(self._began, self._utc() - 2 * LOOK_AHEAD))
        for track in self._tracks():
            how = track.representation.addressing
            if how is None or not how.by_name:
                continue
            for segment in how.available_from(since):
                if segment.available > until:
                    break
                period, name = track.representation.period_id, track.representation.id
                key = (period, name, segment.number, segment.time)
                if key not in self._told:
                    self._told.add(key)
                    visit = asyncio.create_task(self._visit(track, segment))
                    self._visits[visit] = float(segment.available)
                    visit.add_done_callback(self._visits.pop)

    def _tracks(self) -> Iterator[TrackSeen]:
        """What is followed: of every set one, and then the others."""
        mpd = self.seen.mpds[-1]
        sets = [owner for period in mpd.periods for owner in period.sets]
        first = [owner[0] for owner in sets]
        for each in [*first, *(rest for owner in sets for rest in owner[1:])]:
            if each.id not in self._followed and len(self._followed) >= MAX_FOLLOWED:
                self.seen.not_followed = len({r.id for r in mpd.representations}) - MAX_FOLLOWED
                continue
            self._followed.add(each.id)
            key = (each.period_id, each.id)
            track = self.seen.tracks.get(key)
            if track is None:
                target = None if mpd.target is None else float(mpd.target)
                track = self.seen.tracks[key] = TrackSeen(each, target=target)
            track.representation = each
            yield track

    async def _visit(self, track: TrackSeen, segment: Segment) -> None:
        """Ask for a segment when its time has come, and time it."""
        init = await self._init(track)
        await asyncio.sleep(max(0.0, float(segment.available) - self._utc()))
        # The clock is good to half a trip; to ask by that much too early proves nothing.
        await asyncio.sleep(self.seen.clock.trip / 2)
        representation = track.representation
        if self.seen.taken_back(representation.period_id, segment):
            return
        reader = None if init is None else ChunkReader(init)
        chunks: list[ChunkSeen] = []
        offset, asked_at = self.seen.clock.offset, self._utc()
        began = asyncio.get_running_loop().time()

        def take(data: bytes, at: float) -> None:
            if reader is not None:
                chunks.extend(reader.feed(data, at + offset))

        try:
            answer = await self._web.ask(segment.url, on_data=take)
        except OriginLost as error:
            self.seen.lost.append((f"segment {segment.number}", str(error)))
            return
        slack = self.seen.clock.trip + TURNS * self._lag.worst(began)
        ended_at = answer.ended_at + offset
        seen = SegmentSeen(representation, segment, asked_at, slack, answer, ended_at)
        if reader is not None and seen.there:  # or else it is an error's page
            if seen.whole:
                reader.finish()
            seen.chunks, seen.read, seen.broken = chunks, True, reader.broken
        track.segments.append(seen)

    async def _init(self, track: TrackSeen) -> InitSegment | None:
        """Its init segment, which is asked for once."""
        how = track.representation.addressing
        if how is None or not how.init:
            return None
        if how.init not in self._inits:
            self._inits[how.init] = asyncio.create_task(self._read_init(track, how.init))
        init = await asyncio.shield(self._inits[how.init])
        track.init = track.init or init
        return init

    async def _read_init(self, track: TrackSeen, url: str) -> InitSegment | None:
        name = track.representation.name
        try:
            answer = await self._web.ask(url)
            self._note(Asked(Role.INIT, f"init segment of {name}", answer))
            return parse_init_segment(answer.body) if answer.status == 200 else None
        except OriginLost as error:
            self.seen.lost.append((f"init segment of {name}", str(error)))
        except MediaError as error:
            track.init_broken = str(error)
        return None

    # --- questions beside ---------------------------------------------------------------------

    async def _probe(self) -> None:
        """Ask for what is not there yet, and for a part of what is."""
        whole = next(
            (seen for track in self.seen.tracks.values() for seen in track.segments
             if seen.answer.status == 200 and seen.whole and seen.chunks), None
        )  # fmt: skip
        try:
            if whole is not None:
                part = await self._web.ask(whole.segment.url, {"Range": "bytes=0-99"})
                self._note(Asked(Role.RANGE, whole.where, part))
            for each in self.seen.mpds[-1].representations[-1:]:
                await self._probe_future(each)
        except OriginLost as error:
            self.seen.lost.append(("a segment", str(error)))

    async def _probe_future(self, each: Representation) -> None:
        how = each.addressing
        if how is not None and how.duration and how.by_name and how.end is None:
            segment = next(how.available_from(Fraction(self._utc() + FAR)))
            answer = await self._web.ask(segment.url)
            self._note(Asked(Role.EARLY, f"{each.name} {segment.number}", answer))

    # --- the end ------------------------------------------------------------------------------

    async def _come_to_rest(self) -> None:
        """Let what is on its way come in; drop what has not been asked for."""
        now = self._utc()
        for visit, at in list(self._visits.items()):
            if at > now:
                visit.cancel()
        if self._visits:
            longest = float(self.seen.mpds[-1].longest_segment)
            await asyncio.wait(list(self._visits), timeout=longest + LINGER)
        tasks = [*self._visits, *self._inits.values()]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result  # a defect of ours

    def _note(self, asked: Asked) -> None:
        self.seen.asked.append(asked)

    def _utc(self) -> float:
        return self._web.clock() + self.seen.clock.offset

    def _line(self, left: float) -> str:
        segments = sum(len(track.segments) for track in self.seen.tracks.values())
        return f"{left:3.0f} s left, {segments} segments of {len(self._followed)} tracks"


def _update_seconds(mpd: Mpd) -> float:
    period = mpd.seconds("minimumUpdatePeriod")
    return MAX_UPDATE if period is None else float(period)
