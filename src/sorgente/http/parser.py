"""Bytes to requests: what llhttp tells, put together, and every head bounded.

llhttp splits a connection into messages and is strict about it (RFC 9112), but it has no bounds:
what is not over yet, it gathers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import httptools

from sorgente.errors import BadRequest, HeadTooLarge, OriginError, UriTooLong
from sorgente.http.household import ConnectionLimits
from sorgente.http.request import Request, check

MAX_READS_UNPARSED: Final = 2
"""In heads: one that is legal, and as much again of what came with it in one read."""


class Recipient(Protocol):
    """Whoever takes the requests. What it raises comes out of :meth:`RequestParser.feed`."""

    def sender(self, headers: Mapping[bytes, bytes]) -> str:
        """Who sends a request with these headers, for people."""

    def request_begins(self, request: Request) -> None:
        """A head is here, and acceptable."""

    def body_comes(self, data: bytes) -> None:
        """A piece of the body of the newest request."""

    def request_is_complete(self) -> None:
        """The newest request has come to its end, with or without a body."""


class RequestParser:
    """The requests of one connection, one after another."""

    __slots__ = ("_head_left", "_headers", "_limits", "_llhttp", "_recipient", "_target",
                 "_unparsed", "in_head", "on_message_complete")  # fmt: skip

    def __init__(self, recipient: Recipient, limits: ConnectionLimits) -> None:
        self.in_head = False
        """The first byte of a head is here, its last is not."""
        self._recipient = recipient
        self._limits = limits
        self._unparsed = 0
        """Bytes since llhttp last made something of them."""
        # The request that is being parsed.
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_left = 0
        self.on_message_complete = recipient.request_is_complete
        self._llhttp = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> bool:
        """Parse, and hand on what there is; False if nothing behind it can be understood.

        Raises:
            OriginError: it is not acceptable, which is the end of the connection; or the recipient
                has raised it.
        """
        self._unparsed += len(data)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An offer (curl --http2 makes it), which RFC 9110 §7.8 lets a server ignore. llhttp
            # has stopped behind the request, so it is the last one here.
            return False
        except httptools.HttpParserError as error:
            meaning = _meaning(error)
        else:
            # A header, or the extension of a frame, that never ends.
            if self._unparsed <= MAX_READS_UNPARSED * self._limits.head_bytes:
                return True
            meaning = self._head_too_large()
        raise meaning  # here, where it has no context: frames hold what holds it

    def drop(self) -> None:
        """Let go of llhttp, whose callbacks are methods of this: a cycle."""
        del self._llhttp

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
        request = Request(
            llhttp.get_method().decode("ascii"),
            self._target,
            llhttp.get_http_version(),
            self._headers,
            llhttp.should_keep_alive(),
            self._recipient.sender(self._headers),
        )
        self.in_head = False
        self._headers = {}  # for trailers, which nobody reads
        check(request)
        self._recipient.request_begins(request)

    def on_body(self, data: bytes) -> None:
        """A piece of a body."""
        self._unparsed = 0
        self._recipient.body_comes(data)

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
