"""A low-latency origin that is not ours, with faults of a test's choice: on aiohttp, on the clock.

Segments last a second, and are of five chunks; number n begins n seconds after 1970.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from aiohttp import web

from sorgente.isobmff.init_segment import parse_init_segment
from sorgente.isobmff.prft import NTP_EPOCH
from tests.support.boxes import NON_SYNC, SYNC, VIDEO, Sample, TrafSpec, chunk, init_segment, prft
from tests.support.other_mpd import altered

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SCALE: Final = VIDEO.timescale
CHUNKS: Final = 5
FRAMES: Final = 5
"""In a chunk."""
TICKS: Final = SCALE // (CHUNKS * FRAMES)
INIT: Final = init_segment(VIDEO)
CODEC: Final = parse_init_segment(INIT).leading_track.codec


class Fault(Enum):
    """What it does wrong."""

    NOT_AT_THE_EDGE = "404 until a segment is whole"
    ONLY_WHOLE = "a segment is sent when it is whole"
    TOO_EARLY = "the offset is larger than chunks allow"
    NO_CORS = "no CORS"
    NO_CORS_ON_ERRORS = "CORS on what is there only"
    KEPT_ERRORS = "caches may keep a 404"
    WRONG_CLOCK = "UTCTiming is not there"
    OTHER_DATE = "UTCTiming is 10 s ahead, and everything else with it"
    NO_KEY_FRAME = "every other segment starts between key frames"
    GAP = "a chunk is left out"
    CUT = "responses break off"
    CODECS = "other codecs in the manifest"
    MOVING = "the start of the period moves"
    OLD = "publishTime never changes, the manifest does"
    OVER = "the event has ended, and its manifest is still dynamic"
    KEPT_MANIFEST = "caches may keep the manifest for a minute"


class OtherOrigin:
    """The origin; all faults of it hold from the start."""

    def __init__(self, *faults: Fault, token: str | None = None) -> None:
        """``token``: what opens it."""
        self.faults = frozenset(faults)
        self.secrets: set[str] = set()
        """What was given to get in."""
        self._wanted = set() if token is None else {f"Bearer {token}"}
        self.url = ""
        self.heads: list[str] = []
        """Paths that were asked for."""
        self._manifests = 0
        self._began = math.floor(self.now()) - 20

    def now(self) -> float:
        return time.time() + (10 if Fault.OTHER_DATE in self.faults else 0)

    # --- what it answers ------------------------------------------------------------------------

    async def manifest(self, request: web.Request) -> web.StreamResponse:
        self._manifests += 1
        start, published = self._began, self._began
        changes = {"avc1.64001f": CODEC, 'startNumber="1"': f'startNumber="{self._began}"'}
        if Fault.CODECS in self.faults:
            changes["avc1.64001f"] = "hvc1.1.6.L93.B0"
        if Fault.TOO_EARLY in self.faults:
            changes['availabilityTimeOffset="0.8"'] = 'availabilityTimeOffset="0.999"'
        if Fault.MOVING in self.faults:
            start, published = start + self._manifests, published + self._manifests
        if Fault.OLD in self.faults:
            changes['max="4000"'] = f'max="{4000 + self._manifests}"'
        if Fault.OVER in self.faults:
            changes["minBufferTime"] = f'mediaPresentationDuration="PT{start + 9}S" minBufferTime'
        text = altered({
            **changes,
            "PT1795348800S": f"PT{start}S",
            "2026-11-22T12:00:00Z\" minimum": f'{_utc(published)}" minimum',
            'wallClockTime="2026-11-22T12:00:00Z"': f'wallClockTime="{_utc(start)}"',
            'presentationTime="0"': f'presentationTime="{self._began * SCALE}"',
            'duration="12800"': f'duration="12800" presentationTimeOffset="{self._began * SCALE}"',
        })  # fmt: skip
        etag = f'"{hash(text)}"'
        age = 60 if Fault.KEPT_MANIFEST in self.faults else 1
        headers = {"ETag": etag, "Cache-Control": f"max-age={age}"}
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(text=text, content_type="application/dash+xml", headers=headers)

    async def clock(self, _: web.Request) -> web.StreamResponse:
        if Fault.WRONG_CLOCK in self.faults:
            raise web.HTTPNotFound(headers={"Cache-Control": "no-store"})
        return web.Response(text=_utc(self.now()), headers={"Cache-Control": "no-store"})

    async def init(self, _: web.Request) -> web.StreamResponse:
        return web.Response(
            body=INIT, content_type="video/mp4", headers={"Cache-Control": "max-age=60"}
        )

    async def segment(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        first = number + 1 / CHUNKS
        from_when = number + 1 if Fault.NOT_AT_THE_EDGE in self.faults else first - 1
        if self.now() < from_when:
            kept = Fault.KEPT_ERRORS in self.faults
            raise web.HTTPNotFound(headers={} if kept else {"Cache-Control": "no-store"})
        return await self._grow(request, number)

    async def _grow(self, request: web.Request, number: int) -> web.StreamResponse:
        if request.headers.get("Range") and self.now() > number + 1:
            body = b"".join(self._chunk(number, index) for index in range(CHUNKS))
            told = {"Content-Range": f"bytes 0-99/{len(body)}"}
            return web.Response(status=206, body=body[:100], headers=told, content_type="video/mp4")
        response = web.StreamResponse(headers={"Cache-Control": "max-age=60"})
        response.content_type = "video/mp4"
        if Fault.ONLY_WHOLE in self.faults:
            await self._until(number + 1)
        else:
            await self._until(number + 1 / CHUNKS)
        await response.prepare(request)
        for index in range(CHUNKS):
            if Fault.ONLY_WHOLE not in self.faults:
                await self._until(number + (index + 1) / CHUNKS)
            if Fault.CUT in self.faults and index == CHUNKS - 1:
                if request.transport is not None:
                    request.transport.abort()
                raise asyncio.CancelledError
            if not (Fault.GAP in self.faults and index == 2):
                await response.write(self._chunk(number, index))
        await response.write_eof()
        return response

    def _chunk(self, number: int, index: int) -> bytes:
        at = number * SCALE + index * FRAMES * TICKS
        starts_with_key = not (Fault.NO_KEY_FRAME in self.faults and number % 2)
        flags = [SYNC if index == 0 and starts_with_key else NON_SYNC, *[NON_SYNC] * (FRAMES - 1)]
        samples = [Sample(b"a frame" * 20, TICKS, each) for each in flags]
        made = round((number + index / CHUNKS + NTP_EPOCH) * 2**32)
        return chunk(TrafSpec(1, at, samples), before=prft(1, made, at))

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self.now()))

    # --- how --------------------------------------------------------------------------------------

    async def allow(self, _: web.Request, response: web.StreamResponse) -> None:
        """On everything that goes out."""
        if Fault.NO_CORS in self.faults:
            return
        if Fault.NO_CORS_ON_ERRORS not in self.faults or response.status < 400:
            response.headers["Access-Control-Allow-Origin"] = "*"

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.heads.append(request.path)
        given = {request.headers["Authorization"]} if "Authorization" in request.headers else set()
        self.secrets |= given
        if not self._wanted <= given:
            raise web.HTTPUnauthorized
        return await handler(request)


@asynccontextmanager
async def other_origin(
    *faults: Fault, token: str | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[OtherOrigin]:
    """At a port of its own."""
    origin = OtherOrigin(*faults, token=token)
    app = web.Application(middlewares=[origin.note])
    app.router.add_get("/live/manifest.mpd", origin.manifest)
    app.router.add_get("/time", origin.clock)
    app.router.add_get("/live/{track}/init.mp4", origin.init)
    app.router.add_get(r"/live/{track}/{number:\d+}.m4s", origin.segment)
    app.on_response_prepare.append(origin.allow)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    host, port = runner.addresses[0][:2]
    origin.url = f"http{'s' if tls else ''}://{host}:{port}/live/manifest.mpd"
    try:
        yield origin
    finally:
        await runner.cleanup()


def _utc(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
