"""A look at an input before it is pushed: what it carries, and how far apart its key frames are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from sorgente.tools import child
from sorgente.tools.errors import InputRefused
from sorgente.tools.ffmpeg import Ffmpeg, complaint
from sorgente.tools.inputs import Input
from sorgente.tools.lines import lines
from sorgente.tools.plan import COPIED_VIDEO
from sorgente.tools.redact import without_secrets
from sorgente.tools.streams import Description, Source

FILE_SECONDS: Final = 20.0
"""Of a file, which is read as fast as it can be."""
LIVE_SECONDS: Final = 6.0
"""Of what is live: who sends no second key frame in that time sends them too rarely."""
OPEN_SECONDS: Final = 30.0
"""For an input to open, or to say why not; each protocol has a shorter time of its own."""

TIME_BASE: Final = re.compile(r"#tb 0: (\d{1,9})/(\d{1,9})$")
PACKET: Final = re.compile(r"0, *(-?\d{1,18}), *-?\d{1,18}, *\d+, *\d+, 0x[0-9a-f]+(?P<rest>.*)")


class KeyFrames:
    """The lines of ``-f framecrc`` in; how far apart key frames are, out."""

    def __init__(self) -> None:
        self.count = 0
        self._tick: float | None = None  # seconds
        self._key_at: int | None = None
        self._last = 0
        self._longest = 0

    def feed(self, line: str) -> None:
        """Take a line."""
        if match := TIME_BASE.match(line):
            self._tick = int(match[1]) / max(int(match[2]), 1)
        elif match := PACKET.match(line):
            self._last = int(match[1])
            if "F=" not in match["rest"]:  # flags are written where they are not KEY alone
                self._note(self._last)

    @property
    def longest(self) -> float | None:
        """Seconds between two of them; what follows the last one counts too."""
        if self._tick is None or self._key_at is None:
            return None
        return max(self._longest, self._last - self._key_at) * self._tick

    def _note(self, at: int) -> None:
        if self._key_at is not None:
            self._longest = max(self._longest, at - self._key_at)
        self._key_at = at
        self.count += 1


async def look(ffmpeg: Ffmpeg, each: Input, *, key_frames: bool, own_group: bool = True) -> Source:
    """What ``each`` carries. With ``key_frames`` it is watched until it is known how far apart they
    are, if that matters. ``own_group``: see ``child.start``.

    Raises InputRefused with ffmpeg's first complaint.
    """
    copy = ["-map", "0:V:0?", "-c", "copy", "-t", f"{FILE_SECONDS:g}", "-flush_packets", "1"]
    command = [*ffmpeg.program, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info",
               *each.arguments(ffmpeg, paced=False), *copy, "-f", "framecrc", "pipe:1"]  # fmt: skip
    process = await child.start(command, own_group=own_group)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            source, said = await _describe(lines(process.stderr))
        if source.video is None and source.audio is None:
            why = complaint(said) or "there is nothing in it"
            why = why.removeprefix(f"{without_secrets(each.target)}: ")
            raise InputRefused(f"{each.shown}: {why}")
        if key_frames and source.video is not None and source.video.codec in COPIED_VIDEO:
            apart = await _watch(lines(process.stdout), live=source.duration is None)
            source = replace(source, video=replace(source.video, key_frame_seconds=apart))
        return source
    except TimeoutError:
        raise InputRefused(f"{each.shown}: nothing comes") from None
    finally:
        await child.end(process)


async def _describe(stderr: AsyncIterator[str]) -> tuple[Source, list[str]]:
    description, said = Description(), []
    async for line in stderr:
        said.append(line)
        if description.feed(line):
            break
    return description.source, said


async def _watch(stdout: AsyncIterator[str], *, live: bool) -> float | None:
    keys = KeyFrames()
    try:
        async with asyncio.timeout(LIVE_SECONDS if live else OPEN_SECONDS):
            async for line in stdout:
                keys.feed(line)
                if live and keys.count == 2:
                    break
    except TimeoutError:
        pass  # what was seen will do
    return keys.longest
