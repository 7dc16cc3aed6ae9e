"""Fan-out: progressive streams, every chunk to every player. CPU a delivery, latency in to out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.family import SATURATED, Bench
from benchmarks.load import VIDEO, Load, LoadResult, Media
from benchmarks.machine import resident_bytes
from benchmarks.measurement import SETTLE_SECONDS, ServerTime, watch_window
from benchmarks.report import Column, Ratio, Table
from benchmarks.servers import RunningServer, ServerKind, Service, running

FEWEST_FOR_MEMORY: Final = 1000  # with fewer, pages and the window outweigh the players


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """So many players of so many channels."""

    name: str
    about: str
    players: int
    media: Media = VIDEO
    load_processes: int = 1
    warm_up: float = 1
    duration: float = 4
    event_at: float = 2
    event_seconds: float = 0
    stall: int = 0
    late: int = 0
    """Joining all at once, from a process of their own, so that the others are still read."""

    @property
    def load(self) -> str:
        """One line."""
        media = self.media
        return (
            f"{self.players} players, {media.channels} channel(s), {media.hz:g} chunks/s of "
            f"{media.size} bytes, {self.duration:g} s; {self.players * media.hz:.0f} deliveries/s"
        )

    @property
    def needs(self) -> frozenset[Service]:
        """See :class:`~.family.Scenario`."""
        return frozenset({"fanout"})

    def shortened(self, duration: float) -> Fanout:
        """The same load for another time (never shorter than its event needs)."""
        least = self.event_at + self.event_seconds + 2 if self.event_seconds else 0
        return replace(self, duration=max(duration, least))

    def measure(self, kind: ServerKind, bench: Bench) -> FanoutMeasurement:
        """See :class:`~.family.Scenario`."""
        program = bench.toolchain.program("load")
        with (
            running(kind, bench.cores.server) as server,
            Load(program, bench.cores.load, self._options(server), self._roles()) as load,
        ):
            load.publish()
            time.sleep(SETTLE_SECONDS)
            resident_before = resident_bytes(server.pid)
            load.join()
            time.sleep(SETTLE_SECONDS)
            growth = resident_bytes(server.pid) - resident_before
            spent = watch_window(server, bench.cores, self.warm_up, self.duration, load)
            return FanoutMeasurement(self, kind.name, spent, growth, load.result())

    def tables(self, results: Mapping[str, Sequence[FanoutMeasurement]]) -> list[Table]:
        """Cost and latency, the event if there is one, rightness."""
        made = [Table.of("cost, and latency in to out", (*_COST, *_LATENCY), results)]
        if self.stall:
            made.append(Table.of("event", _STALL, results))
        if self.late:
            made.append(Table.of("event", _LATE, results))
        return [*made, Table.of("deliveries", _RIGHTNESS, results)]

    def warnings(self, results: Mapping[str, Sequence[FanoutMeasurement]]) -> list[str]:
        """See :class:`~.family.Scenario`."""
        return [f"{name}: {said}" for name, rounds in results.items() for said in _doubts(rounds)]

    def _options(self, server: RunningServer) -> dict[str, object]:
        event = {"event-seconds": self.event_seconds} if self.event_seconds else {}
        return {
            **self.media.options(server),
            "play-path": server.kind.play_path,
            "duration": self.duration,
            "event-at": self.event_at,
            "sources": 64,
            **event,
        }

    def _roles(self) -> list[dict[str, object]]:
        count = self.load_processes
        roles: list[dict[str, object]] = [
            {"players": players, "publish": int(number == 0), "stall": stalling}
            for number, (players, stalling) in enumerate(
                zip(_split(self.players, count), _split(self.stall, count), strict=True)
            )
        ]
        if self.late:
            roles.append({"players": 0, "publish": 0, "late": self.late})
        return roles


def _split(players: int, processes: int) -> list[int]:
    """Players per process; the sum is right whatever the numbers."""
    return [players * (n + 1) // processes - players * n // processes for n in range(processes)]


@dataclass(frozen=True, slots=True)
class FanoutMeasurement:
    """What was measured, as plain numbers."""

    scenario: Fanout
    server: str
    spent: ServerTime
    resident_growth: int
    """Bytes of resident memory between no player and all of them being served."""

    load: LoadResult

    @property
    def cost_us(self) -> float | None:
        """CPU µs per chunk that reached a player in the window."""
        delivered = self.load.window["received_in_time"]
        return self.spent.cpu_seconds * 1e6 / delivered if delivered else None

    @property
    def p99_ms(self) -> float | None:
        """In to out."""
        return _latency("steady", "p99")(self)

    @property
    def faults(self) -> dict[str, int]:
        """What a player must not meet."""
        session = self.load.session
        names = ("lost", "skipped", "corrupt", "duplicated", "reordered", "closed_early")
        return {name: session[name] for name in names}

    @property
    def complete(self) -> bool:
        """Every player was there."""
        return self.load.joined == self.scenario.players

    @property
    def kib_per_player(self) -> float | None:
        """Resident memory per connected player that is being served."""
        few = self.scenario.players < FEWEST_FOR_MEMORY
        if few or self.scenario.late or not self.load.joined:
            return None
        return self.resident_growth / self.load.joined / 1024

    @property
    def received_percent(self) -> float | None:
        """Of what was published in the window, times players."""
        window = self.load.window
        return 100 * window["received"] / window["expected"] if window["expected"] else None


_Number = Callable[[FanoutMeasurement], float | None]


def _latency(group: str, share: str) -> _Number:
    def number(m: FanoutMeasurement) -> float | None:
        value = m.load.latencies.get(group, {}).get(share)
        return None if value is None else value / 1000

    return number


def _late_join(kind: str, share: str) -> _Number:
    def number(m: FanoutMeasurement) -> float | None:
        joins = m.load.late_joins
        value: float | None = joins[kind].get(share) if joins else None
        return None if value is None else value / 1000

    return number


def _late_join_count(kind: str) -> _Number:
    return lambda m: m.load.late_joins[kind]["count"] if m.load.late_joins else None


def _session(*names: str) -> _Number:
    return lambda m: float(sum(m.load.session[name] for name in names))


_COST: Final[tuple[Column[FanoutMeasurement] | Ratio[FanoutMeasurement], ...]] = (
    Column("CPU µs/delivery", lambda m: m.cost_us, 2, with_range=True),
    Column("core %", lambda m: 100 * m.spent.share),
    Column("KiB/player", lambda m: m.kib_per_player, with_range=True),
    Ratio("to floor", lambda m: m.cost_us, "yardstick"),
    Ratio("to seed", lambda m: m.cost_us, "seed"),
)
_LATENCY: Final = tuple(
    Column(f"{share} ms", _latency("steady", share), 2, with_range=share == "p99")
    for share in ("p50", "p90", "p99", "p99.9", "max")
)
_RIGHTNESS: Final[tuple[Column[FanoutMeasurement], ...]] = (
    Column("joined", lambda m: float(m.load.joined), 0),
    Column("received %", lambda m: m.received_percent, 3),
    Column("lost", _session("lost"), 0),
    Column("skipped", _session("skipped"), 0),
    Column("corrupt", _session("corrupt"), 0),
    Column("dup./reord.", _session("duplicated", "reordered"), 0),
    Column("closed", _session("closed_early"), 0),
    Column("generator %", lambda m: 100 * sum(m.load.generator_shares), 0),
    Column("others %", lambda m: 100 * m.spent.others_share, 0),
)
_STALL: Final = (
    *(
        Column(f"{phase} {share} ms", _latency(phase, share), 2)
        for phase in ("before", "during", "after")
        for share in ("p50", "p99")
    ),
    Column("stalled p50 ms", _latency("stalled", "p50"), 0),
)
_LATE: Final = (
    *(
        Column(f"{word} {share} ms", _late_join(kind, share))
        for kind, word in (("first_chunk", "1st chunk"), ("first_playable", "playable"))
        for share in ("p50", "p99", "max")
    ),
    Column("joined late", _late_join_count("first_chunk"), 0),
    Column("playable", _late_join_count("first_playable"), 0),
    Column("others' p99 during ms", _latency("during", "p99"), 2),
)


def _doubts(rounds: Sequence[FanoutMeasurement]) -> list[str]:
    said = []
    if any(m.load.generator_saturated for m in rounds):
        said.append("the generator was saturated; its latencies include its own queue")
    if any(m.spent.share > SATURATED for m in rounds):
        said.append("the server was saturated; only its CPU per delivery says anything")
    if not all(m.complete for m in rounds):
        said.append("not all players got in")
    if overruns := sum(m.load.overruns for m in rounds):
        said.append(f"{overruns} chunks were not sent because the server did not read")
    if altered := sum(m.load.session["altered_moofs"] for m in rounds):
        said.append(f"{altered} chunks had a moof that was not the encoder's")
    if refused := sum(m.load.session["refused"] for m in rounds):
        said.append(f"{refused} requests were refused (and tried again)")
    return said
