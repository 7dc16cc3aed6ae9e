"""One TCP connection: bytes to requests, one exchange at a time, every wait bounded.

A connection is always in one phase, and a phase has at most one deadline; the owner of all
connections looks at the deadlines a few times a second (a timer each would cost more than a player
does). A request begins when the answer before it is over, and the other side has taken it; as long
as one waits for that, nothing more is read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final

from sorgente.errors import OriginError, RequestTimeout
from sorgente.http import wire
from sorgente.http.exchange import Exchange, FailedExchange
from sorgente.http.household import Household
from sorgente.http.parser import RequestParser
from sorgente.http.proxies import Peer
from sorgente.http.request import Request
from sorgente.http.stream import Stream
from sorgente.media.chunk import Buffer

NEVER: Final = math.inf

ONE_WRITE_BYTES: Final = 64 << 10
"""Up to here, head and body are copied into one piece: that costs less than a vector of them."""


class Phase(Enum):
    """What a connection is waiting for."""

    IDLE = "the next request"
    HEAD = "the rest of a request head"
    EXCHANGE = "a request body, or a response to be over"
    SENT = "the other side to take what was sent, before the next request begins"
    LINGER = "the other side to close"


IDLE, HEAD, EXCHANGE, SENT, LINGER = Phase  # looked up in the class, each costs 50 ns (3.11)


class Connection(Stream):
    """See the module. Implements :class:`~.exchange.Line` for its current exchange, and
    :class:`~.parser.Recipient`."""

    __slots__ = (
        "_client",
        "_exchange",
        "_household",
        "_parser",
        "_phase",
        "_proxied",
        "_receiving",
        "_resting",
        "_resuming",
        "_serving",
        "close_after",
        "deadline",
        "peer",
        "peer_host",
    )

    def __init__(self, household: Household, client: Peer | None = None) -> None:
        """``client``: who is at the other end, if that is not whom the socket shows."""
        super().__init__()
        self._household = household
        self._client = client
        self._parser: RequestParser | None = None
        self._phase = IDLE
        self._exchange: Exchange | None = None
        self._proxied = False
        """What it says of whom it speaks for counts."""
        self._resting = False
        self._resuming = False
        self._serving = False
        self.deadline = NEVER
        self.close_after = False
        """Close once the current response is over."""
        self.peer = self.peer_host = ""
        self._receiving: Exchange | None = None
        """Whose body is coming in."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        shown = transport.get_extra_info("peername") or ("unknown", 0)
        host, port = self._client or shown[:2]
        self._proxied = self._household.proxies.trusts(host)
        self.peer_host = host
        self.peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        error = self._household.admit(self)
        if self._household.overrun:
            self._transport.abort()
            return
        if error is not None:
            self.fail(error)
            return
        self._enter(HEAD, self._household.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever closed it."""
        super().connection_lost(exc)
        self._household.dismiss(self)
        self._lose("the connection was lost" if exc is None else f"the connection broke: {exc}")

    def eof_received(self) -> bool:
        """The other side sends no more: to us, it is gone, unless its answer is on the way."""
        exchange = self._exchange
        asks = exchange is not None and exchange.half_close_ok and not self._body_is_coming
        if asks and self._transport.can_write_eof():  # over TLS there is no half of a connection
            self.close_after = True
            return True
        self._lose("the connection was closed by the other side")
        # What is still to be written may be read; bounded, as a half-closed peer may never do so.
        self._enter(LINGER, self._household.limits.linger_seconds)
        return False

    def pause_writing(self) -> None:
        """The kernel takes no more."""
        self.writable = False
        self.look(self._household.clock.monotonic())
        if self._exchange is not None:
            self._exchange.paused()

    def resume_writing(self) -> None:
        """The kernel takes more again."""
        self.writable = True
        self._resuming = True
        if self._exchange is not None:
            self._exchange.resumed()
        elif self._phase is SENT and not self._transport.is_closing():
            self._go_on()
        self._resuming = False

    def data_received(self, data: bytes) -> None:
        """Parse."""
        if self._phase is LINGER:
            return  # the last answer said that it is the last (RFC 9112 §9.6)
        parser = self._parser
        if parser is None:
            if self._exchange is not None:
                # Behind a request whose response never ends. It is read all the same: only who
                # reads hears that the other side is gone.
                self.close_after = True
                return
            parser = self._parser = RequestParser(self, self._household.limits)
        parser.feed(data)
        if self._phase is LINGER:
            self._drop_parser()
        elif self._is_endless:
            self.expect_nothing()
        elif self._waits:
            self._transport.pause_reading()
            if self._exchange is None:  # TLS begins with what the server has to say
                self._enter(SENT, self._household.limits.stall_seconds)
        elif parser.in_head and self._phase is IDLE:
            self._enter(HEAD, self._household.limits.head_seconds)

    # Recipient

    @property
    def ready(self) -> bool:
        """The next request may begin."""
        return self._exchange is None and self.writable and self._phase is not LINGER

    def sender(self, headers: Mapping[bytes, bytes]) -> str:
        """Who sends a request with these headers, for people."""
        client = self._household.proxies.client(headers) if self._proxied else None
        return self.peer if client is None else f"{client} by {self.peer}"

    def request_begins(self, request: Request) -> None:
        """Begin its exchange."""
        self._phase = EXCHANGE
        self.deadline = NEVER
        if request.has_body:  # else it is complete by now
            self.set_deadline(self._household.limits.head_seconds)
        try:
            # Set before it starts: an early answer has to know that a body is still coming.
            exchange = self._receiving = self._exchange = self._household.route(request, self)
            exchange.start()
        except OriginError as error:
            self._receiving = self._exchange = FailedExchange(self, request, error)
            if request.has_body:
                self.fail(error)
        self._receiving = self._exchange

    def body_comes(self, data: bytes) -> None:
        """A piece of a body."""
        if self._exchange is not None and self._body_is_coming:
            self._guard(self._exchange.body, data)

    def request_is_complete(self) -> None:
        """A request has come to its end."""
        exchange, self._receiving = self._receiving, None
        if exchange is not None and exchange is self._exchange:
            self.deadline = NEVER
            try:  # not by _guard: every request comes by
                exchange.complete()
            except OriginError as error:
                self.fail(error)

    def request_breaks(self, error: OriginError) -> None:
        """It is not acceptable, and nothing comes behind."""
        if self._phase is LINGER:
            return
        if self._exchange is not None:
            self._exchange.lost(str(error))
        self.fail(error)

    # Line

    @property
    def now(self) -> float:
        """Seconds of a clock that only grows."""
        return self._household.clock.monotonic()

    @property
    def wall(self) -> float:
        """UTC, seconds since 1970."""
        return self._household.clock.wall()

    def head(self, status: int, headers: Sequence[wire.Header]) -> bytes:
        """A response head, with what has to be said about the connection."""
        return self.head_of(wire.start(status, wire.lines(headers)))

    def head_of(self, start: bytes) -> bytes:
        """The same, of one that has begun."""
        household, exchange = self._household, self._exchange
        date = household.date.last(household.clock.monotonic())
        if exchange is None or self.close_after or not exchange.request.keep_alive:
            return start + wire.CLOSE + date
        if exchange.request.version == "1.0":
            return start + wire.KEEP_ALIVE + date
        return start + date  # to go on is the default of HTTP/1.1

    def reply(self, status: int, body: bytes, headers: Sequence[wire.Header] = ()) -> None:
        """Send a complete response; the exchange is over."""
        if self._body_is_coming:
            # The rest of a body nobody wants is not read to its end: it may have none.
            self.close_after = True
        lines = wire.lines(headers)
        if status not in wire.WITHOUT_BODY:
            lines += wire.length_line(len(body))
        self.answer(wire.start(status, lines), (body,), len(body))

    def answer(self, start: bytes, body: Sequence[Buffer] = (), size: int = 0) -> None:
        """Send a complete response, of a head that has begun; the exchange is over."""
        head, exchange = self.head_of(start), self._exchange
        if exchange is not None and exchange.request.method == "HEAD":
            self.send(head)
        elif size <= ONE_WRITE_BYTES:
            self.send(b"".join((head, *body)))
        else:
            self.writelines([head, *body])
        self.finish()

    def fail(self, error: OriginError) -> None:
        """Send ``error``; the exchange is over."""
        exchange = self._exchange
        request = None if exchange is None else exchange.request
        told = exchange is None or exchange.is_told
        self._household.refuses(request, error, told=told)
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
            self._reset_on_close()  # no framing tells a broken response from a complete one
        self._part(self._transport.abort)

    def set_deadline(self, seconds: float | None) -> None:
        """Call the exchange's ``expired`` in this many seconds, or never."""
        self.deadline = NEVER if seconds is None else self._household.clock.monotonic() + seconds

    def rest_body(self, seconds: float) -> None:
        """Take no more of the request body for so long."""
        if not self._resting:
            self._resting = True
            self._transport.pause_reading()
            self._household.after(seconds, self.take_body)

    def hold_body(self) -> None:
        """Take no more of the request body until ``take_body``."""
        self._resting = True
        self._transport.pause_reading()

    def take_body(self) -> None:
        """Take more of it again."""
        self._resting = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def expect_nothing(self) -> None:
        """If the response never ends, nobody will get round to what comes now. It is read all the
        same, for its end; and a thousand players need no thousand parsers."""
        if self._parser is None or not self._is_endless:
            return
        self.close_after |= self._in_head or self._waits
        self._drop_parser()
        if not self._transport.is_reading():
            self._transport.resume_reading()

    # Owner

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        match self._phase:
            case Phase.IDLE:
                self._transport.close()
            case Phase.HEAD if not self._in_head:
                self._transport.close()  # not one byte of a request came
            case Phase.HEAD:
                seconds = self._household.limits.head_seconds
                self.fail(RequestTimeout(f"the request head was not here after {seconds:g} s"))
            case Phase.SENT | Phase.LINGER if self.takes(self.now):
                self._enter(self._phase, self._household.limits.stall_seconds)
            case Phase.SENT | Phase.LINGER:
                self._transport.abort()
            case Phase.EXCHANGE if self._exchange is not None:
                self._guard(self._exchange.expired)

    def shut_down(self) -> None:
        """Close now if nothing is under way, else when it is over."""
        self.close_after = True
        if self._exchange is None and self._phase is not LINGER:
            self._transport.close()

    # Inside

    def _enter(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self.deadline = self._household.clock.monotonic() + seconds

    def _go_on(self) -> None:
        """Once the answer is taken, begin what waits behind it, one by one, until one has no answer
        yet; if none did, wait for the next."""
        limits, parser = self._household.limits, self._parser
        if parser is not None and parser.waiting and self.writable:
            self._serving = True
            parser.hand_on()
            self._serving = False
            self.expect_nothing()
        if self._exchange is None and self._phase is not LINGER:
            if not self.writable:
                self._enter(SENT, limits.stall_seconds)
            elif parser is not None and parser.in_head:
                self._enter(HEAD, limits.head_seconds)
            else:
                self._enter(IDLE, limits.idle_seconds)
        if not self._waits and not self._transport.is_reading():
            self._transport.resume_reading()

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
        self._receiving = None
        self._drop_parser()
        self.deadline = NEVER
        if exchange is not None:
            exchange.lost(why)

    def _close(self, *, read_on: bool) -> None:
        """Close, so that the other side can read what was written to it; if it may still be sending
        (``read_on``), not before it has had time to."""
        limits = self._household.limits
        self._enter(LINGER, limits.linger_seconds if read_on else limits.stall_seconds)
        if read_on:
            self._end_writing()
        else:
            self._part(self._transport.close)

    def _part(self, how: Callable[[], None]) -> None:
        """Leave the transport; not inside ``resume_writing``: plain asyncio reports the loss twice
        then (CPython ``_SelectorSocketTransport._write_ready``)."""
        if self._resuming:
            self._household.after(0, how)
        else:
            how()

    @property
    def _body_is_coming(self) -> bool:
        """The current exchange's request is not complete."""
        return self._exchange is not None and self._receiving is self._exchange

    @property
    def _waits(self) -> bool:
        """A request is here whose turn has not come."""
        return self._parser is not None and bool(self._parser.waiting)

    @property
    def _in_head(self) -> bool:
        """The first byte of a head is here, its last is not."""
        return self._parser is not None and self._parser.in_head

    @property
    def _is_endless(self) -> bool:
        """The response never ends: nothing more is expected of the other side."""
        exchange = self._exchange
        return exchange is not None and exchange.endless and self._receiving is None

    def _drop_parser(self) -> None:
        if self._parser is not None:
            self._parser.drop()
            self._parser = None
