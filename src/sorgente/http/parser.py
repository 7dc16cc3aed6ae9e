"""Bytes to requests: what llhttp tells, put together, every head bounded, each in its turn.

llhttp splits a connection into messages and is strict about it (RFC 9112), but it has no bounds:
what is not over yet, it gathers. And it does not stop behind a request: those that came in one read
with it wait here until the recipient is ready for them (ffmpeg pipelines).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import httptools

from sorgente.errors import BadRequest, HeadTooLarge, OriginError, Overloaded, UriTooLong
from sorgente.http.household import ConnectionLimits
from sorgente.http.request import Request, check

MAX_READS_UNPARSED: Final = 2
"""In heads: one that is legal, and as much again of what came with it in one read."""


PARSED_AT_ONCE: Final = 4096
"""Bytes in which heads are expected. What is made of them has twelve times their size at worst, so
what else came in the same read waits as it is."""

MAX_WAITING: Final = 1000
"""Requests that came in one read with the end of a body, which is parsed whole: to a client, that
is no limit."""


class Recipient(Protocol):
    """Whoever takes the requests."""

    @property
    def ready(self) -> bool:
        """The next request may begin."""

    def sender(self, headers: Mapping[bytes, bytes]) -> str:
        """Who sends a request with these headers, for people."""

    def request_begins(self, request: Request) -> None:
        """A head is here, and acceptable."""

    def body_comes(self, data: bytes) -> None:
        """A piece of the body of the newest request."""

    def request_is_complete(self) -> None:
        """The newest request has come to its end, with or without a body."""

    def request_breaks(self, error: OriginError) -> None:
        """The newest request, or the head of the next, is not acceptable; nothing comes behind."""


@dataclass(slots=True)
class Waiting:
    """A request whose turn has not come, as far as it is here."""

    request: Request | None
    """None: its head is not acceptable."""
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    error: OriginError | None = None

    def hand_to(self, recipient: Recipient) -> None:
        """Its turn has come."""
        if self.request is not None:
            recipient.request_begins(self.request)
        if self.body:
            recipient.body_comes(bytes(self.body))
        if self.error is not None:
            recipient.request_breaks(self.error)
        elif self.complete:
            recipient.request_is_complete()


class RequestParser:
    """The requests of one connection, one after another."""

    __slots__ = ("_head_left", "_headers", "_in_body", "_limits", "_llhttp", "_recipient",
                 "_target", "_unparsed", "_unread", "in_head", "waiting")  # fmt: skip

    def __init__(self, recipient: Recipient, limits: ConnectionLimits) -> None:
        self.in_head = False
        """The first byte of a head is here, its last is not."""
        self._recipient = recipient
        self._limits = limits
        self.waiting: deque[Waiting] = deque()
        """Those whose turn has not come, in their order."""
        self._unread = b""
        """What came behind those that wait."""
        self._unparsed = 0
        """Bytes since llhttp last made something of them."""
        # The request that is being parsed.
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_left = 0
        self._in_body = False
        self._llhttp: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Parse, and hand on what there is. Behind what is not acceptable, it is deaf."""
        while data and self._llhttp is not None:
            if self.waiting:
                self._unread += data
                return
            piece = data if self._in_body else data[:PARSED_AT_ONCE]
            data = data[len(piece) :]
            self._unparsed += len(piece)
            try:
                self._llhttp.feed_data(piece)
            except httptools.HttpParserUpgrade:
                # An offer (curl --http2 makes it), which RFC 9110 §7.8 lets a server ignore. llhttp
                # has stopped behind the request, whose answer says that it is the last.
                self.drop()
            except httptools.HttpParserError as error:
                self._give_up(_meaning(error))
            else:
                # A header, or the extension of a frame, that never ends.
                if self._unparsed > MAX_READS_UNPARSED * self._limits.head_bytes:
                    self._give_up(self._head_too_large())

    def hand_on(self) -> None:
        """Hand on what waits, as far as the recipient takes it."""
        while self.waiting and self._recipient.ready:
            self.waiting.popleft().hand_to(self._recipient)
            if not self.waiting:
                data, self._unread = self._unread, b""
                self.feed(data)

    def drop(self) -> None:
        """Let go of llhttp, whose callbacks are methods of this: a cycle."""
        self._llhttp = None
        self.in_head = False

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._headers = {}
        self._head_left = self._limits.head_bytes
        self._unparsed = 0
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        if len(self._target) > self._limits.uri_bytes:
            raise UriTooLong(f"a request target may have {self._limits.uri_bytes} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nothing here needs."""
        headers, name = self._headers, name.lower()
        left = self._head_left - len(name) - len(value) - 4
        if name in headers:
            # Joined by the rule of RFC 9110 §5.3, and paid for by the byte: to join a thousand
            # costs the square of what it costs to send them.
            value = b"%b, %b" % (headers[name], value)
            left -= len(value)
        if left < 0:
            raise self._head_too_large()
        headers[name] = value
        self._head_left = left

    def on_headers_complete(self) -> None:
        """The head is complete."""
        llhttp = self._llhttp
        assert llhttp is not None, "it has called this"
        request = Request(
            llhttp.get_method().decode("ascii"),
            self._target,
            llhttp.get_http_version(),
            self._headers,
            llhttp.should_keep_alive() and not llhttp.should_upgrade(),
            self._recipient.sender(self._headers),
        )
        self._headers = {}  # for trailers, which nobody reads
        check(request)
        if len(self.waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} requests wait behind another here, no more may")
        self.in_head, self._in_body = False, True
        if self.waiting or not self._recipient.ready:
            self.waiting.append(Waiting(request))
        else:
            self._recipient.request_begins(request)

    def on_body(self, data: bytes) -> None:
        """A piece of a body."""
        self._unparsed = 0
        if self.waiting:
            self.waiting[-1].body += data
        else:
            self._recipient.body_comes(data)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._in_body = False
        if self.waiting:
            self.waiting[-1].complete = True
        else:
            self._recipient.request_is_complete()

    def _give_up(self, error: OriginError) -> None:
        """Tell what is wrong, in its turn: behind the requests before it."""
        error = error.with_traceback(None)  # its frames hold what holds it
        self.drop()
        if self.waiting and self._in_body:
            self.waiting[-1].error = error
        elif self._in_body or (not self.waiting and self._recipient.ready):
            self._recipient.request_breaks(error)
        else:
            self.waiting.append(Waiting(None, error=error))

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(f"a request head may have {self._limits.head_bytes} bytes")


def _meaning(error: httptools.HttpParserError) -> OriginError:
    """The answer to what llhttp, or one of the callbacks, raised."""
    cause = error.__context__
    if isinstance(cause, OriginError):
        return cause
    if cause is not None and isinstance(error, httptools.HttpParserCallbackError):
        raise cause  # a fault of ours, not of the request
    return BadRequest(f"this is not HTTP/1.1: {error}")
