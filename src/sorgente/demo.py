"""``sorgente demo``: an origin, and a live test picture in it.

One process and one ffmpeg: the camera that makes the picture, the uploads and the origin they go to
share an event loop, and end together.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import webbrowser
from dataclasses import dataclass, replace
from secrets import token_urlsafe
from typing import Final

from cyclopts import Parameter

from sorgente.channel_settings import ChannelSettings
from sorgente.http.ingest_path import DEFAULT_CHANNEL
from sorgente.keys import Key
from sorgente.server import Stopping, on_air
from sorgente.settings import Settings
from sorgente.tools.camera import Camera, filming
from sorgente.tools.console import Console
from sorgente.tools.ffmpeg import Ffmpeg, find_prompt_ffmpeg
from sorgente.tools.inputs import Input, Kind
from sorgente.tools.ladder import Rung, parse_ladder
from sorgente.tools.order import Order
from sorgente.tools.push import Push
from sorgente.tools.streams import Audio, Source
from sorgente.tools.target import Target, parse_target

ONE_RATE: Final = "360p:1M"
THREE_RATES: Final = "360p:1200k,270p:800k,180p:530k"
"""Steps of 3/2: over larger ones dash.js does not climb when chunks come as they are made."""
CORES_FOR_THREE: Final = 4
"""The encoders take a quarter of one; three players side by side that decode without a graphics
card, and the browser around them, take more than two."""

HEAD_START: Final = 0.105
"""Seconds. The sound is opened after the picture, and AAC takes two of its frames longer: without
this, players wait 75 ms for it (measured); and browsers take it a frame earlier than the picture.
There is nothing in the picture that it could be out of step with."""
SOUND: Final = Input(
    "a tone",
    Kind.SYNTHETIC,
    "sine=frequency=440:beep_factor=4:sample_rate=48000",
    ("-itsoffset", str(HEAD_START), "-f", "lavfi"),
    Source(audio=Audio("pcm_s16le")),
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """How to show it."""

    open: bool = False
    """Open the page in a browser."""

    ladder: str | None = None
    """Picture sizes and bit rates, as in push. By default three where there are four cores, else
    one: 360p:1M."""


async def run_demo(settings: Settings, demo: DemoSettings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises ToolError, BadCertificate, and OSError when the address cannot be had.
    """
    ffmpeg = find_prompt_ffmpeg()
    ladder = parse_ladder(demo.ladder or _usual_ladder())
    key = token_urlsafe()
    async with on_air(_with_key(settings, key)) as (origin, stopping):
        page = f"{origin.url}/watch/{DEFAULT_CHANNEL}"
        _say(f"A live picture with its own clock is on the air. Watch it at\n\n  {page}\n\n"
             "Ctrl-C ends it.\n")  # fmt: skip
        if demo.open and not await asyncio.to_thread(webbrowser.open, page):
            _say("No browser could be opened: please open that address.")
        target = parse_target(f"{await origin.door()}/ingest/{DEFAULT_CHANNEL}", key)
        await Broadcast(ffmpeg, target, Console(sys.stderr, time.monotonic)).run(ladder, stopping)


class Broadcast:
    """The test picture on its way to an origin, in as many bit rates as the machine keeps up
    with."""

    def __init__(self, ffmpeg: Ffmpeg, target: Target, console: Console) -> None:
        self._ffmpeg = ffmpeg
        self._target = target
        self._console = console
        self._push: Push
        self._rungs: tuple[Rung, ...]

    async def run(self, ladder: tuple[Rung, ...], stopping: Stopping) -> None:
        """Until it is asked to stop.

        Raises ToolError.
        """
        self._rungs = ladder
        async with filming(Camera(self._left_behind)) as picture:
            while not stopping.asked.is_set():
                order = Order(picture, SOUND, self._rungs, True, False, self._target)
                self._push = Push(self._ffmpeg, order, self._console, clock=time.monotonic)
                await _until_asked(self._push, stopping)

    def _left_behind(self) -> None:
        """ffmpeg takes pictures too late. The camera hung up on it, but its sound never ends: it is
        told to end, and begun again on time."""
        if len(self._rungs) > 1:
            self._console.say(f"this machine does not keep up with {len(self._rungs)} bit rates: "
                              "one from now on")  # fmt: skip
            self._rungs = self._rungs[:1]
        else:
            self._console.say("ffmpeg does not keep up: beginning again")
        self._push.stop()


async def _until_asked(push: Push, stopping: Stopping) -> None:
    """Push until it ends, or is asked to: then all that is under way ends well."""
    work = asyncio.create_task(push.run())
    for asked, obey in ((stopping.asked, push.stop), (stopping.at_once, push.kill)):
        waiting = asyncio.create_task(asked.wait())
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if work.done():
            break
        obey()
    await work


def _usual_ladder() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return THREE_RATES if (cores or 1) >= CORES_FOR_THREE else ONE_RATE


def _with_key(settings: Settings, key: str) -> Settings:
    """The same, with ``key`` and no other to publish what the demo publishes."""
    channels = dict(settings.access.channel)
    channels[DEFAULT_CHANNEL] = ChannelSettings(publish_key=Key(key))
    return replace(settings, access=replace(settings.access, channel=channels))


def _say(line: str) -> None:
    print(line, flush=True)
