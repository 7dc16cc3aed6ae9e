"""All connections of an origin: how many there may be, whose time is up, and what they share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sorgente.errors import OriginError, Overloaded, ShuttingDown, TooManyFromAddress
from sorgente.http import wire
from sorgente.http.connection import Connection
from sorgente.http.household import Clock, ConnectionLimits, Route
from sorgente.http.preface import Preface
from sorgente.http.proxies import Proxies
from sorgente.http.request import Request

MAX_REFUSALS: Final = 256
"""Connections over the bound that are told so at a time; one more is dropped without a word."""

OnRefused = Callable[[Request, OriginError], None]


@dataclass(frozen=True, slots=True)
class FrontendLimits:
    """Bounds over all connections."""

    connections: int
    connections_per_address: int


class Frontend:
    """Owns the connections; see :class:`~.household.Household`."""

    def __init__(
        self,
        route: Route,
        clock: Clock,
        date: wire.DateHeader,
        limits: ConnectionLimits,
        bounds: FrontendLimits,
        after: Callable[[float, Callable[[], None]], object],
        proxies: Proxies,
        *,
        proxy_protocol: bool = False,
        on_refused: OnRefused = lambda request, error: None,
    ) -> None:
        """``proxy_protocol``: connections of ``proxies`` begin with a header of theirs.
        ``on_refused``: told of requests refused that the journal does not know of."""
        self.route = route
        self.clock = clock
        self.limits = limits
        self.date = date
        self.proxies = proxies
        self.closing = False
        self.refused = 0
        """Connections that were one too many."""
        self.refusals: Counter[int] = Counter()
        """Errors sent, by status."""
        self._bounds = bounds
        self._proxy_protocol = proxy_protocol
        self._after = after
        self._on_refused = on_refused
        self._connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    def __call__(self) -> asyncio.Protocol:
        """A connection for the listener: this is its protocol factory."""
        return Preface(self) if self._proxy_protocol else Connection(self)

    def accept(self) -> Connection:
        """A connection that no proxy has passed on."""
        return Connection(self)

    @property
    def overrun(self) -> bool:
        """So many connections that not even a refusal can be sent to another."""
        return len(self._connections) > self._bounds.connections + MAX_REFUSALS

    def admit(self, connection: Connection) -> OriginError | None:
        """Take ``connection`` in; the error says what there is too much of."""
        address = connection.peer_host
        error: OriginError | None = None
        if self.closing:
            error = ShuttingDown()
        elif len(self._connections) >= self._bounds.connections:
            error = Overloaded(f"{self._bounds.connections} connections are open, no more may be")
        elif self._by_address[
            address
        ] >= self._bounds.connections_per_address and not self.proxies.trusts(address):
            limit = self._bounds.connections_per_address
            error = TooManyFromAddress(f"{address} may have {limit} connections")
        self._connections.add(connection)
        self._by_address[address] += 1
        self.refused += error is not None
        return error

    def refuses(self, request: Request | None, error: OriginError, *, told: bool) -> None:
        """Count ``error``, and tell of it."""
        self.refusals[error.status] += 1
        if request is not None and not told:
            self._on_refused(request, error)

    def dismiss(self, connection: Connection) -> None:
        """Forget ``connection``."""
        self._connections.discard(connection)
        self._by_address[connection.peer_host] -= 1
        if not self._by_address[connection.peer_host]:
            del self._by_address[connection.peer_host]

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call ``call`` in so many seconds."""
        self._after(seconds, call)

    def tick(self) -> None:
        """Act for every connection whose deadline has passed; call it a few times a second."""
        now = self.clock.monotonic()
        for connection in [c for c in self._connections if c.deadline <= now]:
            connection.expire()

    def close(self) -> None:
        """Let no more requests in; what is under way may end."""
        self.closing = True
        for connection in tuple(self._connections):
            connection.shut_down()

    def abort(self) -> None:
        """Drop what is left."""
        for connection in tuple(self._connections):
            connection.abort()
