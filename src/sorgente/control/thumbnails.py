"""A small picture of a channel: its newest key picture, decoded by an ffmpeg in the background.

Made when somebody asks, kept for some seconds. One at a time, with a pause in between, whatever is
asked for: the machine has players to serve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sorgente.media.channel import Channel
from sorgente.media.chunk import payload_of
from sorgente.media.track import Track

FRESH_SECONDS: Final = 5.0
"""So old may a picture be before another one is made."""

PAUSE_SECONDS: Final = 0.5
"""From one picture to the next: some 60 ms of another core each, so an eighth of one at most."""

DECODE_SECONDS: Final = 5.0
"""For ffmpeg to begin and decode one picture; it takes 0.1 s, of a 4K one 0.3 s."""

MAX_BYTES: Final = 256 << 10
"""Of a JPEG of this size: ten times what the busiest picture takes."""

STALE_SECONDS: Final = 60.0
"""So old may it be when it is shown: the channel may have been another one since."""

MAX_KEPT: Final = 200
"""Pictures: two for each of the channels that may be live, some 4 MB."""

WIDTH: Final = 480
"""Pixels: a card on a screen with twice the usual density."""

COMMAND: Final = (
    *("-hide_banner", "-nostdin", "-loglevel", "quiet", "-threads", "1"),
    *("-protocol_whitelist", "pipe", "-f", "mp4", "-i", "pipe:0", "-map", "0:v:0"),
    *("-frames:v", "1", "-vf", f"scale={WIDTH}:-2", "-q:v", "5", "-f", "mjpeg", "pipe:1"),
)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture, and of what."""

    key: tuple[str, int]
    """Track and number of the segment."""
    jpeg: bytes | None
    """None: ffmpeg made none of it, and need not try again at once."""
    made_at: float


class Thumbnails:
    """The newest picture of every channel that somebody asked for."""

    def __init__(self, program: str | None, now: Callable[[], float]) -> None:
        """``program``: an ffmpeg, if there is one; ``now``: seconds of a clock that only grows."""
        self._program = program
        self._now = now
        self._kept: dict[str, Thumbnail] = {}
        self._making: dict[str, asyncio.Task[Thumbnail]] = {}
        self._turn = asyncio.Lock()

    @property
    def making(self) -> list[asyncio.Task[Thumbnail]]:
        """Those that are under way."""
        return [*self._making.values()]

    async def of(self, channel: Channel) -> bytes | None:
        """The picture there is of ``channel``, and a newer one for the next time; who is the first
        to ask for a while waits for it. None: there is none, or no ffmpeg."""
        kept = self._kept.get(channel.name)
        age = float("inf") if kept is None else self._now() - kept.made_at
        if age >= FRESH_SECONDS:
            making = self._make(channel)
            if making is not None and age >= STALE_SECONDS:
                kept = await asyncio.shield(making)
        return None if kept is None else kept.jpeg

    def _make(self, channel: Channel) -> asyncio.Task[Thumbnail] | None:
        name, source = channel.name, key_picture(channel)
        if self._program is None or source is None:
            return None
        making = self._making.get(name)
        if making is None:
            decoding = self._decode(self._program, name, *source)
            making = self._making[name] = asyncio.get_running_loop().create_task(decoding)
            making.add_done_callback(lambda _: self._making.pop(name, None))
        return making

    async def _decode(self, program: str, name: str, key: tuple[str, int], mp4: bytes) -> Thumbnail:
        before = self._kept.get(name)
        if before is not None and before.key == key:
            jpeg = before.jpeg
        else:
            async with self._turn:
                jpeg = await decoded(program, mp4)
                if before is not None:
                    await asyncio.sleep(PAUSE_SECONDS)
        self._kept.pop(name, None)  # it is the newest of all
        made = self._kept[name] = Thumbnail(key, jpeg, self._now())
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return made


def key_picture(channel: Channel) -> tuple[tuple[str, int], bytes] | None:
    """Of the smallest video track of ``channel``: which segment, and an MP4 that begins with its
    key picture. None: there is none, or it is put together already."""
    videos = [track for track in channel.presentation.tracks.values() if track.is_video]
    for track in sorted(videos, key=_pixels):
        segment = track.newest
        init = None if segment is None else track.inits.get(segment.epoch)
        if segment is not None and init is not None and segment.chunks:
            first = payload_of(segment.chunks[0].frame)
            return (track.name, segment.number), b"".join((init.data, first))
    return None


async def decoded(program: str, mp4: bytes) -> bytes | None:
    """The first picture of ``mp4`` as a JPEG; None if ``program`` does not make one of it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        program, *COMMAND, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(DECODE_SECONDS):
            jpeg, _ = await process.communicate(mp4)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return jpeg if 0 < len(jpeg) <= MAX_BYTES else None


def _pixels(track: Track) -> int:
    facts = track.init.leading_track
    return facts.width * facts.height
