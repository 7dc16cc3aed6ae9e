"""One track's way to the origin, over as many uploads as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from sorgente.tools.backoff import Backoff
from sorgente.tools.errors import OriginLost, OriginRefused
from sorgente.tools.outbox import Outbox
from sorgente.tools.target import Target
from sorgente.tools.upload import Upload

CONFLICT: Final = 409

FIRST_WAIT: Final = 0.25
LONGEST_WAIT: Final = 2.0
"""Seconds between tries: an origin that is back has its encoder back within two."""
LINEUP_SECONDS: Final = 3.0
"""For all tracks to have something to begin with: the longest usual time between key frames, and
less than an outbox holds."""
EARLY_SECONDS: Final = 0.1
"""Sound may be ahead of the picture by so much: an encoder's first packets are."""

Clock = Callable[[], float]
Sleep = Callable[[float], Coroutine[Any, Any, None]]


class Reachability:
    """Whether the origin takes what all the tracks have, said once for all of them."""

    def __init__(self, target: Target, say: Callable[[str], None], sleep: Sleep) -> None:
        self._target = target
        self._say = say
        self._sleep = sleep
        self._back = asyncio.Event()
        self._lost: set[str] = set()

    @property
    def lost(self) -> bool:
        """Some track does not get through."""
        return bool(self._lost)

    def lose(self, track: str, why: str) -> None:
        """An upload of ``track`` failed."""
        if not self._lost:
            self._say(f"{why}; trying again")
        self._lost.add(track)

    def regain(self, track: str) -> None:
        """An upload of ``track`` is under way: let the others try too."""
        self._back.set()
        self._back = asyncio.Event()
        if track not in self._lost:
            return
        self._lost.discard(track)
        if not self._lost:
            self._say(f"publishing to {self._target.shown} again")

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until another track gets through: tracks that begin together
        share a period."""
        await _either(self._sleep(seconds), self._back.wait())


class Lineup:
    """The tracks of one run of ffmpeg, which begin together: a stream that is joined between two
    key frames has sound at once and a picture later, and would be two periods."""

    def __init__(self, outboxes: Iterable[Outbox], sleep: Sleep) -> None:
        self._outboxes = tuple(outboxes)
        self._sleep = sleep
        self._complete = asyncio.Event()

    async def join(self) -> None:
        """A track has something to begin with: wait for the others, though not for ever."""
        if self._complete.is_set():
            return
        if all(outbox.at_start for outbox in self._outboxes):
            self._drop_early_sound()
            self._complete.set()
        else:
            await _either(self._sleep(LINEUP_SECONDS), self._complete.wait())

    def _drop_early_sound(self) -> None:
        """What is heard before there is anything to see."""
        pictures = [outbox.starts_at for outbox in self._outboxes if outbox.is_video]
        for outbox in self._outboxes:
            if pictures and not outbox.is_video:
                outbox.drop_before(min(pictures) - EARLY_SECONDS)


class Uplink:
    """Sends an outbox to one track of a channel until it ends.

    ``clock`` is in seconds and only grows.
    """

    def __init__(
        self,
        target: Target,
        track: str,
        outbox: Outbox,
        lineup: Lineup,
        reachability: Reachability,
        clock: Clock,
    ) -> None:
        self._target = target
        self._track = track
        self._outbox = outbox
        self._lineup = lineup
        self._reachability = reachability
        self._clock = clock
        self._backoff = Backoff(FIRST_WAIT, LONGEST_WAIT)

    async def run(self) -> None:
        """Send everything.

        Raises OriginRefused: the origin does not take it, and never will; or somebody else has
        taken the track over.
        """
        while await self._something_to_begin_with():
            began = self._clock()
            try:
                if await self._upload():
                    return
            except OriginLost as error:
                self._reachability.lose(self._track, str(error))
            self._target = self._target.peaceful()
            await self._reachability.pause(self._backoff.after(self._clock() - began))
            self._outbox.rewind()

    async def _something_to_begin_with(self) -> bool:
        """Wait for an init segment and a chunk to start at; False when there will be none."""
        outbox = self._outbox
        while not outbox.at_start:
            if outbox.ended is not None:
                return False
            await self._more()
        if outbox.ended is None:
            await self._lineup.join()
        return outbox.ended is not False

    async def _upload(self) -> bool:
        """One upload; whether the outbox is at its end."""
        outbox = self._outbox
        assert outbox.init is not None, "it was waited for"
        async with Upload(self._target, self._track) as upload:
            upload.on_answer(outbox.changed)
            self._reachability.regain(self._track)
            try:
                await self._send(upload, outbox.init.data)
                await self._send_all(upload)
                if outbox.ended:
                    await upload.finish()
            except OriginLost as error:
                if error.status == CONFLICT:  # of an upload that was taken: no use to argue
                    raise OriginRefused(str(error)) from error
                raise
        return True

    async def _send_all(self, upload: Upload) -> None:
        """Send until the outbox ends."""
        outbox = self._outbox
        while True:
            while not upload.answered and (chunk := outbox.take()) is not None:
                await self._send(upload, chunk.data)
            if upload.answered:
                await upload.verdict()
                raise OriginLost("the origin ended the upload")
            if outbox.ended is not None:
                return
            await self._more()

    async def _send(self, upload: Upload, data: bytes) -> None:
        await upload.send(data)
        self._outbox.bytes_sent += len(data)

    async def _more(self) -> None:
        await self._outbox.changed.wait()
        self._outbox.changed.clear()


async def _either(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of them."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
