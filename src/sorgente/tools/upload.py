"""One upload over HTTP/1.1: a head, frames as they come, an answer.

ffmpeg could send it itself. It is done here because ffmpeg would have the key on its command line,
where ``ps`` shows it to everybody; does not check certificates unless told to; learns nothing of an
answer but a broken pipe, so that nobody could say why; ends its upload as if all were well when its
caller hangs up; and dies with its origin, and takes the caller with it.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from types import TracebackType
from typing import Final

import httptools

from sorgente import __version__
from sorgente.media.chunk import LAST_FRAME, frame
from sorgente.tools.errors import OriginLost, refusal
from sorgente.tools.target import Target
from sorgente.tools.trust import distrust, trust

CONNECT_SECONDS: Final = 5.0
"""A machine that is there answers in one; one that is not, never."""
CONTINUE_SECONDS: Final = 1.0
"""Not every server knows ``Expect``: then the body is sent all the same (RFC 9110 §10.1.1)."""
SEND_SECONDS: Final = 10.0
"""An origin that takes nothing for so long is not there any more."""
ANSWER_SECONDS: Final = 10.0
"""For the answer to a whole upload."""
MAX_LINE: Final = 300
"""Characters shown of an answer's body."""
MAX_ANSWER_BYTES: Final = 65536
READ_BYTES: Final = 16384

FINAL: Final = 200
"""Statuses below are interim (RFC 9110 §15.2)."""
MULTIPLE_CHOICES: Final = 300
"""Statuses below, if final, are good."""


class Answer:
    """A final response, as far as it came."""

    def __init__(self) -> None:
        self.status = 0  # the final one
        self.body = b""
        self.complete = False
        self.continued = asyncio.Event()
        """Something was answered: 100, or the final status."""
        self._parser = httptools.HttpResponseParser(self)

    @property
    def line(self) -> str:
        """The first line of the body."""
        text = self.body.decode("utf-8", "replace").strip()
        return text.partition("\n")[0][:MAX_LINE].strip()

    def feed(self, data: bytes) -> None:
        """Take what came.

        Raises OriginLost for what is not HTTP, or never ends.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise OriginLost(f"what answers there does not speak HTTP: {error}") from error
        if len(self.body) > MAX_ANSWER_BYTES:
            self.complete = True

    # httptools

    def on_headers_complete(self) -> None:
        """The status is known; an interim one only says that the body is wanted."""
        status = self._parser.get_status_code()
        if status >= FINAL:
            self.status = status
        self.continued.set()

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        self.body += data

    def on_message_complete(self) -> None:
        """Of an interim response too."""
        self.complete = self.status >= FINAL


class Upload:
    """A request to one track of a channel. Use as a context manager: leaving it closes the
    connection, and an upload that is not finished by then is broken off.

    Raises OriginLost when the origin is not there (any more), OriginRefused when it says no.
    """

    def __init__(self, target: Target, track: str, *, length: int | None = None) -> None:
        self._target = target
        self._track = track
        self._length = length
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.answer = Answer()

    @property
    def answered(self) -> bool:
        """There is nothing more to send: the origin has said its last word, or hung up."""
        return self._reading is not None and self._reading.done()

    def on_answer(self, call: asyncio.Event) -> None:
        """Set ``call`` when ``answered``."""
        assert self._reading is not None, "the context manager was entered"
        self._reading.add_done_callback(lambda _: call.set())

    async def __aenter__(self) -> Upload:
        """Connect, send the head, and wait until the origin wants the body."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, self._writer = await asyncio.open_connection(
                    self._target.host,
                    self._target.port,
                    ssl=trust(self._target.cacert) if self._target.secure else None,
                )
        except (OSError, TimeoutError) as error:
            raise OriginLost(f"no connection to {self._target.authority}: {_why(error)}") from error
        self._reading = asyncio.create_task(self._read(reader))
        try:
            await self._write(self._head())
            if self._length is None:
                await self._until_wanted()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._close()

    async def send(self, payload: bytes) -> None:
        """Send a frame."""
        await self._write(frame(payload))

    async def finish(self) -> str:
        """End the body; what the origin says to it."""
        if self._length is None and not self.answered:
            await self._write(LAST_FRAME)
        return await self.verdict()

    async def verdict(self) -> str:
        """Wait for the answer; its line, when it is a good one."""
        assert self._reading is not None, "the context manager was entered"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._reading
        except TimeoutError:
            raise OriginLost("the origin does not answer") from None
        except OSError as error:
            raise OriginLost(f"the origin is gone: {_why(error)}") from error
        if not self.answer.status:
            raise OriginLost("the origin hung up without an answer")
        if self.answer.status >= MULTIPLE_CHOICES:
            raise refusal(self.answer.status, self.answer.line)
        return self.answer.line

    def _head(self) -> bytes:
        target = self._target
        body = (
            ["Transfer-Encoding: chunked", "Expect: 100-continue"]
            if self._length is None
            else [f"Content-Length: {self._length}"]
        )
        lines = [
            f"POST {target.request_target(self._track)} HTTP/1.1",
            f"Host: {target.authority}",
            f"User-Agent: sorgente-push/{__version__}",
            "DASH-IF-Ingest: 1.1",
            "Content-Type: application/mp4",
            "Connection: close",
            *body,
        ]
        if target.authorization:
            lines.append(f"Authorization: {target.authorization}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    async def _until_wanted(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CONTINUE_SECONDS):
                await self.answer.continued.wait()
        if self.answered or self.answer.status:
            await self.verdict()
            raise OriginLost("the origin answered before there was anything to answer")

    async def _write(self, data: bytes) -> None:
        assert self._writer is not None, "the context manager was entered"
        self._writer.write(data)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            raise OriginLost(f"the origin took nothing for {SEND_SECONDS:g} s") from None
        except OSError as error:
            # It may have said why before it hung up.
            await self.verdict()
            raise OriginLost(f"the origin is gone: {_why(error)}") from error

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while not self.answer.complete and (data := await reader.read(READ_BYTES)):
                self.answer.feed(data)
        finally:
            self.answer.continued.set()

    def _close(self) -> None:
        if self._writer is not None and self.answered:
            self._writer.close()
        elif self._writer is not None:
            self._writer.transport.abort()  # a body that is cut short must not look whole
        reading = self._reading
        if reading is not None and not reading.cancel() and not reading.cancelled():
            reading.exception()  # asked for, or asyncio logs that nobody did


async def probe(target: Target, track: str) -> None:
    """Ask with an empty body whether an upload of ``track`` would be taken (DASH-IF Ingest §6).

    Raises OriginLost, OriginRefused.
    """
    async with Upload(target.peaceful(), track, length=0) as upload:
        await upload.verdict()


def _why(error: BaseException) -> str:
    if (distrusted := distrust(error)) is not None:
        return distrusted
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio puts its own words there
    return str(error) or type(error).__name__
