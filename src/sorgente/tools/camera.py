"""A camera that films the demo's picture: whoever connects is sent a picture whenever one is due.

ffmpeg reads it from a Unix socket, as it would any other device. It comes and goes; each time the
camera begins anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sorgente.tools.inputs import Input, Kind
from sorgente.tools.picture import HEIGHT, RATE, WIDTH, Picture
from sorgente.tools.streams import Source, Video

MOST_LATE: Final = 2.0
"""Seconds. Further behind, after a suspend say, the camera hangs up: ffmpeg is begun again, and is
on time again, the sound with it."""

OPTIONS: Final = (
    *("-f", "rawvideo", "-pix_fmt", "yuv420p"),
    *("-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE)),
    # All there is to know is above: not a picture is read ahead to find out.
    *("-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0"),
)
KNOWN: Final = Source(Video("rawvideo", WIDTH, HEIGHT, "yuv420p", frame_rate=float(RATE)))


class Camera:
    """Sends pictures.

    ``left_behind``  is called when whoever reads is too slow, and was hung up on
    ``clock``        seconds that only grow
    ``wall``         UTC, seconds since 1970, which may jump
    """

    def __init__(
        self,
        left_behind: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._left_behind = left_behind
        self._clock = clock
        self._wall = wall
        self._picture = Picture()

    async def film(self, writer: asyncio.StreamWriter) -> None:
        """Send pictures until nobody reads them any more, or too slowly.

        A picture shows the time it was due: what it is late by then counts as latency.
        """
        writer.transport.set_write_buffer_limits(0)
        try:
            await self._show(writer, self._clock())
            began, sent = self._clock(), 0  # whoever reads takes its time with the first one
            while self._clock() - (due := began + sent / RATE) < MOST_LATE:
                await asyncio.sleep(due - self._clock())
                await self._show(writer, due)
                sent += 1
            self._left_behind()
        except ConnectionError:
            pass  # ffmpeg has ended
        finally:
            writer.close()

    async def _show(self, writer: asyncio.StreamWriter, due: float) -> None:
        writer.write(self._picture.frame(self._wall() - (self._clock() - due)))
        await writer.drain()


@asynccontextmanager
async def filming(camera: Camera) -> AsyncIterator[Input]:
    """The camera, as an input to push."""
    films: set[asyncio.Task[None]] = set()

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        film = asyncio.create_task(camera.film(writer))
        films.add(film)
        film.add_done_callback(films.discard)

    with TemporaryDirectory(prefix="sorgente-") as directory:
        path = Path(directory) / "camera"
        async with await asyncio.start_unix_server(connected, path):
            yield Input("the test picture", Kind.DEVICE, f"unix:{path}", OPTIONS, KNOWN)
            for film in films:
                film.cancel()
            await asyncio.gather(*films, return_exceptions=True)
