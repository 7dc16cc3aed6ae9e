"""ffmpeg as an encoder of DASH-IF ingest, interface 1: takes its uploads, a track each, and sends
them on segment by segment, as livesim2 does or as MediaLive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.upload import InitSegment, Unit, UploadParser
from tests.support.ingest import LIVESIM2, MEDIALIVE, Source
from tests.support.origin import READ_BYTES, Headers, Site, frame

Way = Literal["growing", "whole"]
"""Whether a segment is sent while it is made, as by livesim2, or when it is complete, as by
MediaLive."""

SEGMENT_SECONDS: Final = 1
HEADERS: Final[dict[Way, Headers]] = {"growing": LIVESIM2, "whole": MEDIALIVE}
PATHS: Final[dict[Way, str]] = {
    "growing": "/ingest/{channel}/{track}/{object}.cmfv",
    "whole": "/ingest/{channel}/Streams%28{track}.cmfv%29",
}
MANIFEST: Final = b"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period>
<AdaptationSet id="1"><Representation id="v"/></AdaptationSet>
<AdaptationSet id="2"><Representation id="a"/></AdaptationSet></Period></MPD>"""
"""livesim2's comes before anything else."""


class Track:
    """One upload as objects, on a connection of its own."""

    def __init__(self, source: Source, channel: str, track: str, way: Way) -> None:
        self._source = source
        self._channel = channel
        self._track = track
        self._way: Way = way
        self._pieces: list[bytes] = []
        self._number: int | None = None
        """Of the segment that is being made."""

    async def begin(self) -> None:
        """Before there is media: a manifest, or an empty body, which asks if this is the place."""
        if self._way == "growing":
            await self._put(f"/ingest/{self._channel}/any.mpd", MANIFEST)
        else:
            await self._put(self._path("init"), b"")

    async def take(self, unit: Unit) -> None:
        match unit:
            case InitSegment():
                await self._put(self._path("init"), unit.data)
            case MediaChunk():
                number = self._number_of(unit)
                if number != self._number and unit.random_access:
                    await self.end()
                    self._number = number
                    if self._way == "growing":
                        await self._source.begin(self._path(number))
                self._pieces.append(unit.data)
                if self._way == "growing":
                    await self._source.wire.send(frame(unit.data))

    async def end(self) -> None:
        """The segment is complete."""
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return
        if self._way == "whole":
            await self._put(self._path(self._number), b"".join(pieces))
            return
        await self._source.wire.send(b"0\r\n\r\n")
        response = await self._source.answer()
        assert response.status == 200, response

    def _path(self, name: int | str | None) -> str:
        """Of an object; every one has its own, or all of a track the same."""
        return PATHS[self._way].format(channel=self._channel, track=self._track, object=name)

    async def _put(self, path: str, body: bytes) -> None:
        response = await self._source.put(path, body)
        assert response.status == 200, response

    @staticmethod
    def _number_of(chunk: MediaChunk) -> int:
        lead = chunk.init.leading_track
        start = chunk.fragment.tracks[0].base_decode_time
        return start // (SEGMENT_SECONDS * lead.timescale)


@asynccontextmanager
async def segmenting(origin: Site, way: Way) -> AsyncIterator[str]:
    """Where to send uploads, instead of to the origin."""
    uploads: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        uploads[task] = writer
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        channel, name = head.split(" ", 2)[1].split("/")[2:]
        track = Track(await Source.open(origin, HEADERS[way]), channel, name, way)
        parser = UploadParser()
        try:
            await track.begin()
            while size := int(await reader.readuntil(b"\r\n"), 16):
                for unit in parser.feed((await reader.readexactly(size + 2))[:-2]):
                    await track.take(unit)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the encoder was killed
        finally:
            writer.close()

    limit = 4 * READ_BYTES
    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, limit=limit)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in uploads.values():
            writer.transport.abort()
        await asyncio.gather(*uploads)
