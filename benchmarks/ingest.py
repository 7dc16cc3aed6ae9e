"""Ingest: uploads and nobody who plays. CPU a chunk, and memory a channel."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.family import SATURATED, Bench
from benchmarks.generator import LoadFailed
from benchmarks.load import LoadResult, Media, Publishers
from benchmarks.machine import resident_bytes
from benchmarks.measurement import SETTLE_SECONDS, ServerTime, watch_window
from benchmarks.report import Column, Ratio, Table
from benchmarks.servers import RunningServer, ServerKind, Service, running
from benchmarks.stamps import check_segment
from benchmarks.viewers import Address

_SAMPLED: Final = 5
"""Channels that are looked into afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """So many channels come in."""

    name: str
    about: str
    media: Media
    warm_up: float = 2.5
    """At least one segment: until its length is known, chunks wait."""

    duration: float = 3

    @property
    def load(self) -> str:
        """One line."""
        return (
            f"{self.media.channels} channel(s), {self.media.chunks_per_second:.0f} chunks/s in "
            f"all, {self.media.bytes_per_second * 8 / 1000:.0f} kbit/s each, {self.duration:g} s"
        )

    @property
    def needs(self) -> frozenset[Service]:
        """See :class:`~.family.Scenario`."""
        return frozenset({"live"})

    def shortened(self, duration: float) -> Ingest:
        """The same load for another time."""
        return replace(self, duration=duration)

    def measure(self, kind: ServerKind, bench: Bench) -> IngestMeasurement:
        """See :class:`~.family.Scenario`."""
        program = bench.toolchain.program("load")
        with running(kind, bench.cores.server) as server:
            time.sleep(SETTLE_SECONDS)
            resident_before = resident_bytes(server.pid)
            with Publishers(program, bench.cores.load, self.media, server) as load:
                load.publish()
                began = time.monotonic()
                spent = watch_window(server, bench.cores, self.warm_up, self.duration, load)
                seconds = time.monotonic() - began
                growth = resident_bytes(server.pid) - resident_before
                result = load.result()
                damaged = self._look_into(server)
                return IngestMeasurement(self, kind.name, spent, growth, seconds, result, damaged)

    def _look_into(self, server: RunningServer) -> int:
        """Take the first segment of each track of some channels apart: it must be made of what was
        published. Return how many are not."""
        if self.media.upload == "muxed" and "objects" in server.kind.serves:
            return 0  # the floor does not take streams apart
        damaged = 0
        for channel in range(0, self.media.channels, max(1, self.media.channels // _SAMPLED)):
            address = Address("127.0.0.1", server.port, f"/live/bench{channel}/manifest.mpd")
            for line in address.wait_for_manifest(self.media.tracks):
                target = address.at(line.first()[0])
                try:
                    status, body = address.fetch(target)
                except (OSError, http.client.HTTPException) as error:
                    raise LoadFailed(f"{target}: {error}") from error
                damaged += status != 200 or not check_segment(body, channel)
        return damaged

    def tables(self, results: Mapping[str, Sequence[IngestMeasurement]]) -> list[Table]:
        """One table."""
        return [Table.of("ingest", _COLUMNS, results)]

    def warnings(self, results: Mapping[str, Sequence[IngestMeasurement]]) -> list[str]:
        """See :class:`~.family.Scenario`."""
        said = []
        for name, rounds in results.items():
            if any(m.spent.share > SATURATED for m in rounds):
                said.append(f"{name}: the server was saturated: it was later from chunk to chunk")
            if overruns := sum(m.load.overruns for m in rounds):
                said.append(f"{name}: {overruns} chunks were not sent, the server did not read")
        return said


@dataclass(frozen=True, slots=True)
class IngestMeasurement:
    """What was measured, as plain numbers."""

    scenario: Ingest
    server: str
    spent: ServerTime
    resident_growth: int
    """Bytes of resident memory, from no channel to the end of the window."""

    seconds: float
    """How long had been published by then."""

    load: LoadResult
    damaged: int
    """Segments, of those looked into, that are not what was published."""

    @property
    def cost_us(self) -> float | None:
        """CPU µs per chunk."""
        published = self.load.window["published"]
        return self.spent.cpu_seconds * 1e6 / published if published else None

    @property
    def p99_ms(self) -> float | None:
        """Nobody plays."""
        return None

    @property
    def faults(self) -> dict[str, int]:
        """What must be zero."""
        return {"damaged": self.damaged}

    @property
    def kib_per_channel(self) -> float:
        """Resident memory, media included."""
        return self.resident_growth / self.scenario.media.channels / 1024

    @property
    def media_kib(self) -> float:
        """What has been published of a channel: all of it is still in the window."""
        return self.scenario.media.bytes_per_second * self.seconds / 1024


_COLUMNS: Final[tuple[Column[IngestMeasurement] | Ratio[IngestMeasurement], ...]] = (
    Column("CPU µs/chunk", lambda m: m.cost_us, 1, with_range=True),
    Ratio("to floor", lambda m: m.cost_us, "yardstick"),
    Column("core %", lambda m: 100 * m.spent.share),
    Column("KiB/channel", lambda m: m.kib_per_channel, 0, with_range=True),
    Column("of it media", lambda m: m.media_kib, 0),
    Column("publisher late p99 ms", lambda m: m.load.publish_late_p99_us / 1000, 1),
    Column("damaged", lambda m: float(m.damaged), 0),
    Column("generator %", lambda m: 100 * sum(m.load.generator_shares), 0),
    Column("others %", lambda m: 100 * m.spent.others_share, 0),
)
