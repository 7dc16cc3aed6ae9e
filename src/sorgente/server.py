"""The composition root: builds an origin from its settings, runs it, ends it.

The only file that knows everybody, and the only one below which no clock is read.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from sorgente import __version__, compose
from sorgente.allocator import give_large_blocks_back
from sorgente.authorize import Program
from sorgente.broker import Broker
from sorgente.cmcd.audience import Audience
from sorgente.control.api import Api
from sorgente.control.app import control_app
from sorgente.control.status import ChannelStatus, OriginStatus, TlsStatus
from sorgente.control.thumbnails import Thumbnails
from sorgente.control.view import View
from sorgente.ffmpeg import find_program
from sorgente.histogram import Histogram
from sorgente.hooks.hooks import Hooks
from sorgente.http.admin import AdminAccess
from sorgente.http.frontend import Frontend
from sorgente.http.handshake import MAX_HANDSHAKES, Handshakes
from sorgente.http.listener import BACKLOG, tune
from sorgente.http.own import OwnManifests
from sorgente.http.proxies import Proxies
from sorgente.http.routing import Router
from sorgente.http.tls import BadCertificate, Certificate
from sorgente.http.wire import DateHeader
from sorgente.journal import Journals, LogJournal
from sorgente.media.report import report
from sorgente.media.utc import UtcClock
from sorgente.settings import Settings
from sorgente.sources import Sources
from sorgente.tokens.desk import BadTokenKey

TICK_SECONDS: Final = 0.1
"""How often deadlines are looked at: finer than any of them needs, and 10,000 connections cost a
millisecond each time."""

FAREWELL_SECONDS: Final = 3.0
"""For receivers of hooks to be told the last, and all that is queued: with all other waits of a
shutdown less than the 10 s after which systemd and Docker kill."""

DRAIN_LOOK_SECONDS: Final = 0.05
"""How often the end of a shutdown is looked for."""

SPARE_FILES: Final = 64
"""File descriptors for all that is not a connection."""

LOOPBACK: Final = "127.0.0.1"

LAG_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5)

log = logging.getLogger(__name__)


class SystemClock:
    """The clocks of the machine."""

    monotonic = staticmethod(time.monotonic)
    """Seconds of a clock that only grows."""

    wall = staticmethod(time.time)
    """UTC, seconds since 1970."""


class Origin:
    """An origin: ``async with Origin(settings) as origin: …``."""

    def __init__(self, settings: Settings) -> None:
        """Raises BadCertificate, BadTokenKey."""
        self._settings = settings
        listen = settings.listen
        self._certificate = None if listen.cert is None else Certificate(listen.cert, listen.key)
        self._clock = SystemClock()
        self._journal = LogJournal(self._clock.monotonic)
        self._loop_lag = Histogram(LAG_BOUNDS)
        utc = UtcClock(self._clock.monotonic(), self._clock.wall())
        hooks = settings.hooks
        self._hooks = Hooks(
            hooks.hook_url, hooks.hook_secret, self._clock.monotonic, self._clock.wall
        )
        journal = Journals(self._journal, self._hooks.watch) if self._hooks else self._journal
        self.broker = Broker(
            compose.channel_rules(settings), compose.broker_limits(settings), journal, utc
        )
        self._audience = Audience()
        self._sources = Sources(settings.access.channel, self._clock.monotonic)
        self._desk = compose.desk(settings)
        self.access = compose.access(settings, self._journal, self._sources.keys, self._desk)
        authorize_url = settings.tokens.authorize_url
        self._program = Program(authorize_url, self._clock.monotonic) if authorize_url else None
        router = Router(
            broker=self.broker,
            control=control_app(self.status, self.channels, self._api(settings)),
            access=self.access,
            admin=AdminAccess(settings.access.admin_key),
            ingest=compose.ingest_rules(settings),
            delivery=compose.delivery_rules(settings),
            own_manifests=OwnManifests(normalize=settings.encoders.normalize),
            asker=self._program,
            audience=self._audience,
        )
        self._gate = None
        if self._desk is not None or self._program is not None:
            asker = self._program if settings.tokens.authorize_watch else None
            self._gate = compose.gate(settings, router, self._desk, asker)
        self._frontend = Frontend(
            self._gate or router,
            self._clock,
            DateHeader(utc.at),
            compose.connection_limits(settings),
            compose.frontend_limits(settings),
            self._after,
            Proxies(listen.trusted_proxy),
            proxy_protocol=listen.proxy_protocol,
            on_refused=self._journal.turned_away,
        )
        self._handshakes: Handshakes | None = None
        if self._certificate is not None:
            self._handshakes = Handshakes(
                self._certificate,
                self._frontend,
                self._crowded,
                seconds=settings.connections.head_timeout,
                goodbye_seconds=compose.LINGER_SECONDS,
            )
        self._listener: asyncio.Server
        self._door: asyncio.Server | None = None
        self._ticks: asyncio.Task[None]

    async def __aenter__(self) -> Origin:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        connections = self._settings.connections.max_connections
        _raise_file_limit(connections + (MAX_HANDSHAKES if self.secure else 0))
        listen = self._settings.listen
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._frontend if self._handshakes is None else self._handshakes,
            listen.host,
            listen.port,
            backlog=BACKLOG,
        )
        for listener in self._listener.sockets:
            tune(listener)
        self._ticks = loop.create_task(self._tick())
        self._hooks.start()
        if self._sources:
            self._sources.start(await self.door())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop what is left, at once."""
        await self._sources.close()
        if self._program is not None:
            await self._program.close()
        self._ticks.cancel()
        with suppress(asyncio.CancelledError):
            await self._ticks
        for listener in filter(None, (self._listener, self._door)):
            listener.close()
        self.broker.close(self._clock.monotonic())
        if self._handshakes is not None:
            self._handshakes.close()
        self._frontend.close()
        self._frontend.abort()
        await self._hooks.close()
        await asyncio.sleep(0)  # for the transports to say that they are closed

    async def door(self) -> str:
        """The address for sources of this machine. HTTP whatever is spoken outside, and without a
        PROXY protocol header: nobody signs a certificate for 127.0.0.1."""
        if self._door is None:
            loop = asyncio.get_running_loop()
            self._door = await loop.create_server(self._frontend.accept, LOOPBACK, 0)
        return f"http://{LOOPBACK}:{self._door.sockets[0].getsockname()[1]}"

    def _api(self, settings: Settings) -> Api:
        now = self._clock.monotonic
        view = View(self.broker, now, self.status, self._audience)
        thumbnails = Thumbnails(find_program(), now)
        return Api(self.broker, now, view, thumbnails, settings.shown())

    @property
    def url(self) -> str:
        """How programs on this machine reach it."""
        host, port = self.address
        shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        return f"{'https' if self.secure else 'http'}://{shown}:{port}"

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port as it is when 0 was asked for."""
        host, port = self._listener.sockets[0].getsockname()[:2]
        return host, port

    @property
    def secure(self) -> bool:
        """It speaks HTTPS."""
        return self._certificate is not None

    @property
    def reloads(self) -> bool:
        """There is something to read again."""
        return self._certificate is not None or self._desk is not None

    def reload(self) -> None:
        """Read the certificate and the keys for tokens again; what is none stays as it was."""
        if self._certificate is not None:
            try:
                self._certificate.reload()
            except BadCertificate as error:
                log.error("the certificate stays as it was: %s", error)
            else:
                log.info(
                    "the certificate was read again, it ends at %s UTC",
                    self._certificate.expires.strftime("%Y-%m-%d %H:%M"),
                )
        if self._desk is not None:
            try:
                self._desk.change_keys(compose.token_keys(self._settings))
            except BadTokenKey as error:
                log.error("the keys for tokens stay as they were: %s", error)
            else:
                log.info("the keys for tokens were read again")

    def status(self) -> OriginStatus:
        """What pages and metrics show."""
        return OriginStatus(
            version=__version__,
            closing=self.broker.closing,
            channels=self.broker.snapshot(self._clock.monotonic()),
            drifts=self.broker.drifts(),
            sources=self._sources.status(),
            awaited=self.broker.awaited,
            held=self.broker.held,
            totals=self.broker.totals(),
            window_bytes=self.broker.bytes_held,
            clock_ahead=self.broker.utc.ahead,
            connections=len(self._frontend),
            refused=self._frontend.refused,
            hooks=self._hooks.status(),
            refusals=self._frontend.refusals,
            unread_reports=self._audience.unread,
            publish_refused={
                reason.name.lower(): count for reason, count in self.access.refused.items()
            },
            watch_refused={} if self._gate is None else self._gate.refused,
            tls=self._tls(),
            relay_time=self.broker.relay_time(),
            loop_lag=self._loop_lag,
        )

    def _tls(self) -> TlsStatus | None:
        if self._certificate is None or self._handshakes is None:
            return None
        failures = {each.name.lower(): n for each, n in self._handshakes.failures.items()}
        certificate = self._certificate
        return TlsStatus(certificate.expires.timestamp(), certificate.reloaded, failures)

    def channels(self) -> list[ChannelStatus]:
        """What metrics show of each channel."""
        now = self._clock.monotonic()
        found = []
        for channel in self.broker.published:
            viewers = self._audience.of(channel)
            if viewers is not None:
                viewers.forget_silent(now)
            found.append(ChannelStatus(report(channel, now), viewers, channel.relay_time))
        return found

    async def drain(self, hurry: asyncio.Event) -> None:
        """End the sources first, so that their uploads end well. Then let no new publishers and
        players in, and what is under way end by itself; each at most ``shutdown_timeout``, or until
        ``hurry``."""
        seconds = self._settings.connections.shutdown_timeout
        self._sources.stop()
        await self._until(lambda: not self._sources.busy, hurry, seconds)
        await self._sources.close()
        self.broker.closing = True
        await self._until(lambda: not self.broker.busy, hurry, seconds)
        # Answers to encoders, and what players have not got yet, need a moment to go out.
        self.broker.close(self._clock.monotonic())
        self._frontend.close()
        await self._until(lambda: not len(self._frontend), hurry, compose.LINGER_SECONDS)
        self._hooks.finish()
        await self._until(lambda: not self._hooks.busy, hurry, FAREWELL_SECONDS)

    async def _until(
        self, condition: Callable[[], bool], hurry: asyncio.Event, seconds: float
    ) -> None:
        end = self._clock.monotonic() + seconds
        while not condition() and not hurry.is_set() and self._clock.monotonic() < end:
            with suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), DRAIN_LOOK_SECONDS)

    def _crowded(self, handshakes: int) -> None:
        """One of so many was one too many."""
        self._frontend.refused += 1
        self._journal.crowded(handshakes)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, call)

    async def _tick(self) -> None:
        due = self._clock.monotonic()
        while True:
            due += TICK_SECONDS
            await asyncio.sleep(due - self._clock.monotonic())
            now = self._clock.monotonic()
            self._loop_lag.observe(max(0.0, now - due))  # uvloop's timers count milliseconds
            due = max(due, now - TICK_SECONDS)  # after a suspend, no burst of ticks
            try:
                self._frontend.tick()
                self.broker.tick(now, self._clock.wall())
                self._journal.clock(self.broker.utc.ahead)
                self._journal.tick()
                self._hooks.tick(self.broker)
            except Exception:
                # A defect of ours, of one channel: deadlines of all others still have to come.
                log.exception("a tick went wrong")


@dataclass(frozen=True, slots=True)
class Stopping:
    """What the process has been asked, by SIGTERM or SIGINT."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)
    """It was asked twice."""

    def ask(self) -> None:
        """A signal came."""
        (self.at_once if self.asked.is_set() else self.asked).set()


@asynccontextmanager
async def on_air(settings: Settings) -> AsyncIterator[tuple[Origin, Stopping]]:
    """An origin, from when it listens until it has let go of everybody.

    Raises:
        OSError: the address cannot be had.
        BadCertificate, BadTokenKey
    """
    loop = asyncio.get_running_loop()
    stopping = Stopping()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.ask)
    give_large_blocks_back()
    # What is there by now stays: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    async with Origin(settings) as origin:
        if origin.reloads:  # else the signal ends the origin, as a terminal that closes should
            loop.add_signal_handler(signal.SIGHUP, origin.reload)
        yield origin, stopping
        log.info("shutting down")
        await origin.drain(stopping.at_once)
    log.info("bye")


async def serve(settings: Settings, announce: Callable[[Origin], None]) -> None:
    """Run an origin until SIGTERM or SIGINT; ``announce`` is called once it listens.

    Raises:
        OSError: the address cannot be had.
        BadCertificate, BadTokenKey
    """
    async with on_air(settings) as (origin, stopping):
        announce(origin)
        await stopping.asked.wait()


def _raise_file_limit(connections: int) -> None:
    """A connection is a file: allow as many as the kernel lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < wanted:
            log.warning(
                "only %d files may be open (ulimit -n), and --max-connections %d needs %d",
                allowed,
                connections,
                wanted,
            )
