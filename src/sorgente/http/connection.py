"""One TCP connection: bytes to requests, one exchange at a time, every wait bounded.

A connection is always in one phase, and a phase has at most one deadline; the owner of all
connections looks at the deadlines a few times a second (a timer each would cost more than a player
does). Requests that come in while a response is going out are kept until it is over (ffmpeg
pipelines); meanwhile nothing more is read.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, cast

import httptools

from sorgente.errors import (
    BadRequest,
    HeadTooLarge,
    OriginError,
    RequestTimeout,
    UriTooLong,
)
from sorgente.http import wire
from sorgente.http.exchange import Exchange, FailedExchange
from sorgente.http.household import Household
from sorgente.http.request import Request, check

NEVER: Final = math.inf

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""``struct linger``: on, for no time at all."""

MAX_READS_UNPARSED: Final = 2
"""In heads: one that is legal, and as much again of what came with it in one read."""


class Phase(Enum):
    """What a connection is waiting for."""

    IDLE = "the next request"
    HEAD = "the rest of a request head"
    EXCHANGE = "a request body, or a response to be over"
    LINGER = "the other side to close"


@dataclass(slots=True)
class Pipelined:
    """A request that came in while the response before it was going out."""

    request: Request
    body: list[bytes] = field(default_factory=list)
    complete: bool = False


class Connection(asyncio.Protocol):
    """See the module. Implements :class:`~.exchange.Line` for its current exchange."""

    __slots__ = (
        "_bytes_unparsed",
        "_exchange",
        "_head_left",
        "_headers",
        "_household",
        "_in_head",
        "_parse_error",
        "_parser",
        "_phase",
        "_pipelined",
        "_receiving",
        "_resting",
        "_resuming",
        "_serving",
        "_socket",
        "_target",
        "_transport",
        "close_after",
        "deadline",
        "peer",
        "peer_host",
        "writable",
    )

    def __init__(self, household: Household) -> None:
        self._household = household
        self._transport: asyncio.Transport
        self._socket: int | None = None
        self._parser: httptools.HttpRequestParser | None = None
        self._phase = Phase.IDLE
        self._exchange: Exchange | None = None
        self._pipelined: deque[Pipelined] = deque()
        self._parse_error: OriginError | None = None
        self._resting = False
        self._resuming = False
        self._serving = False
        self.deadline = NEVER
        self.writable = True
        self.close_after = False
        """Close once the current response is over."""
        self.peer = self.peer_host = ""
        # The request that is being parsed.
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_left = 0
        self._bytes_unparsed = 0
        self._in_head = False
        self._receiving: Exchange | Pipelined | None = None
        """Whose body is coming in."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._transport = transport
        self._socket = _plain_socket(transport)
        # Pause as soon as the kernel does not take everything: what is not sent yet stays in the
        # window, which holds it anyway (design §3 rule 4).
        transport.set_write_buffer_limits(high=0)
        host, port = (transport.get_extra_info("peername") or ("unknown", 0))[:2]
        self.peer_host = host
        self.peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        error = self._household.admit(self)
        if self._household.overrun:
            transport.abort()
            return
        if error is not None:
            self.fail(error)
            return
        self._enter(Phase.HEAD, self._household.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever closed it."""
        self._household.dismiss(self)
        self._lose("the connection was lost" if exc is None else f"the connection broke: {exc}")

    def eof_received(self) -> bool:
        """The other side sends no more: to us, it is gone, unless its answer is on the way."""
        exchange = self._exchange
        if exchange is not None and not self._body_is_coming and exchange.half_close_ok:
            self.close_after = True
            return True
        self._lose("the connection was closed by the other side")
        # What is still to be written may be read; bounded, as a half-closed peer may never do so.
        self._enter(Phase.LINGER, self._household.limits.linger_seconds)
        return False

    def pause_writing(self) -> None:
        """The kernel takes no more."""
        self.writable = False
        if self._exchange is not None:
            self._exchange.paused()

    def resume_writing(self) -> None:
        """The kernel takes more again."""
        self.writable = True
        self._resuming = True
        if self._exchange is not None:
            self._exchange.resumed()
        self._resuming = False

    def data_received(self, data: bytes) -> None:
        """Parse."""
        if self._phase is Phase.LINGER or self._parse_error is not None:
            return
        if self._parser is None:
            if self._exchange is not None:
                # Behind a request whose response never ends: nothing we would get round to.
                self.close_after = True
                self._transport.pause_reading()
                return
            self._parser = httptools.HttpRequestParser(self)
        self._bytes_unparsed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An offer (curl --http2 makes it), which RFC 9110 §7.8 lets a server ignore. llhttp
            # has stopped behind the request, so it is the last one here.
            self.close_after = True
            self._parser = None
        except httptools.HttpParserError as error:
            self._fail_to_parse(_meaning(error))
        else:
            if self._in_head and self._phase is Phase.IDLE:
                self._enter(Phase.HEAD, self._household.limits.head_seconds)
            self._bound_unparsed()
            if self._nothing_more_expected:
                self._parser = None  # a thousand players need no thousand parsers

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._headers = {}
        self._head_left = self._household.limits.head_bytes
        self._bytes_unparsed = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        if len(self._target) > self._household.limits.uri_bytes:
            limit = self._household.limits.uri_bytes
            raise UriTooLong(f"a request target may have {limit} bytes")

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
        assert self._parser is not None
        self._in_head = False
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._target,
            version=self._parser.get_http_version(),
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive(),
            peer=self.peer,
        )
        self._headers = {}  # for trailers, which nobody reads
        check(request)
        if self._exchange is None:
            self._begin(request)
        else:
            self._receiving = Pipelined(request)
            self._pipelined.append(self._receiving)
            self._transport.pause_reading()

    def on_body(self, data: bytes) -> None:
        """A piece of a body."""
        self._bytes_unparsed = 0
        if isinstance(self._receiving, Pipelined):
            self._receiving.body.append(data)
        elif self._exchange is not None and self._body_is_coming:
            self._guard(self._exchange.body, data)

    def on_message_complete(self) -> None:
        """A request is complete."""
        receiving, self._receiving = self._receiving, None
        if isinstance(receiving, Pipelined):
            receiving.complete = True
        elif self._exchange is not None and receiving is self._exchange:
            self.set_deadline(None)
            self._guard(self._exchange.complete)

    # Line

    @property
    def now(self) -> float:
        """Seconds of a clock that only grows."""
        return self._household.clock.monotonic()

    @property
    def wall(self) -> float:
        """UTC, seconds since 1970."""
        return self._household.clock.wall()

    def send(self, data: bytes | memoryview, /) -> None:
        """Send, past the transport while nothing waits in it: a sixth of the cost of a delivery.

        The descriptor is the transport's. It is open until ``connection_lost``, by then nobody
        sends any more; and with a high-water mark of 0, what is not paused has nothing buffered
        that these bytes would overtake.
        """
        if self._socket is None or not self.writable:
            self._transport.write(data)
            return
        try:
            sent = os.write(self._socket, data)
        except OSError:
            sent = 0  # full or broken: the transport finds out, and knows what to do
        if sent < len(data):
            self._transport.write(memoryview(data)[sent:])

    def write(self, data: bytes | memoryview, /) -> None:
        """Send."""
        self._transport.write(data)

    def writelines(self, data: Sequence[bytes | memoryview], /) -> None:
        """Send several pieces."""
        self._transport.writelines(data)

    def head(self, status: int, headers: Sequence[wire.Header]) -> bytes:
        """A response head, with what has to be said about the connection."""
        return self.head_of(status, wire.lines(headers))

    def head_of(self, status: int, *lines: bytes) -> bytes:
        """The same, of headers that are lines already."""
        household, exchange = self._household, self._exchange
        request = None if exchange is None else exchange.request
        keep = request is not None and request.keep_alive and not self.close_after
        connection = wire.connection_line("1.1" if request is None else request.version, keep)
        date = household.date.line(household.clock.wall())
        return wire.head(status, date, *lines, connection)

    def reply(self, status: int, body: bytes, headers: Sequence[wire.Header] = ()) -> None:
        """Send a complete response; the exchange is over."""
        if self._body_is_coming:
            # The rest of a body nobody wants is not read to its end: it may have none.
            self.close_after = True
        fields = list(headers)
        if status != 204:
            fields.append((b"Content-Length", b"%d" % len(body)))
        is_head = self._exchange is not None and self._exchange.request.method == "HEAD"
        self.write(self.head(status, fields) + (b"" if is_head else body))
        self.finish()

    def fail(self, error: OriginError) -> None:
        """Send ``error``; the exchange is over."""
        headers = [wire.TEXT, *error.headers]
        if all(name != b"Cache-Control" for name, _ in headers):
            headers.append(wire.NO_STORE)
        self.reply(error.status, f"{error}\n".encode(), headers)

    def finish(self) -> None:
        """The response is complete: go on with the next request, or close."""
        exchange, self._exchange = self._exchange, None
        if exchange is None or not exchange.request.keep_alive or self._household.closing:
            self.close_after = True
        if self.close_after:
            self._close(read_on=exchange is None or self._receiving is exchange)
        elif not self._serving:
            self._go_on()

    def abort(self) -> None:
        """Drop the connection at once."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.request.version == "1.0":
            # No framing tells a broken response from a complete one: a reset does.
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        if self._resuming:
            # Plain asyncio reports the loss twice if aborted inside resume_writing (CPython
            # _SelectorSocketTransport._write_ready).
            self._household.after(0, self._transport.abort)
        else:
            self._transport.abort()

    def set_deadline(self, seconds: float | None) -> None:
        """Call the exchange's ``expired`` in this many seconds, or never."""
        self.deadline = NEVER if seconds is None else self._household.clock.monotonic() + seconds

    def rest_body(self, seconds: float) -> None:
        """Take no more of the request body for so long."""
        if not self._resting:
            self._resting = True
            self._transport.pause_reading()
            self._household.after(seconds, self._resume_body)

    # Owner

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        match self._phase:
            case Phase.IDLE:
                # Closing waits for what is written to be read; after so long, nobody does.
                self._transport.close() if self.writable else self._transport.abort()
            case Phase.HEAD if not self._in_head:
                self._transport.close()  # not one byte of a request came
            case Phase.HEAD:
                seconds = self._household.limits.head_seconds
                self.fail(RequestTimeout(f"the request head was not here after {seconds:g} s"))
            case Phase.LINGER:
                self._transport.abort()
            case Phase.EXCHANGE if self._exchange is not None:
                self._guard(self._exchange.expired)

    def shut_down(self) -> None:
        """Close now if nothing is under way, else when it is over."""
        self.close_after = True
        if self._exchange is None and self._phase is not Phase.LINGER:
            self._transport.close()

    # Inside

    def _resume_body(self) -> None:
        self._resting = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _enter(self, phase: Phase, seconds: float | None) -> None:
        self._phase = phase
        self.set_deadline(seconds)

    def _begin(self, request: Request) -> None:
        self._enter(Phase.EXCHANGE, self._household.limits.head_seconds)
        try:
            # Set before it starts: an early answer has to know that a body is still coming.
            exchange = self._receiving = self._exchange = self._household.route(request, self)
            exchange.start()
        except OriginError as error:
            self._receiving = self._exchange = FailedExchange(self, request, error)
            if request.has_body:
                self.fail(error)
        self._receiving = self._exchange

    def _go_on(self) -> None:
        """Begin what waited behind the exchange that is over, one by one, until one has no answer
        yet."""
        if self._pipelined:
            self._serving = True
            while self._pipelined and self._between_exchanges:
                self._replay(self._pipelined.popleft())
            self._serving = False
        if self._between_exchanges:
            if self._parse_error is not None:
                self.fail(self._parse_error)
                return
            if self._in_head:
                self._enter(Phase.HEAD, self._household.limits.head_seconds)
            else:
                self._enter(Phase.IDLE, self._household.limits.idle_seconds)
        if not self._pipelined and not self._transport.is_reading():
            self._transport.resume_reading()

    @property
    def _between_exchanges(self) -> bool:
        return self._exchange is None and self._phase is not Phase.LINGER

    def _replay(self, waiting: Pipelined) -> None:
        """Give a request that waited to its exchange, as far as it has come in."""
        receiving = self._receiving
        self._begin(waiting.request)
        exchange = self._exchange
        if receiving is not waiting:
            self._receiving = receiving
        if exchange is None:
            return
        for data in waiting.body:
            if self._exchange is exchange:
                self._guard(exchange.body, data)
        if waiting.complete and self._exchange is exchange:
            self.set_deadline(None)
            self._guard(exchange.complete)

    def _guard(self, step: Callable[..., None], *arguments: bytes) -> None:
        """Run one step of the exchange; what goes wrong on the other side becomes its answer."""
        try:
            step(*arguments)
        except OriginError as error:
            self.fail(error)

    def _lose(self, why: str) -> None:
        exchange, self._exchange = self._exchange, None
        # Both point back here, and an upload's exchange to all it has relayed: in a cycle, that
        # would wait for the garbage collector.
        self._receiving = self._parser = None
        self._pipelined.clear()
        self.deadline = NEVER
        if exchange is not None:
            exchange.lost(why)

    def _close(self, *, read_on: bool) -> None:
        """Close, so that the other side can read what was written to it.

        Closing a socket with unread bytes in it resets the connection, and the answer may be lost
        with it (RFC 9112 §9.6): say that nothing more comes, and ``read_on`` for a while.
        """
        limits = self._household.limits
        self._enter(Phase.LINGER, limits.linger_seconds if read_on else limits.stall_seconds)
        if not read_on:
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # reset meanwhile: plain asyncio lets shutdown() raise
            self._transport.abort()
            return
        self._transport.resume_reading()

    @property
    def _body_is_coming(self) -> bool:
        """The current exchange's request is not complete."""
        return self._exchange is not None and self._receiving is self._exchange

    @property
    def _nothing_more_expected(self) -> bool:
        """The response never ends, and nothing has come in behind its request."""
        exchange = self._exchange
        if exchange is None or not exchange.endless:
            return False
        return self._receiving is None and not self._pipelined and not self._in_head

    def _fail_to_parse(self, error: OriginError) -> None:
        self._parse_error = error.with_traceback(None)  # its frames hold what holds it
        self._parser = None
        if self._exchange is None:
            self.fail(error)
        elif self._body_is_coming:
            self._exchange.lost(str(error))
            self.fail(error)
        else:
            # Answered in its turn, behind the requests before it.
            if isinstance(self._receiving, Pipelined):
                self._pipelined.remove(self._receiving)
                self._receiving = None
            self._transport.pause_reading()

    def _bound_unparsed(self) -> None:
        """Bound a header, or the extension of a frame, that never ends: until it does, llhttp only
        gathers it."""
        if self._bytes_unparsed > MAX_READS_UNPARSED * self._household.limits.head_bytes:
            self._fail_to_parse(self._head_too_large())

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(f"a request head may have {self._household.limits.head_bytes} bytes")


def _plain_socket(transport: asyncio.Transport) -> int | None:
    """The descriptor of a connection whose bytes go out as they are; None for TLS and for tests."""
    sock = transport.get_extra_info("socket")
    encrypted = transport.get_extra_info("sslcontext") is not None
    return None if sock is None or encrypted else sock.fileno()


def _meaning(error: httptools.HttpParserError) -> OriginError:
    """The answer to what llhttp, or one of our callbacks, raised."""
    cause = error.__context__
    if isinstance(cause, OriginError):
        return cause
    if cause is not None and isinstance(error, httptools.HttpParserCallbackError):
        raise cause  # a fault of ours, not of the request
    return BadRequest(f"this is not HTTP/1.1: {error}")
