"""What a connection shares with all others: clocks, limits, routes, and who owns it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sorgente.errors import OriginError
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.proxies import Proxies
from sorgente.http.request import Request

if TYPE_CHECKING:
    from sorgente.http.connection import Connection


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Seconds of a clock that only grows."""

    def wall(self) -> float:
        """UTC as the machine has it, seconds since 1970: what tokens expire by."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may take."""

    head_bytes: int
    """A request head: llhttp has no bound of its own."""
    uri_bytes: int
    """A request target."""
    head_seconds: float
    """From the first byte of a head to its last (slowloris)."""
    idle_seconds: float
    """Between requests. Encoders keep connections for several segments (protocols §3.6)."""
    linger_seconds: float
    """For the other side to read an early answer before the connection is dropped."""
    stall_seconds: float
    """For the other side to take anything at all of what is written to it."""


Route = Callable[[Request, Line], Exchange]


class Household(Protocol):
    """Whoever owns all connections."""

    clock: Clock
    limits: ConnectionLimits
    date: wire.DateHeader
    proxies: Proxies
    route: Route
    closing: bool

    def refuses(self, request: Request | None, error: OriginError, *, told: bool) -> None:
        """``error`` is the answer to ``request``, if there is one. ``told``: the journal knows."""

    @property
    def overrun(self) -> bool:
        """So many connections that not even a refusal can be sent to another."""

    def admit(self, connection: Connection) -> OriginError | None:
        """A new connection; an error if there are too many."""

    def dismiss(self, connection: Connection) -> None:
        """A connection is gone."""

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call ``call`` in so many seconds."""
