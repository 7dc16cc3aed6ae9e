"""Which exchange answers a request: the URL grammar of design §2, in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from sorgente.broker import Broker
from sorgente.errors import NotFound
from sorgente.http import wire
from sorgente.http.asgi import AsgiApp, AsgiExchange
from sorgente.http.delivery import DeliveryRules, InitExchange, SegmentExchange
from sorgente.http.exchange import Exchange, Line, allow
from sorgente.http.histogram import Histogram
from sorgente.http.ingest import IngestExchange, IngestRules
from sorgente.http.ingest_path import DEFAULT_CHANNEL, ManifestPath, TrackPath, ingest_path
from sorgente.http.manifests import ManifestExchange, Manifests
from sorgente.http.play import PlayExchange
from sorgente.http.posted import PostedManifestExchange
from sorgente.http.request import Request, name
from sorgente.http.time import TimeExchange
from sorgente.media.channel import WHOLE

SEGMENT: Final = re.compile(rb"([1-9][0-9]{0,15})\.m4s")
INIT: Final = re.compile(rb"init-([0-9]{1,16})\.mp4")

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
    delivery: DeliveryRules
    relay_time: Histogram
    manifests: Manifests = field(default_factory=Manifests)

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
                return self._ingest(request, line, rest)
            case b"play":
                allow(request, "GET", "HEAD")
                channel, track = _path(rest)
                return PlayExchange(
                    line, request, self.broker, channel, track, self.delivery.stall_seconds
                )
            case b"live":
                allow(request, "GET", "HEAD")
                return self._live(request, line, rest)
            case b"time" if not rest:
                allow(request, "GET", "HEAD")
                return TimeExchange(line, request)
            case _ if first in CONTROL and not rest:
                return AsgiExchange(line, request, self.control)
        raise NotFound("there is nothing at this path")

    def _ingest(self, request: Request, line: Line, rest: list[bytes]) -> Exchange:
        match ingest_path(rest):
            case TrackPath() as path:
                return IngestExchange(
                    line, request, self.broker, path, self.ingest, self.relay_time
                )
            case ManifestPath(channel):
                return PostedManifestExchange(line, request, self.broker, channel)

    def _live(self, request: Request, line: Line, rest: list[bytes]) -> Exchange:
        """``/live/{channel}/manifest.mpd``, ``…/{track}/{number}.m4s``, ``…/init-{epoch}.mp4``."""
        match rest:
            case [channel, b"manifest.mpd"]:
                named = name(channel, "channel")
                return ManifestExchange(line, request, self.broker, named, self.manifests)
            case [channel, track, file]:
                return self._media(
                    request, line, name(channel, "channel"), name(track, "track"), file
                )
        raise NotFound("there is nothing at this path")

    def _media(
        self, request: Request, line: Line, channel: str, track: str, file: bytes
    ) -> Exchange:
        found = self.broker.get(channel)
        on = None if found is None else found.presentation.tracks.get(track)
        if found is None or on is None:
            raise NotFound(f"{channel} has no track {track}")
        if number := SEGMENT.fullmatch(file):
            return SegmentExchange(
                line, request, found.presentation, on, int(number[1]), self.delivery
            )
        if epoch := INIT.fullmatch(file):
            return InitExchange(line, request, on, epoch[1].decode(), self.delivery)
        raise NotFound("there is nothing at this path")


def _path(rest: list[bytes]) -> tuple[str, str]:
    """The channel and the track a path names; no track is the channel as one stream."""
    if len(rest) > 2:
        raise NotFound("there is nothing at this path")
    channel, track, *_ = [*rest, *[b""] * 2]
    named = name(channel, "channel") if rest else DEFAULT_CHANNEL
    return named, name(track, "track") if len(rest) == 2 else WHOLE
