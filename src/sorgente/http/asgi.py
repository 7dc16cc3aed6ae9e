"""A small bridge from a connection to an ASGI application (ASGI 3.0, HTTP).

For all that is not the media path: pages, health, metrics, the API. One task per request, a bounded
body, and the response waits while the connection takes no more. Answers may go on for ever: the
application hears when the other side is gone (``http.disconnect``), what it sends from then on goes
nowhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote

from sorgente.errors import BodyTooLarge, OriginError
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import WITH_BODY, Request
from sorgente.media.chunk import LAST_FRAME, frame

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

MAX_BODY_BYTES: Final = 64 << 10
"""A request to the control application is a form or a small document."""

WRITE_SECONDS: Final = 30.0
"""For the other side to take what the application sends."""

log = logging.getLogger(__name__)


class ApplicationFailed(OriginError):
    """The application raised before it answered; what, is in the log and nowhere else."""

    status = 500

    def __init__(self) -> None:
        super().__init__("the origin failed to answer this; its log says why")


class AsgiExchange(Exchange):
    """A request answered by an application."""

    __slots__ = ("_app", "_body", "_chunked", "_complete", "_gone", "_received", "_started",
                 "_task", "_writable")  # fmt: skip

    half_close_ok = True

    def __init__(self, line: Line, request: Request, app: AsgiApp) -> None:
        super().__init__(line, request)
        self._app = app
        self._body = bytearray()
        self._complete = False
        self._chunked = False
        self._received = False
        self._started = False
        self._task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def start(self) -> None:
        """Ask for the body, if the other side waits for that."""
        if self.request.expects_continue and self.request.has_body:
            self.line.write(wire.CONTINUE)

    def body(self, data: bytes) -> None:
        """Gather, where it means something (RFC 9110 §9.3.1: with a GET it does not).

        Raises:
            BodyTooLarge
        """
        if self.request.method not in WITH_BODY:
            return
        self._body += data
        if len(self._body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"a body for this path may have {MAX_BODY_BYTES} bytes")

    def complete(self) -> None:
        """Ask the application."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def lost(self, why: str) -> None:
        """Nobody waits for the answer any more."""
        self._gone.set()
        self._writable.set()

    def paused(self) -> None:
        """Let the application wait."""
        self._writable.clear()
        self.line.set_deadline(WRITE_SECONDS)

    def resumed(self) -> None:
        """Let it go on."""
        self._writable.set()
        self.line.set_deadline(None)

    def expired(self) -> None:
        """The other side takes nothing, or its request never came to its end."""
        if self._task is None:
            super().expired()
        if self.line.takes(self.line.now):
            self.line.set_deadline(WRITE_SECONDS)
        else:
            self.lost("stalled")
            self.line.abort()

    async def _run(self) -> None:
        try:
            await self._app(self._scope(), self._receive, self._send)
        except Exception:
            log.exception("the application failed at %s", self.request.path.decode("latin-1"))
            self._break()
        else:
            if not self._complete:
                self._break()

    def _break(self) -> None:
        if self._gone.is_set() or self._complete:
            return
        if self._started:
            self.line.abort()
        else:
            self.line.fail(ApplicationFailed())

    def _scope(self) -> Message:
        request = self.request
        return {
            "type": "http",
            # Not 2.4, in which to send to somebody who is gone raises: this one says it by receive.
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": request.version,
            "method": request.method,
            "scheme": "http",
            "path": unquote(request.path.decode("ascii", "replace")),
            "raw_path": request.path,
            "query_string": request.query_string,
            "root_path": "",
            "headers": list(request.headers.items()),
            "client": (self.line.peer_host, 0),
            "server": None,
        }

    async def _receive(self) -> Message:
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": bytes(self._body), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set() or self._complete:
            return
        if message["type"] == "http.response.start":
            self._start_response(message["status"], list(message.get("headers", ())))
            return
        await self._writable.wait()
        if not self._gone.is_set():
            self._send_body(message.get("body", b""), more=message.get("more_body", False))

    def _start_response(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._started = True
        names = {key.lower() for key, _ in headers}
        if status >= 400 and b"cache-control" not in names:
            headers.append(wire.NO_STORE)  # else caches may keep a 404 (RFC 9110 §15.1)
        if b"content-length" not in names and status not in (204, 304):
            if self.request.version == "1.1":
                self._chunked = True
                headers.append((b"Transfer-Encoding", b"chunked"))
            else:
                self.line.close_after = True
        self.line.write(self.line.head(status, headers))

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self.request.method != "HEAD":
            if body:
                self.line.write(frame(body) if self._chunked else body)
            if self._chunked and not more:
                self.line.write(LAST_FRAME)
        if not more:
            self._complete = True
            self.line.finish()
