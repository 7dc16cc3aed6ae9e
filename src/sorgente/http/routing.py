"""Which exchange answers a request: the URL grammar of design §2, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sorgente.broker import Broker
from sorgente.errors import NotFound
from sorgente.http import wire
from sorgente.http.asgi import AsgiApp, AsgiExchange
from sorgente.http.exchange import Exchange, Line, allow
from sorgente.http.histogram import Histogram
from sorgente.http.ingest import IngestExchange, IngestRules
from sorgente.http.play import PlayExchange
from sorgente.http.request import Request, name

DEFAULT_CHANNEL: Final = b"live"

CONTROL: Final = frozenset({b"", b"healthz", b"readyz", b"metrics"})
"""First path segments that the control application answers."""


class PreflightExchange(Exchange):
    """``OPTIONS`` on anything: what a page of another origin may do (WHATWG Fetch §3.2)."""

    __slots__ = ()

    def complete(self) -> None:
        """Answer."""
        self.line.reply(204, b"", wire.PREFLIGHT)


@dataclass(frozen=True, slots=True)
class Router:
    """Makes the exchange for a request."""

    broker: Broker
    control: AsgiApp
    ingest: IngestRules
    stall_seconds: float
    relay_time: Histogram

    def __call__(self, request: Request, line: Line) -> Exchange:
        """The exchange for ``request``.

        Raises:
            OriginError: there is none; becomes the response.
        """
        if request.method == "OPTIONS":
            return PreflightExchange(line, request)
        first, *rest = request.segments or [b""]
        match first:
            case b"ingest":
                allow(request, "POST", "PUT")
                channel = _channel(rest)
                return IngestExchange(
                    line, request, self.broker, channel, self.ingest, self.relay_time
                )
            case b"play":
                allow(request, "GET", "HEAD")
                channel = _channel(rest)
                return PlayExchange(line, request, self.broker, channel, self.stall_seconds)
            case _ if first in CONTROL and not rest:
                return AsgiExchange(line, request, self.control)
        raise NotFound("there is nothing at this path")


def _channel(rest: list[bytes]) -> str:
    """The channel a path names; one that names a track too is not there yet."""
    names = [name(segment, what) for segment, what in zip(rest, ("channel", "track"), strict=False)]
    if len(rest) > 1:
        raise NotFound("tracks have no paths of their own yet: use the channel's")
    return names[0] if names else DEFAULT_CHANNEL.decode()
