"""Which exchange answers a request: the URL grammar of design §2, in one place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from sorgente.broker import Broker
from sorgente.cmcd.audience import Audience
from sorgente.cmcd.report import HEADERS, of_request
from sorgente.errors import MethodNotAllowed, NotFound, OriginError, UnsupportedEncoding
from sorgente.http import wire
from sorgente.http.access import Access, channel_of
from sorgente.http.admin import AdminAccess
from sorgente.http.asgi import AsgiApp, AsgiExchange
from sorgente.http.asking import AskedExchange, Asker, Question
from sorgente.http.cmcd import EventsExchange
from sorgente.http.delivery import InitExchange, SegmentExchange
from sorgente.http.exchange import Exchange, Line
from sorgente.http.following import DeliveryRules
from sorgente.http.ingest import IngestExchange, IngestRules
from sorgente.http.ingest_path import (
    DEFAULT_CHANNEL,
    ManifestPath,
    ObjectPath,
    TrackPath,
    ingest_path,
    is_file,
)
from sorgente.http.manifests import ManifestExchange, Manifests
from sorgente.http.objects import ObjectExchange, RefusedExchange, RemovalExchange
from sorgente.http.own import OwnManifestExchange, OwnManifests, OwnObjectExchange, own_path
from sorgente.http.play import PlayExchange
from sorgente.http.posted import PostedManifestExchange
from sorgente.http.ranges import RangeExchange
from sorgente.http.request import Request, name
from sorgente.http.time import TimeExchange
from sorgente.http.whole import WholeExchange
from sorgente.media.channel import WHOLE

SEGMENT: Final = re.compile(rb"([1-9][0-9]{0,15})\.m4s")
INIT: Final = re.compile(rb"init-([0-9]{1,16})\.mp4")

CONTROL: Final = frozenset({b"", b"healthz", b"readyz", b"metrics"})
"""Paths that the control application answers, whoever asks."""

INGEST: Final = re.compile(rb"/ingest(?:/|$)").match

READING: Final = ("GET", "HEAD")
WRITING: Final = ("POST", "PUT")
REMOVING: Final = ("DELETE",)

PLACES_KEPT: Final = 1024
"""Paths whose meaning is remembered: the segments of a window of ten tracks or so, which everybody
asks for. A path that means something has some 200 bytes at most."""


CMCD_SESSION: Final = HEADERS[0]

Kind = Literal["play", "manifest", "segment", "init", "own", "cmcd", "time", "control", "api"]
"""What there is to ask for."""

MEDIA: Final = frozenset({"play", "manifest", "segment", "init", "own"})
"""What players ask for."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names that is not for encoders (see :mod:`~.ingest_path`)."""

    kind: Kind
    channel: str = DEFAULT_CHANNEL
    track: str = WHOLE
    number: int = 0
    """Of a segment."""
    epoch: str = ""
    """Of an init segment."""


@lru_cache(PLACES_KEPT)
def place(path: bytes) -> Place:
    """What ``path`` names, whether or not it is there.

    Raises:
        NotFound, BadRequest: nothing; it is no name.
    """
    # Split before it is decoded: in /play/a%2Fb, the second slash is not one.
    first, *rest = [unquote_to_bytes(part) for part in path.split(b"/")[1:]] or [b""]
    match first, rest:
        case b"live", [channel, b"manifest.mpd"]:
            return Place("manifest", name(channel, "channel"))
        case b"live", [channel, track, file]:
            return _media(name(channel, "channel"), name(track, "track"), file)
        case b"play", [*names] if len(names) <= 2:
            channel, track, *_ = [*names, *[b""] * 2]
            return Place(
                "play",
                name(channel, "channel") if names else DEFAULT_CHANNEL,
                name(track, "track") if len(names) == 2 else WHOLE,
            )
        case b"own", [channel, *_]:
            return Place("own", name(channel, "channel"))
        case b"own", []:
            return Place("own")
        case b"cmcd", [channel]:
            return Place("cmcd", name(channel, "channel"))
        case b"time", []:
            return Place("time")
        case b"api", [*_]:
            return Place("api")
        case b"watch", [channel]:
            name(channel, "channel")
            return Place("control")
        case b"static", [_, *_]:
            return Place("control")
        case _, [] if first in CONTROL:
            return Place("control")
    raise NotFound("there is nothing at this path")


def _media(channel: str, track: str, file: bytes) -> Place:
    """``{number}.m4s`` or ``init-{epoch}.mp4``."""
    if number := SEGMENT.fullmatch(file):
        return Place("segment", channel, track, number=int(number[1]))
    if epoch := INIT.fullmatch(file):
        return Place("init", channel, track, epoch=epoch[1].decode())
    raise NotFound("there is nothing at this path")


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
    access: Access
    ingest: IngestRules
    delivery: DeliveryRules
    admin: AdminAccess = field(default_factory=lambda: AdminAccess(None))
    manifests: Manifests = field(default_factory=Manifests)
    own_manifests: OwnManifests = field(default_factory=OwnManifests)
    asker: Asker | None = None
    """Asked about who wants to publish with neither key nor token."""
    audience: Audience = field(default_factory=Audience)

    def __call__(self, request: Request, line: Line) -> Exchange:
        """The exchange for ``request``.

        Raises:
            OriginError: there is none; becomes the response.
        """
        if request.method == "OPTIONS":
            return PreflightExchange(line, request)
        path = request.path
        if INGEST(path):
            return self._ingest(request, line, path)
        at = place(path)
        if at.kind == "cmcd":
            return self._events(request, line, at)
        if at.kind != "api" and request.method not in READING:
            raise MethodNotAllowed(request.method, (*READING, "OPTIONS"))
        if path is not request.target or CMCD_SESSION in request.headers:
            self._hear(request, line, at)
        broker = self.broker
        match at.kind:
            case "segment" | "init":
                return self._media(request, line, at)
            case "manifest":
                return ManifestExchange(line, request, broker, at.channel, self.manifests)
            case "play":
                stall_seconds = self.delivery.stall_seconds
                return PlayExchange(line, request, broker, at.channel, at.track, stall_seconds)
            case "own":
                return self._own(request, line, path)
            case "time":
                return TimeExchange(line, request, broker.utc)
            case "api":
                self.admin.check(request, line.peer_host, reads=request.method in READING)
                return AsgiExchange(line, request, self.control)
            case "control":
                return AsgiExchange(line, request, self.control)

    def _hear(self, request: Request, line: Line, at: Place) -> None:
        """Take down what a player says of itself beside what it asks for, if it does."""
        if at.kind in MEDIA and (b"CMCD=" in request.target or CMCD_SESSION in request.headers):
            channel = self.broker.get(at.channel)
            if channel is not None:
                report = of_request(request.target, request.headers)
                self.audience.hear(channel, report, line.now)

    def _events(self, request: Request, line: Line, at: Place) -> Exchange:
        if request.method != "POST":
            raise MethodNotAllowed(request.method, ("POST", "OPTIONS"))
        return EventsExchange(line, request, self.broker, self.audience, at.channel)

    def _ingest(self, request: Request, line: Line, path: bytes) -> Exchange:
        """Not among the places that are kept: every segment has a path of its own."""
        parts = [unquote_to_bytes(part) for part in path.split(b"/")[2:]]
        asker, channel = self.asker, channel_of(parts)
        if asker is None or channel is None:
            self.access.check(request, line.peer_host, parts, line.wall)
        elif not self.access.admits(request, parts, line.wall):
            question = Question.of("publish", request, line, channel)
            return AskedExchange(
                line, request, asker, question, lambda: self._upload(request, line, parts)
            )
        return self._upload(request, line, parts)

    def _upload(self, request: Request, line: Line, parts: Sequence[bytes]) -> Exchange:
        """By somebody who may."""
        try:
            at = ingest_path(parts)
            if request.is_gzip and not isinstance(at, ManifestPath):
                raise UnsupportedEncoding("media is taken as it is, without a Content-Encoding")
        except OriginError as error:
            if not is_file(parts) and request.method not in REMOVING:
                raise
            return RefusedExchange(line, request, error, self.ingest.silence_seconds)
        of_many = not isinstance(at, TrackPath) or at.form.is_object
        methods = (*WRITING, *REMOVING) if of_many else WRITING
        if request.method not in methods:
            refusal = MethodNotAllowed(request.method, (*methods, "OPTIONS"))
            if request.method not in REMOVING:
                raise refusal
            # At once, to a body in chunks as ffmpeg sends it, it would close the connection.
            return RefusedExchange(line, request, refusal, self.ingest.silence_seconds)
        if request.method in REMOVING:
            return RemovalExchange(line, request, self.broker, at)
        match at:
            case TrackPath():
                return IngestExchange(line, request, self.broker, at, self.ingest)
            case ObjectPath():
                return ObjectExchange(line, request, self.broker, at, self.ingest)
            case ManifestPath():
                return PostedManifestExchange(
                    line, request, self.broker, at, self.ingest.silence_seconds
                )

    def _own(self, request: Request, line: Line, path: bytes) -> Exchange:
        at = own_path([unquote_to_bytes(part) for part in path.split(b"/")[2:]])
        if at.manifest_type is not None:
            return OwnManifestExchange(line, request, self.broker, at, self.own_manifests)
        channel = self.broker.get(at.channel)
        if channel is None:
            raise NotFound(f"there is no channel {at.channel}")
        return OwnObjectExchange(line, request, channel, at, self.delivery)

    def _media(self, request: Request, line: Line, at: Place) -> Exchange:
        channel = self.broker.get(at.channel)
        track = None if channel is None else channel.presentation.tracks.get(at.track)
        if channel is None or track is None:
            raise NotFound(f"{at.channel} has no track {at.track}")
        if at.kind == "init":
            return InitExchange(line, request, track, at.epoch, self.delivery)
        if b"range" in request.headers:
            kind: type[SegmentExchange] = RangeExchange
        else:
            kept = track.segments.get(at.number)
            if kept is not None and kept.complete and kept.end:
                return WholeExchange(line, request, kept, track, self.delivery.max_age)
            kind = SegmentExchange
        return kind(line, request, channel.presentation, track, at.number, self.delivery)
