"""``sorgente push INPUT [URL]``: whatever ffmpeg can read, on the air.

    INPUT ─▶ look ─▶ plan ─▶ ffmpeg ═╤═ pipe ─▶ chunks ─▶ outbox ─▶ upload of v1080 ─▶ ┐
                      ▲              ├═ pipe ─▶ chunks ─▶ outbox ─▶ upload of v720  ─▶ ├ origin
                      └── described ─┴═ pipe ─▶ chunks ─▶ outbox ─▶ upload of a     ─▶ ┘

ffmpeg decodes, encodes and cuts; the uploads are ours (see ``upload``). A lost origin does not end
ffmpeg, and a lost ffmpeg does not end the event.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from typing import Final

from sorgente.tools.backoff import Backoff
from sorgente.tools.command import encoders, push_command
from sorgente.tools.console import Console
from sorgente.tools.errors import InputRefused, OriginLost, ToolError
from sorgente.tools.ffmpeg import Ffmpeg, find_ffmpeg, never_reads, said
from sorgente.tools.inputs import Input, Kind
from sorgente.tools.look import look
from sorgente.tools.order import Order, PushSettings, make_order
from sorgente.tools.plan import MAX_KEY_FRAME_SECONDS, Plan, make_plan
from sorgente.tools.progress import Pace, Progress
from sorgente.tools.reports import Reports
from sorgente.tools.session import Ending, Events, Session
from sorgente.tools.streams import Source
from sorgente.tools.uplink import CONFLICT, Clock, Sleep
from sorgente.tools.upload import probe

KILLED: Final = 130
"""Exit code after a second Ctrl-C, as a shell has it: 128 and the number of SIGINT."""

STDIN: Final = 0
READ_BYTES: Final = 4096

ASK_BACKOFF: Final = (0.25, 2.0)
"""Seconds between looks for an origin that is not there, first and most."""


def push(text: str, url: str, settings: PushSettings) -> int:
    """The command; its exit code."""
    console = (Reports if settings.attended else Console)(
        sys.stdout if settings.attended else sys.stderr, time.monotonic
    )
    try:
        order = make_order(text, url, settings)
        work = Push(
            find_ffmpeg(),
            order,
            console,
            verbose=settings.verbose,
            own_group=not settings.attended,
            clock=time.monotonic,
        )
        return asyncio.run(_until_signalled(work, attended=settings.attended))
    except ToolError as error:
        console.refuse(error)
        return 1


async def _until_signalled(work: Push, *, attended: bool) -> int:
    """Run; the first signal ends it well, the second at once. So does the end of whoever attends
    to it, who is there as long as standard input is."""
    killed = False
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        nonlocal killed
        killed = work.stopping
        if killed:
            work.kill()
        else:
            work.stop()

    def left_alone() -> None:
        if not os.read(STDIN, READ_BYTES):
            loop.remove_reader(STDIN)
            signalled()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signalled)
    if attended:
        loop.add_reader(STDIN, left_alone)
    await work.run()
    return KILLED if killed else 0


class Push:
    """Carries out an order until it ends or is stopped.

    ``clock`` is in seconds and only grows; ``sleep`` takes seconds.
    """

    def __init__(
        self,
        ffmpeg: Ffmpeg,
        order: Order,
        console: Console,
        *,
        verbose: bool = False,
        own_group: bool = True,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._ffmpeg = ffmpeg
        self._order = order
        self._target = order.target
        self._console = console
        self._verbose = verbose
        self._own_group = own_group
        self._clock = clock
        self._sleep = sleep
        self._backoff = Backoff()

        self._source: Source | None = None  # None: a caller who has not called yet
        self._sound: Source | None = None
        self._plan: Plan | None = None
        self._session: Session | None = None
        self._pace = Pace()
        self._starts = 0
        self.stopping = False
        self._work: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Push.

        Raises ToolError, when there is no use in going on.
        """
        self._work = asyncio.create_task(self._push())
        try:
            await self._work
        except asyncio.CancelledError:
            if not self.stopping:
                raise
        finally:
            self._console.close()

    def stop(self) -> None:
        """End the event: ffmpeg ends its files, the uploads end cleanly."""
        self.stopping = True
        if self._session is not None:
            self._session.stop(clean=True)
        elif self._work is not None:
            self._work.cancel()

    def kill(self) -> None:
        """End at once: the uploads break off."""
        self.stopping = True
        if self._work is not None:
            self._work.cancel()

    async def _push(self) -> None:
        if self._order.sound is not None:
            sound = self._order.sound
            self._sound = sound.known or await self._look_at(sound, key_frames=False)
            if self._sound.audio is None:
                raise InputRefused(f"{self._order.sound.shown} carries no sound")
        self._source = await self._look()
        plan = self._make_plan(self._source)
        await self._origin(plan)
        while True:
            self._announce(plan)
            ending = await self._run(plan)
            if self.stopping:
                return
            if self._is_over(ending):
                self._console.finish(f"the end of {self._order.picture.shown}")
                return
            better = self._learn(ending.source)
            if never_reads(ending.complaint or ""):
                raise InputRefused(f"{self._order.picture.shown}: {ending.complaint}")
            wait = self._backoff.after(ending.lasted)
            if better is None:
                self._console.retry(self._why(ending), wait)
            else:
                plan = better
            await self._sleep(wait)

    async def _look(self) -> Source | None:
        """What the input carries, if it can be looked at: a file at once or never, what is live
        when it is there."""
        picture = self._order.picture
        if picture.kind is Kind.LISTENER or picture.known is not None:
            return picture.known
        key_frames = not (self._order.encode or self._order.ladder)
        while True:
            began = self._clock()
            try:
                return await self._look_at(picture, key_frames=key_frames)
            except InputRefused as error:
                if picture.kind in (Kind.FILE, Kind.SYNTHETIC) or never_reads(str(error)):
                    raise
                wait = self._backoff.after(self._clock() - began)
                self._console.retry(str(error), wait, "trying")
                await self._sleep(wait)

    async def _look_at(self, each: Input, *, key_frames: bool) -> Source:
        return await look(self._ffmpeg, each, key_frames=key_frames, own_group=self._own_group)

    def _make_plan(self, source: Source | None) -> Plan:
        order = self._order
        sound = None if self._sound is None else self._sound.audio
        plan = make_plan(source, ladder=order.ladder, encode=order.encode, sound=sound)
        for encoder in encoders(plan):
            self._ffmpeg.need_encoder(encoder)
        return plan

    async def _origin(self, plan: Plan) -> None:
        """Wait until the origin would take an upload."""
        backoff = Backoff(*ASK_BACKOFF)
        while True:
            try:
                return await probe(self._target, plan.tracks[0].name)
            except OriginLost as error:
                if error.status == CONFLICT:
                    if self._target.takes_over:
                        return None
                    raise
                self._console.say_once(f"{error}; waiting for it")
                self._console.wait(f"waiting for {self._target.shown}")
                await self._sleep(backoff.after(0))

    # One run of ffmpeg

    async def _run(self, plan: Plan) -> Ending:
        self._plan, self._pace = plan, Pace()
        self._starts += 1
        order, source = self._order, self._source
        self._session = Session(
            lambda outputs: push_command(
                self._ffmpeg, order.inputs, plan, outputs, source=source, loop=order.loop
            ),
            [track.name for track in plan.tracks],
            self._target,
            Events(self._described, self._progressed, self._ffmpeg_said, self._console.say),
            finite=self._is_finite,
            waits=self._order.picture.kind is Kind.LISTENER,
            own_group=self._own_group,
            clock=self._clock,
            sleep=self._sleep,
        )
        try:
            return await self._session.run()
        finally:
            self._session = None
            self._target = self._target.peaceful()

    @property
    def _is_finite(self) -> bool:
        """What a caller says of its duration is no promise: another may call."""
        kind, source = self._order.picture.kind, self._source
        if kind is Kind.STREAM:
            return source is not None and source.duration is not None
        return kind is Kind.FILE

    def _is_over(self, ending: Ending) -> bool:
        return self._is_finite and ending.code == 0

    def _why(self, ending: Ending) -> str:
        if ending.code or ending.given_up is not None:
            return ending.why
        if self._order.picture.kind is Kind.LISTENER:
            return "the caller hung up"
        return f"{self._order.picture.shown} ended"

    # What it says

    def _described(self, source: Source) -> None:
        """ffmpeg has its input open."""
        if self._order.picture.kind is Kind.LISTENER:
            self._console.say(f"a caller: {_shown(source)}")
        if self._better(source) is not None and self._session is not None:
            self._session.stop(clean=False)

    def _better(self, seen: Source) -> Plan | None:
        """The plan for what ffmpeg says the input carries, if the one that runs will not do."""
        kinds = (Kind.LISTENER, Kind.STREAM, Kind.DEVICE)
        if self._order.picture.kind not in kinds or (seen.video is None and seen.audio is None):
            return None
        assert self._plan is not None, "it runs"
        better = self._make_plan(self._with_key_frames(seen))
        return None if self._plan.does_for(better) else better

    def _learn(self, seen: Source) -> Plan | None:
        better = self._better(seen)
        if better is not None:
            self._source = self._with_key_frames(seen)
            if self._order.picture.kind is Kind.LISTENER:
                self._console.say("that takes other settings: please call again")
        return better

    def _with_key_frames(self, seen: Source) -> Source:
        """With what only the look before could tell."""
        if self._source is None or self._source.video is None or seen.video is None:
            return seen
        apart = self._source.video.key_frame_seconds
        return replace(seen, video=replace(seen.video, key_frame_seconds=apart))

    def _ffmpeg_said(self, line: str) -> None:
        if self._verbose:
            self._console.say(f"ffmpeg: {said(line)}")

    def _announce(self, plan: Plan) -> None:
        for note in plan.notes:
            self._console.say_once(note)
        self._console.say_once(
            f"publishing {self._order.picture.shown} to {self._target.shown} ({plan.shown})"
        )
        if self._order.picture.kind is Kind.LISTENER:
            self._console.wait(f"waiting for a caller at {self._order.picture.shown}")

    def _progressed(self, progress: Progress) -> None:
        session, plan = self._session, self._plan
        if session is None or plan is None:
            return
        self._pace.note(progress, session.bytes_sent, self._clock())
        if self._pace.speed is not None:
            self._console.status(self._target.path.rpartition("/")[2], self._status(session))
        for track in plan.video:
            apart = session.outboxes[track.name].key_frame_seconds
            if track.copied is not None and apart is not None and apart > MAX_KEY_FRAME_SECONDS:
                self._console.say_once(
                    "key frames are more than "
                    f"{MAX_KEY_FRAME_SECONDS:g} s apart: players join late. Set the sender's key "
                    "frame interval to 1 or 2 s, or use --encode"
                )

    def _status(self, session: Session) -> str:
        pace = self._pace
        lost = max(outbox.dropped_seconds for outbox in session.outboxes.values())
        parts = [
            None if pace.frame_rate is None else f"{pace.frame_rate:.1f} fps",
            None if pace.bit_rate is None else f"{pace.bit_rate / 1e6:.2f} Mbit/s",
            None if pace.speed is None else f"speed {pace.speed:.2f}",
            None if pace.drift is None else f"drift {pace.drift * 1000:+.0f} ms",
            f"not sent {lost:.1f} s" if lost >= 1 else None,
            f"started {self._starts} times" if self._starts > 1 else None,
            "waiting for the origin" if session.origin_lost else None,
        ]
        return "  ".join(filter(None, parts))


def _shown(source: Source) -> str:
    video, audio = source.video, source.audio
    parts = [] if video is None else [f"{video.codec} {video.width}x{video.height}"]
    return ", ".join(parts if audio is None else [*parts, audio.codec]) or "nothing"
