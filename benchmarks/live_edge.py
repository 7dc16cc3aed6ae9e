"""The live edge: players ask for each segment at its boundary and read it while it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from benchmarks.family import SATURATED, Bench
from benchmarks.generator import SATURATED as GENERATOR_SATURATED
from benchmarks.generator import Latencies
from benchmarks.load import LoadResult, Media, Publishers
from benchmarks.measurement import SETTLE_SECONDS, ServerTime, watch_window
from benchmarks.report import Column, Ratio, Table
from benchmarks.servers import ServerKind, Service, running
from benchmarks.viewers import Address, Audience, Crowd


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEdge:
    """So many virtual players of one channel."""

    name: str
    about: str
    media: Media
    crowd: Crowd
    warm_up: float = 1
    duration: float = 6

    @property
    def load(self) -> str:
        """One line."""
        media, crowd = self.media, self.crowd
        return (
            f"{crowd.viewers} players ask within {crowd.spread_ms:g} ms, the first "
            f"{crowd.early_ms:g} ms before the first chunk is there; "
            f"{media.chunks_per_second:.0f} chunks/s, "
            f"{media.bytes_per_second * 8 / 1000:.0f} kbit/s, {self.duration:g} s; "
            f"{crowd.viewers * media.chunks_per_second:.0f} deliveries/s"
        )

    @property
    def needs(self) -> frozenset[Service]:
        """See :class:`~.family.Scenario`."""
        return frozenset({"live"})

    def shortened(self, duration: float) -> LiveEdge:
        """The same load for another time, one boundary at least."""
        return replace(self, duration=max(duration, self.media.gop / self.media.hz))

    def measure(self, kind: ServerKind, bench: Bench) -> EdgeMeasurement:
        """See :class:`~.family.Scenario`."""
        load, audience = (bench.toolchain.program(name) for name in ("load", "audience"))
        with running(kind, bench.cores.server) as server:
            address = Address("127.0.0.1", server.port, "/live/bench0/manifest.mpd")
            with (
                Publishers(load, bench.cores.load, self.media, server) as publishers,
                Audience(audience, address, self.crowd, bench.cores.load) as viewers,
            ):
                publishers.publish()
                viewers.join()
                time.sleep(SETTLE_SECONDS)
                spent = watch_window(
                    server, bench.cores, self.warm_up, self.duration, publishers, viewers
                )
                return EdgeMeasurement(
                    self, kind.name, spent, publishers.result(), viewers.result()
                )

    def tables(self, results: Mapping[str, Sequence[EdgeMeasurement]]) -> list[Table]:
        """Cost and latency; then how the requests went."""
        return [
            Table.of("cost, and latency of chunks", (*_COST, *_LATENCY), results),
            Table.of("requests", _REQUESTS, results),
        ]

    def warnings(self, results: Mapping[str, Sequence[EdgeMeasurement]]) -> list[str]:
        """See :class:`~.family.Scenario`."""
        said = []
        for name, rounds in results.items():
            if any(m.generator_share > GENERATOR_SATURATED for m in rounds):
                said.append(f"{name}: the generator was saturated; latencies include its own queue")
            if any(m.spent.share > SATURATED for m in rounds):
                said.append(f"{name}: the server was saturated; only its CPU says anything")
            if overruns := sum(m.publishing.overruns for m in rounds):
                said.append(f"{name}: {overruns} chunks were not sent, the server did not read")
        return said


@dataclass(frozen=True, slots=True)
class EdgeMeasurement:
    """What was measured, as plain numbers."""

    scenario: LiveEdge
    server: str
    spent: ServerTime
    publishing: LoadResult
    report: dict[str, Any]

    @property
    def cost_us(self) -> float | None:
        """CPU µs per chunk that reached a player in the window; requests are in it."""
        delivered = self.report["window"]["deliveries"]
        return self.spent.cpu_seconds * 1e6 / delivered if delivered else None

    @property
    def p99_ms(self) -> float | None:
        """Of the first chunk of a segment."""
        return self.latency("first", "p99")

    @property
    def faults(self) -> dict[str, int]:
        """What a player must not meet."""
        faults: dict[str, int] = {**self.report["checks"], **self.report["faults"]}
        del faults["chunks"], faults["reconnects"]
        missing = self.report["viewers"] - self.report["joined"]
        return {**faults, "crowded": self.report["segments"]["crowded"], "not joined": missing}

    @property
    def generator_share(self) -> float:
        """Of its core: players and publishers."""
        own: float = self.report["generator"]["cpu_share"]
        return own + sum(self.publishing.generator_shares)

    def latency(self, which: str, share: str) -> float | None:
        """In ms."""
        value = Latencies.of(self.report["latency_us"][which]).get(share)
        return None if value is None else value / 1000


_Number = Callable[[EdgeMeasurement], float | None]


def _latency(which: str, share: str) -> _Number:
    return lambda m: m.latency(which, share)


def _count(group: str, *names: str) -> _Number:
    return lambda m: float(sum(m.report[group][name] for name in names))


_COST: Final[tuple[Column[EdgeMeasurement] | Ratio[EdgeMeasurement], ...]] = (
    Column("CPU µs/delivery", lambda m: m.cost_us, 2, with_range=True),
    Ratio("to floor", lambda m: m.cost_us, "yardstick"),
    Column("core %", lambda m: 100 * m.spent.share),
)
_LATENCY: Final[tuple[Column[EdgeMeasurement] | Ratio[EdgeMeasurement], ...]] = (
    *(
        Column(f"{word} {share} ms", _latency(which, share), 1, with_range=share == "p99")
        for which, word in (("first", "1st chunk"), ("following", "following"))
        for share in ("p50", "p99", "max")
    ),
    Ratio("1st p99 to floor", _latency("first", "p99"), "yardstick"),
    Ratio("following p99 to floor", _latency("following", "p99"), "yardstick"),
)
_REQUESTS: Final[tuple[Column[EdgeMeasurement], ...]] = (
    Column("joined", lambda m: float(m.report["joined"]), 0),
    Column("segments", _count("segments", "complete"), 0),
    Column("held", _count("segments", "held"), 0),
    Column("MPDs", _count("manifests", "asked"), 0),
    Column("304", _count("manifests", "not_modified"), 0),
    Column("404", _count("faults", "not_found"), 0),
    Column("other errors", _count("faults", "gone", "refused", "given_up", "silent"), 0),
    Column("aborted", _count("faults", "aborted"), 0),
    Column("wrong bytes", _count("checks", "corrupt", "cut_short", "damaged"), 0),
    Column("lost", _count("checks", "lost", "disorder"), 0),
    Column("asked late p99 ms", lambda m: m.report["asked_late_us"].get("p99", 0) / 1000, 1),
    Column("generator %", lambda m: 100 * m.generator_share, 0),
    Column("others %", lambda m: 100 * m.spent.others_share, 0),
)
