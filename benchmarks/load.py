"""The generator of streams: publishers and players of progressive streams (`native/load.c`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.generator import PATIENCE_SECONDS, SATURATED, Generator, Latencies
from benchmarks.servers import RunningServer

_RAMP_SECONDS: Final = 60
_DRAIN_SECONDS: Final = 8

Upload = Literal["video", "muxed", "tracks"]
"""One upload of one track; video and audio in one; one each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What is published."""

    channels: int = 1
    upload: Upload = "video"
    hz: float = 30
    """Chunks a second; they are spread evenly over the period."""

    size: int = 4096
    """Bytes of a chunk."""

    gop: int = 30
    """Every such chunk is a sync chunk."""

    audio_hz: float = 46.875
    """One frame of AAC, 1024 samples at 48 kHz, each."""

    audio_size: int = 278

    @property
    def tracks(self) -> int:
        """Of a channel."""
        return 1 if self.upload == "video" else 2

    @property
    def chunks_per_second(self) -> float:
        """Of all channels."""
        return self.channels * (self.hz + (self.audio_hz if self.tracks > 1 else 0))

    @property
    def bytes_per_second(self) -> float:
        """Of one channel."""
        audio = self.audio_hz * self.audio_size if self.tracks > 1 else 0
        return self.hz * self.size + audio

    def options(self, server: RunningServer) -> dict[str, object]:
        """For the generator."""
        kind = server.kind
        return {
            "port": server.port,
            "ingest-path": kind.ingest_track_path if self.upload == "tracks" else kind.ingest_path,
            "channels": self.channels,
            "upload": self.upload,
            "hz": self.hz,
            "size": self.size,
            "gop": self.gop,
            "audio-hz": self.audio_hz,
            "audio-size": self.audio_size,
            "ramp-seconds": _RAMP_SECONDS,
            "drain-seconds": _DRAIN_SECONDS,
        }


VIDEO: Final = Media()
"""One channel, 30 chunks of 4 KiB a second."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What all processes of a load saw together."""

    joined: int
    window: dict[str, float]
    session: dict[str, int]
    latencies: dict[str, dict[str, float]]
    late_joins: dict[str, Any] | None
    overruns: int
    publish_late_p99_us: float
    generator_shares: list[float]

    @classmethod
    def merged(cls, reports: Sequence[dict[str, Any]]) -> LoadResult:
        """Add up the processes' reports; the first one is the publishers'."""
        latencies: dict[str, Latencies] = {}
        window: Counter[str] = Counter()
        session: Counter[str] = Counter()
        for report in reports:
            window.update(report["window"])
            session.update(report["session"])
            for group, histogram in report["latency_us"].items():
                latencies.setdefault(group, Latencies()).add(histogram)
        window["seconds"] = reports[0]["window"]["seconds"]
        window["published"] = reports[0]["window"]["published"]
        publisher = reports[0]["publisher"]
        return cls(
            joined=sum(report["joined"] for report in reports),
            window=dict(window),
            session=dict(session),
            latencies={name: one.percentiles_us() for name, one in latencies.items()},
            late_joins=next((r["late_join_us"] for r in reports if "late_join_us" in r), None),
            overruns=publisher["overruns"],
            publish_late_p99_us=publisher["late_us"].get("p99", 0.0),
            generator_shares=[report["generator"]["cpu_share"] for report in reports],
        )

    @property
    def generator_saturated(self) -> bool:
        """All processes share one core: together they must leave some of it."""
        return sum(self.generator_shares) > SATURATED


class Load:
    """The generator processes of one measurement, step by step."""

    def __init__(
        self, program: Path, core: int, media: dict[str, object], roles: Sequence[dict[str, object]]
    ) -> None:
        """``media``: options of all processes; ``roles``: what is different, for each."""
        self._program = program
        self._options = [{**media, **role, "gate": True, "buckets": True} for role in roles]
        self._core = core
        self._processes: list[Generator] = []

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()

    def publish(self) -> None:
        """Start the processes: the first one begins to publish, nobody plays yet."""
        for options in self._options:
            process = Generator(self._program, options, self._core)
            self._processes.append(process)
            process.expect("ready")

    def join(self) -> None:
        """Let the players in; return when all have their first chunk."""
        for process in self._processes:
            process.tell("ramp")
        for process in self._processes:
            process.expect("joined", _RAMP_SECONDS + PATIENCE_SECONDS)

    def measure(self, start_ns: int, end_ns: int) -> None:
        """Fix the measured window, for all processes alike."""
        for process in self._processes:
            process.tell(f"go {start_ns} {end_ns}")

    def result(self) -> LoadResult:
        """Wait for the drain, and put the reports together."""
        patience = _DRAIN_SECONDS + PATIENCE_SECONDS
        return LoadResult.merged([process.result(patience) for process in self._processes])


class Publishers(Load):
    """Publishes, and has no players."""

    def __init__(self, program: Path, core: int, media: Media, server: RunningServer) -> None:
        """See :class:`Media`."""
        super().__init__(program, core, media.options(server), [{"players": 0}])

    def publish(self) -> None:
        """Begin."""
        super().publish()
        self.join()
