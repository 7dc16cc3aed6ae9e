"""A transport without a socket: keeps what is written, and takes no more when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from ipaddress import ip_network
from typing import Any, Final, cast

from sorgente.broker import Broker, BrokerLimits
from sorgente.cmcd.audience import Audience
from sorgente.http.access import Access, Reason
from sorgente.http.admin import AdminAccess
from sorgente.http.asgi import AsgiApp
from sorgente.http.asking import Asker
from sorgente.http.connection import Connection
from sorgente.http.following import DeliveryRules
from sorgente.http.frontend import Frontend, FrontendLimits
from sorgente.http.gate import Gate
from sorgente.http.household import ConnectionLimits
from sorgente.http.ingest import IngestRules
from sorgente.http.own import OwnManifests
from sorgente.http.proxies import Proxies
from sorgente.http.routing import Router
from sorgente.http.wire import DateHeader
from sorgente.journal import Journals
from sorgente.keys import Key
from sorgente.media.feed import Journal
from sorgente.media.utc import UtcClock
from sorgente.tokens.desk import TokenDesk
from tests.support.clock import FakeClock
from tests.support.journal import RecordingJournal
from tests.support.rules import channel_rules

LOCAL: Final = "127.0.0.1"
DELIVERY = DeliveryRules(hold_seconds=4.0, held=3, stall_seconds=30.0, max_age=3600)


class RecordingTransport(asyncio.Transport):
    """Behaves as asyncio's and uvloop's do with ``high=0``: a write that does not fit in ``room``
    is kept, and pauses the protocol before it returns."""

    def __init__(self, protocol: asyncio.Protocol, peer: tuple[str, int]) -> None:
        super().__init__({"peername": peer})
        self.protocol = protocol
        self.writes: list[bytes] = []
        self.room = float("inf")
        self.reading = True
        self.closed = self.aborted = self.eof = False
        self._paused = False
        protocol.connection_made(self)

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def take(self) -> bytes:
        """What was written since the last look."""
        written = self.written
        self.writes.clear()
        return written

    def receive(self, data: bytes) -> None:
        """Bytes come in, if anybody reads."""
        assert self.reading, "nobody reads"
        self.protocol.data_received(data)

    def drain(self) -> None:
        """The other side reads everything there is."""
        self.room = float("inf")
        if self._paused:
            self._paused = False
            self.protocol.resume_writing()

    def lose(self, error: Exception | None = None) -> None:
        """The connection goes."""
        self.protocol.connection_lost(error)

    # asyncio.Transport

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.writelines([data])

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        assert not self.eof, "nothing may be written behind the end"
        data = b"".join(list_of_data)
        self.writes.append(data)
        self.room -= len(data)
        if self.room < 0 and not self._paused:
            self._paused = True
            self.protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = cast(asyncio.Protocol, protocol)

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


async def no_control(*_: object) -> None:
    raise AssertionError("the control application is not part of this")


class House:
    """A frontend with a broker behind it, a fake clock, and connections to it."""

    def __init__(
        self,
        control: AsgiApp = no_control,
        *,
        connections: int = 100,
        per_address: int = 100,
        window_bytes: int = 1 << 20,
        tracks: int = 4,
        latency_target: Fraction | None = None,
        normalize: bool = True,
        key: Key | None = None,
        channel_keys: Mapping[str, Key] | None = None,
        proxies: Sequence[str] = (),
        proxy_protocol: bool = False,
        admin_key: Key | None = None,
        source_keys: Mapping[str, Key] | None = None,
        another_journal: Callable[[FakeClock], Journal] | None = None,
        desk: TokenDesk | None = None,
        takes_token: Callable[[str], bool] = lambda _: False,
        asker: Asker | None = None,
        watch_asker: Asker | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.refusals: list[tuple[str | None, str, Reason]] = []
        self.journal = RecordingJournal()
        others = [] if another_journal is None else [another_journal(self.clock)]
        self.broker = Broker(
            channel_rules(window_bytes=window_bytes, tracks=tracks, latency_target=latency_target),
            BrokerLimits(channels=10, waiting=10, memory=1 << 30),
            Journals(self.journal, *others),
            UtcClock(self.clock.monotonic(), self.clock.wall()),
        )
        self.limits = ConnectionLimits(
            head_bytes=1000,
            uri_bytes=500,
            head_seconds=10.0,
            idle_seconds=75.0,
            linger_seconds=2.0,
            stall_seconds=30.0,
        )
        self.audience = Audience()
        router = Router(
            self.broker,
            control,
            Access(
                key,
                channel_keys or {},
                lambda *refusal: self.refusals.append(refusal),
                source_keys or {},
                desk,
            ),
            IngestRules(30.0, 256, 2.0),
            DELIVERY,
            AdminAccess(admin_key),
            own_manifests=OwnManifests(normalize=normalize),
            asker=asker,
            audience=self.audience,
        )
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.frontend = Frontend(
            router
            if desk is None and watch_asker is None
            else Gate(router, desk, takes_token, watch_asker),
            self.clock,
            DateHeader(self.broker.utc.at),
            self.limits,
            FrontendLimits(connections, per_address),
            lambda seconds, call: self.later.append((seconds, call)),
            Proxies([ip_network(each) for each in proxies]),
            proxy_protocol=proxy_protocol,
        )

    def connect(self, host: str = LOCAL) -> RecordingTransport:
        return RecordingTransport(self.frontend(), (host, 5000))

    def request(self, *lines: bytes, body: bytes = b"", host: str = LOCAL) -> RecordingTransport:
        """A connection that has sent one request of these lines, the Host among them."""
        transport = self.connect(host)
        transport.receive(request(*lines, body=body))
        return transport

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.frontend.tick()
        self.broker.tick(self.clock.now, self.clock.wall())

    @staticmethod
    def connection(transport: RecordingTransport) -> Connection:
        return cast(Connection, transport.protocol)


def request(*lines: bytes, body: bytes = b"") -> bytes:
    """A request of these lines and a Host."""
    first, *rest = lines
    return b"\r\n".join([first, b"Host: origin", *rest, b"", b""]) + body


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def header(response: bytes, name: bytes) -> bytes | None:
    """The value of a header of a single response."""
    head = response.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b": ")
        if key.lower() == name.lower():
            return value
    return None


def body_of(response: bytes) -> bytes:
    return response.partition(b"\r\n\r\n")[2]
