"""One run of ffmpeg, and the uploads of what it makes."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from sorgente.errors import MediaError
from sorgente.isobmff.upload import RawBytes, UploadParser
from sorgente.tools import child
from sorgente.tools.child import Pipe, pipe
from sorgente.tools.errors import ToolError
from sorgente.tools.ffmpeg import complaint
from sorgente.tools.lines import lines
from sorgente.tools.outbox import Outbox
from sorgente.tools.progress import Progress, ProgressParser
from sorgente.tools.streams import Description, Source
from sorgente.tools.target import Target
from sorgente.tools.uplink import Clock, Lineup, Reachability, Sleep, Uplink

READ_BYTES: Final = 65536
STOP_SECONDS: Final = 5.0
"""For ffmpeg to end its files after SIGINT; it takes some tens of milliseconds."""
FINISH_SECONDS: Final = 5.0
"""For what is made to reach the origin once ffmpeg has ended."""
SILENCE_SECONDS: Final = 20.0
"""Without a byte from it until ffmpeg is ended; at the worst it takes twice as long. Longer than
each protocol's own patience, where it has one: RTMP has none, and a machine that loses its power
says no goodbye."""
KEPT_LINES: Final = 200
"""Of what ffmpeg says before it ends."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    code: int
    """Exit code; negative: the signal that killed it."""
    lasted: float
    """Seconds."""
    complaint: str | None
    """The first error it named."""
    source: Source
    """What it said that the first input carries."""
    given_up: str | None = None
    """Why it was ended here, if it was not asked for."""

    @property
    def why(self) -> str:
        """In one line."""
        if self.given_up is not None:
            return self.given_up
        if self.code < 0:
            return f"ffmpeg was ended by {signal.Signals(-self.code).name}"
        return self.complaint or f"ffmpeg ended with exit code {self.code}"


@dataclass(frozen=True, slots=True)
class Events:
    """Who is told what while it runs."""

    described: Callable[[Source], None]
    """What the first input carries."""
    progressed: Callable[[Progress], None]
    said: Callable[[str], None]
    """A line of ffmpeg's."""
    happened: Callable[[str], None]
    """A line for people: the origin is away, or back."""


class Session:
    """Runs a command that writes fragmented MP4 into pipes, and uploads each.

    ``command``   makes it of the names of its outputs, which are in the order of ``tracks``.
    ``finite``    exit code 0 is the end of the event, and silence nothing to worry about; else it
                  is a source that hung up, and the uploads break off, so that players wait for it.
    ``waits``     it may be a while until there is anything to read: somebody is to call.
    ``own_group`` see ``child.start``.
    """

    def __init__(
        self,
        command: Callable[[Sequence[str]], list[str]],
        tracks: Sequence[str],
        target: Target,
        events: Events,
        *,
        finite: bool,
        waits: bool = False,
        own_group: bool = True,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self.outboxes = {track: Outbox() for track in tracks}
        self._command = command
        self._events = events
        self._finite = finite
        self._waits = waits
        self._own_group = own_group
        self._clock = clock
        self._sleep = sleep
        lineup = Lineup(self.outboxes.values(), sleep)
        self._reachability = Reachability(target, events.happened, sleep)
        self._uplinks = [
            Uplink(target, track, outbox, lineup, self._reachability, clock)
            for track, outbox in self.outboxes.items()
        ]
        self._clean: bool | None = None  # None: nobody asked it to end
        self._stopped = asyncio.Event()
        self._given_up: str | None = None
        self._received = 0  # bytes, of what it makes
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._description = Description()

    @property
    def bytes_sent(self) -> int:
        """Over all tracks."""
        return sum(outbox.bytes_sent for outbox in self.outboxes.values())

    @property
    def origin_lost(self) -> bool:
        """Some track does not get through."""
        return self._reachability.lost

    def stop(self, *, clean: bool) -> None:
        """End it. ``clean``: that is the end of the event."""
        self._clean = clean
        self._stopped.set()

    async def run(self) -> Ending:
        """Run until it ends, and all it made is sent.

        Raises ToolError, when there is no use in running it again.
        """
        began = self._clock()
        async with AsyncExitStack() as stack:
            pipes = [await stack.enter_async_context(pipe()) for _ in self.outboxes]
            process = await self._start(pipes)
            stack.push_async_callback(child.end, process)
            code = await self._attend(process, [each.reader for each in pipes])
        return Ending(
            code,
            self._clock() - began,
            complaint(self._said),
            self._description.source,
            self._given_up,
        )

    async def _start(self, pipes: Sequence[Pipe]) -> Process:
        ends = [each.write for each in pipes]
        try:
            command = self._command([f"pipe:{end}" for end in ends])
            return await child.start(command, ends, own_group=self._own_group)
        finally:
            for each in pipes:
                each.close_write()  # the end of what ffmpeg writes is to be seen

    async def _attend(self, process: Process, pipes: Sequence[asyncio.StreamReader]) -> int:
        """Read all it writes until it ends, and send that."""
        try:
            async with asyncio.TaskGroup() as group:
                uplinks = [group.create_task(uplink.run()) for uplink in self._uplinks]
                watchers = [group.create_task(self._stop(process))]
                if not self._finite:
                    watchers.append(group.create_task(self._notice_silence()))
                readers = [
                    group.create_task(self._fill(outbox, pipe))
                    for outbox, pipe in zip(self.outboxes.values(), pipes, strict=True)
                ]
                readers += [
                    group.create_task(self._watch(process)),
                    group.create_task(self._listen(process)),
                ]
                code = await process.wait()
                for watcher in watchers:
                    watcher.cancel()
                await asyncio.wait(readers)
                await self._finish(code, uplinks)
        except* ToolError as errors:
            raise errors.exceptions[0] from None
        return code

    async def _stop(self, process: Process) -> None:
        """Once that is asked for: first kindly."""
        await self._stopped.wait()
        child.tell(process, signal.SIGINT)
        await self._sleep(STOP_SECONDS)
        child.tell(process, signal.SIGKILL)

    async def _notice_silence(self) -> None:
        """Give up an input that is gone without a word, for which ffmpeg may wait for ever.

        Not for what has an end: ffmpeg reads that at the speed it is to be watched at, and waits
        for the next picture as long as one stands still, while it makes nothing, or (9.0) has sent
        all the sound up to there at once.
        """
        before = -1
        while self._received != before or (self._waits and not before):
            before = self._received
            await self._sleep(SILENCE_SECONDS)
        self._give_up(f"nothing has come for {SILENCE_SECONDS:g} s")

    def _give_up(self, why: str) -> None:
        self._given_up = why
        self.stop(clean=False)

    async def _fill(self, outbox: Outbox, pipe: asyncio.StreamReader) -> None:
        """Read all that ffmpeg writes into one pipe."""
        parser: UploadParser | None = UploadParser()
        while data := await pipe.read(READ_BYTES):
            self._received += len(data)
            try:
                for unit in parser.feed(data) if parser else ():
                    if isinstance(unit, RawBytes):
                        raise MediaError("it is no fragmented MP4")
                    outbox.put(unit)
                    await asyncio.sleep(0)  # for the uplink to take it: much may have come at once
            except MediaError as error:
                parser = None  # the pipe is emptied all the same, or ffmpeg could not end
                self._give_up(f"what ffmpeg writes cannot be sent: {error}")

    async def _watch(self, process: Process) -> None:
        assert process.stdout is not None
        parser = ProgressParser()
        while data := await process.stdout.read(READ_BYTES):
            for progress in parser.feed(data):
                self._events.progressed(progress)

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in lines(process.stderr):
            self._said.append(line)
            self._events.said(line)
            if self._description.feed(line):
                self._events.described(self._description.source)

    async def _finish(self, code: int, uplinks: Sequence[asyncio.Task[None]]) -> None:
        """Tell the uplinks how it ended, and give them time."""
        clean = self._finite and code == 0 if self._clean is None else self._clean
        for outbox in self.outboxes.values():
            outbox.end(clean=clean)
        if uplinks:
            await asyncio.wait(uplinks, timeout=FINISH_SECONDS)
        for uplink in uplinks:
            uplink.cancel()
