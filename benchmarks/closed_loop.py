"""A closed loop of requests for what is complete: how many a second does a core answer?"""

from __future__ import annotations

import contextlib
import http.client
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

from benchmarks.family import Bench
from benchmarks.generator import SATURATED, Generator, Latencies, LoadFailed
from benchmarks.load import Media, Publishers
from benchmarks.measurement import ServerTime, watch_window
from benchmarks.report import Column, Ratio, Table
from benchmarks.servers import RunningServer, ServerKind, Service, running
from benchmarks.viewers import Address

CHANNEL: Final = "bench0"
_SEGMENTS: Final = 4
_ANSWER_SECONDS: Final = 20

Sort = Literal["segments", "manifest", "unchanged manifest"]
"""What is asked for; the last with ``If-None-Match``, so that the answer is a 304."""


@dataclass(frozen=True, slots=True)
class Object:
    """What is asked for, and what must come."""

    target: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    """Of the request."""

    kept: dict[str, str] = field(default_factory=dict)
    """Headers of the answer that a rival is to give, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoop:
    """So many connections, each asks for the next object when it has the one before."""

    name: str
    about: str
    sort: Sort
    size: int
    """Bytes of a body; of a manifest about so many."""

    media: Media
    connections: int = 64
    warm_up: float = 0.5
    duration: float = 3

    @property
    def load(self) -> str:
        """One line."""
        return f"{self.connections} connections in a closed loop, {self.duration:g} s"

    @property
    def status(self) -> int:
        """That must come."""
        return 304 if self.sort == "unchanged manifest" else 200

    @property
    def needs(self) -> frozenset[Service]:
        """See :class:`~.family.Scenario`."""
        return frozenset({"live", "objects"})

    def shortened(self, duration: float) -> ClosedLoop:
        """The same load for another time."""
        return replace(self, duration=duration)

    def measure(self, kind: ServerKind, bench: Bench) -> LoopMeasurement:
        """See :class:`~.family.Scenario`."""
        with contextlib.ExitStack() as stack:
            options = ("--segment-target", f"{self.media.gop / self.media.hz:g}")
            server = stack.enter_context(running(kind, bench.cores.server, options))
            if "objects" in kind.serves:
                objects = self._put(server)
            else:
                objects = self._take(server, bench, stack)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            _write(objects, folder, server)
            asking = stack.enter_context(self._asking(server, bench, folder, len(objects)))
            asking.expect("ready")
            spent = watch_window(server, bench.cores, self.warm_up, self.duration, _Going(asking))
            return LoopMeasurement(self, kind.name, spent, asking.result())

    def tables(self, results: Mapping[str, Sequence[LoopMeasurement]]) -> list[Table]:
        """One table."""
        return [Table.of("answers", _COLUMNS, results)]

    def warnings(self, results: Mapping[str, Sequence[LoopMeasurement]]) -> list[str]:
        """See :class:`~.family.Scenario`."""
        return [
            f"{name}: the generator was saturated; the server could have answered more"
            for name, rounds in results.items()
            if any(m.generator_share > SATURATED for m in rounds)
        ]

    def _asking(
        self, server: RunningServer, bench: Bench, folder: Path, count: int
    ) -> AbstractContextManager[Generator]:
        options = {
            "port": server.port,
            "objects": folder,
            "count": count,
            "status": self.status,
            "connections": self.connections,
        }
        if not bench.cores.shared:
            options["poll"] = True
        if self.sort == "segments" and "objects" not in server.kind.serves:
            options["published"] = True
        return Generator(bench.toolchain.program("requests"), options, bench.cores.load)

    # Whence the objects come

    def _put(self, server: RunningServer) -> list[Object]:
        """A rival gets as many bytes put into its memory."""
        random = Random(self.name)
        objects = []
        for number in range(1 if self.status == 304 or self.sort == "manifest" else _SEGMENTS):
            body = random.randbytes(self.size)
            etag = f'"{number}-{self.size}"'
            kept = {"Content-Type": "video/mp4", "ETag": etag}
            target = f"/live/{CHANNEL}/video/{number}.m4s"
            if self.sort != "segments":
                kept |= {"Content-Type": "application/dash+xml", "Content-Encoding": "gzip"}
                target = f"/live/{CHANNEL}/manifest.mpd"
            _request(server.port, "PUT", target, kept, body)
            answer = b"" if self.status == 304 else body
            objects.append(Object(target, answer, self._headers(etag), kept))
        return objects

    def _take(
        self, server: RunningServer, bench: Bench, stack: contextlib.ExitStack
    ) -> list[Object]:
        """An origin makes them out of what is published to it, and goes on doing so."""
        load = bench.toolchain.program("load")
        publishers = Publishers(load, bench.cores.load, self.media, server)
        stack.enter_context(publishers).publish()
        address = Address("127.0.0.1", server.port, f"/live/{CHANNEL}/manifest.mpd")
        line = address.wait_for_manifest()[0]
        targets = [address.at(url) for url in line.first(_SEGMENTS)]
        for target in targets:
            _request(server.port, "GET", target)  # read to its end, it is complete
        if self.sort == "segments":
            return [Object(target, _request(server.port, "GET", target)[1]) for target in targets]
        zipped = {"Accept-Encoding": "gzip"}
        headers, body = _request(server.port, "GET", address.target, zipped)
        answer = b"" if self.status == 304 else body
        return [Object(address.target, answer, self._headers(headers["etag"]))]

    def _headers(self, etag: str) -> dict[str, str]:
        if self.sort == "segments":
            return {}
        headers = {"Accept-Encoding": "gzip"}
        return headers | ({"If-None-Match": etag} if self.status == 304 else {})


@dataclass(frozen=True, slots=True)
class _Going:
    """The generator's way to be told its window."""

    generator: Generator

    def measure(self, start_ns: int, end_ns: int) -> None:
        self.generator.tell(f"go {start_ns} {end_ns}")


def _request(
    port: int, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[dict[str, str], bytes]:
    """Headers, their names in lower case, and body of the answer.

    Raises:
        LoadFailed: it was not a good one.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request(method, target, body or None, headers or {})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise LoadFailed(f"{method} {target}: {error}") from error
    if response.status not in (200, 201):
        raise LoadFailed(f"{method} {target}: status {response.status}")
    return {name.lower(): value for name, value in response.getheaders()}, content


def _write(objects: Sequence[Object], folder: Path, server: RunningServer) -> None:
    """For the generator: what to send, and what must come."""
    for number, made in enumerate(objects):
        fields = {
            "Host": f"127.0.0.1:{server.port}",
            "User-Agent": "sorgente-requests",
            **made.headers,
        }
        lines = [f"GET {made.target} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items()), "", ""]
        (folder / f"{number}.request").write_bytes("\r\n".join(lines).encode())
        (folder / f"{number}.body").write_bytes(made.body)


@dataclass(frozen=True, slots=True)
class LoopMeasurement:
    """What was measured, as plain numbers."""

    scenario: ClosedLoop
    server: str
    spent: ServerTime
    report: dict[str, Any]

    @property
    def completed(self) -> int:
        """Answers, whole and right, in the window."""
        return int(self.report["window"]["completed"])

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.completed / self.spent.seconds

    @property
    def per_core_second(self) -> float:
        """Answers a second if the server had all of its core: neither what else ran there nor a
        generator that was too slow is in it."""
        return self.completed / self.spent.cpu_seconds

    @property
    def cost_us(self) -> float | None:
        """CPU µs per answer."""
        return self.spent.cpu_seconds * 1e6 / self.completed if self.completed else None

    @property
    def p99_ms(self) -> float | None:
        """From request to the last byte."""
        return self.latency("p99")

    @property
    def faults(self) -> dict[str, int]:
        """Of answers."""
        return dict(self.report["checks"])

    @property
    def generator_share(self) -> float:
        """Of its core."""
        return float(self.report["generator"]["cpu_share"])

    def latency(self, share: str) -> float | None:
        """In ms."""
        value = Latencies.of(self.report["latency_us"]["answer"]).get(share)
        return None if value is None else value / 1000


_COLUMNS: Final[tuple[Column[LoopMeasurement] | Ratio[LoopMeasurement], ...]] = (
    Column("requests/core·s", lambda m: m.per_core_second, 0, with_range=True),
    Ratio("to floor", lambda m: m.per_core_second, "yardstick"),
    Ratio("to Go", lambda m: m.per_core_second, "net/http"),
    Column("CPU µs/request", lambda m: m.cost_us, 2),
    Column("requests/s", lambda m: m.per_second, 0),
    Column("core %", lambda m: 100 * m.spent.share),
    Column("p50 ms", lambda m: m.latency("p50"), 2),
    Column("p99 ms", lambda m: m.latency("p99"), 2),
    Column("wrong", lambda m: float(sum(m.faults.values())), 0),
    Column("generator %", lambda m: 100 * m.generator_share, 0),
    Column("others %", lambda m: 100 * m.spent.others_share, 0),
)
