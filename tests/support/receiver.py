"""A program that takes hooks: on aiohttp, with the specification's own library to check them."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from standardwebhooks import Webhook

SECRET: Final = "whsec_" + base64.b64encode(b"known to both, to nobody else").decode()


@dataclass(frozen=True)
class Told:
    """One POST."""

    number: str
    signature: str
    event: dict[str, Any]
    status: int
    """What it was answered."""


@dataclass
class Receiver:
    """``answers``: a status each, and 204 from then on; 0 is none at all."""

    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    """Of every answer."""
    heard: list[Told] = field(default_factory=list)
    url: str = ""
    elsewhere: int = 0
    """Requests at other addresses than the hook's."""

    async def take(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Content-Type"] == "application/json"
        event = Webhook(SECRET).verify(await request.read(), dict(request.headers))
        number, signature = request.headers["webhook-id"], request.headers["webhook-signature"]
        status = self.answers.pop(0) if self.answers else 204
        self.heard.append(Told(number, signature, event, status))
        if not status:
            await asyncio.Event().wait()
        return web.Response(status=status, headers=self.headers)

    async def refuse(self, _: web.Request) -> web.StreamResponse:
        self.elsewhere += 1
        return web.Response()

    @property
    def taken(self) -> list[dict[str, Any]]:
        """Events that were answered 2xx, each once."""
        events = {told.number: told.event for told in self.heard if 200 <= told.status < 300}
        return list(events.values())

    @property
    def types(self) -> list[str]:
        return [event["type"].removeprefix("channel.") for event in self.taken]


@asynccontextmanager
async def receiving(
    answers: Sequence[int] = (),
    *,
    headers: dict[str, str] | None = None,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver(list(answers), headers or {})
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_route("*", "/elsewhere", receiver.refuse)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http{'s' if tls else ''}://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
