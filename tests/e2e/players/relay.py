"""A cable between encoders and the origin, which can be cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.support.origin import Site, until

BLOCK: Final = 1 << 16
MDAT: Final = b"mdat"


@dataclass
class Upload:
    """One connection of an encoder, and what it publishes: ``/ingest/live/v``."""

    path: str
    to_cut: bool = False
    cut_at: float | None = None
    """Seconds since 1970."""


@dataclass
class Relay:
    """Passes uploads on. One that is cut ends for the origin inside a chunk, without a goodbye;
    its encoder is not told, so that it goes on with the others."""

    origin: Site
    port: int = 0
    uploads: list[Upload] = field(default_factory=list)

    @property
    def ingest(self) -> str:
        """The address of the channel, for encoders."""
        return f"http://127.0.0.1:{self.port}/ingest/live"

    async def cut(self, name: str = "") -> float:
        """Cut the newest upload of ``name`` in the middle of its next ``mdat``; when it was."""
        upload = next(u for u in reversed(self.uploads) if u.path.endswith(name))
        upload.to_cut = True
        await until(lambda: upload.cut_at is not None)
        assert upload.cut_at is not None
        return upload.cut_at

    async def connect(self, encoder: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve one connection of an encoder."""
        origin, out = await asyncio.open_connection(self.origin.host, self.origin.port)
        try:
            async with asyncio.TaskGroup() as group:
                answers = group.create_task(_pass_on(origin, back))
                await self._upload(encoder, out)
                answers.cancel()
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass  # one of them is gone, which is what tests do
        finally:
            out.close()
            back.close()

    async def _upload(self, encoder: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        head = await encoder.readuntil(b"\r\n\r\n")
        upload = Upload(head.split(b" ", 2)[1].decode())
        self.uploads.append(upload)
        out.write(head)
        while data := await encoder.read(BLOCK):
            if upload.cut_at is not None:
                continue
            if upload.to_cut and (at := data.find(MDAT)) >= 0:
                out.write(data[: at + len(MDAT) + 1])
                await out.drain()
                out.transport.abort()
                upload.cut_at = time.time()
            else:
                out.write(data)
                await out.drain()


@asynccontextmanager
async def relayed(origin: Site) -> AsyncIterator[Relay]:
    """A relay to an origin."""
    relay = Relay(origin)
    async with await asyncio.start_server(relay.connect, "127.0.0.1", 0) as server:
        relay.port = server.sockets[0].getsockname()[1]
        yield relay


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(BLOCK):
        target.write(data)
        await target.drain()
