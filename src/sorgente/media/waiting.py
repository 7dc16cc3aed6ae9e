"""Chunks that have no period yet: until the timeline has settled, and key frames show a rhythm.

Whether a period is due is asked with every chunk. So what the answer depends on is counted as they
come, and not looked up among them: an encoder that never sends a second key frame costs no more
after an hour than after a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from sorgente.media.arrival import Arrival
from sorgente.media.rhythm import LONGEST_GROUP
from sorgente.media.run import Run
from sorgente.media.track import Track


@dataclass(slots=True)
class Strand:
    """What waits of one track in one run."""

    latest: Fraction
    """Seconds on the run's timeline: where its newest chunk starts."""
    chunks: int = 0
    keys: deque[Arrival] = field(default_factory=deque)
    """Those that a segment can start with, oldest first."""


class Waiting:
    """See the module. Iterates over all, oldest first."""

    def __init__(self, limit: int) -> None:
        self.bytes_held = 0
        self._limit = limit
        """Bytes."""
        self._arrivals: deque[Arrival] = deque()
        self._strands: dict[Run, dict[Track, Strand]] = {}

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self._arrivals)

    def __len__(self) -> int:
        return len(self._arrivals)

    @property
    def tracks(self) -> set[Track]:
        """Those that any of it is of."""
        return {track for strands in self._strands.values() for track in strands}

    def of(self, run: Run) -> Mapping[Track, Strand]:
        """What waits of ``run``, by track."""
        return self._strands.get(run, {})

    def chunks(self, run: Run, tracks: Collection[Track]) -> list[Arrival]:
        """Of these, oldest first."""
        return [each for each in self._arrivals if each.at.run is run and each.track in tracks]

    def add(self, arrival: Arrival) -> None:
        """Keep a chunk; not for ever: an encoder may never send the second key frame that makes a
        grid."""
        self._add(arrival)
        horizon = arrival.chunk.received_at - LONGEST_GROUP
        while self.bytes_held > self._limit or self._arrivals[0].chunk.received_at < horizon:
            self.drop_oldest()

    def keep_only(self, runs: Collection[Run]) -> None:
        """Let what is of other runs go."""
        if not self._strands.keys() <= set(runs):
            self._keep(arrival for arrival in self._arrivals if arrival.at.run in runs)

    def forget(self, tracks: Collection[Track]) -> None:
        """Let those of ``tracks`` go."""
        self._keep(arrival for arrival in self._arrivals if arrival.track not in tracks)

    def drop_oldest(self) -> int:
        """Let one go; return the bytes that frees."""
        if not self._arrivals:
            return 0
        oldest = self._arrivals.popleft()
        strands = self._strands[oldest.at.run]
        strand = strands[oldest.track]
        strand.chunks -= 1
        if oldest.can_begin:
            strand.keys.popleft()
        if not strand.chunks:
            del strands[oldest.track]
        if not strands:
            del self._strands[oldest.at.run]
        self.bytes_held -= oldest.chunk.bytes_held
        return oldest.chunk.bytes_held

    def take_all(self) -> list[Arrival]:
        """Their time has come."""
        arrivals = list(self._arrivals)
        self._keep(())
        return arrivals

    def _add(self, arrival: Arrival) -> None:
        strands = self._strands.setdefault(arrival.at.run, {})
        strand = strands.setdefault(arrival.track, Strand(arrival.starts_at))
        strand.latest = arrival.starts_at
        strand.chunks += 1
        if arrival.can_begin:
            strand.keys.append(arrival)
        self._arrivals.append(arrival)
        self.bytes_held += arrival.chunk.bytes_held

    def _keep(self, arrivals: Iterable[Arrival]) -> None:
        kept = list(arrivals)
        self._arrivals.clear()
        self._strands.clear()
        self.bytes_held = 0
        for arrival in kept:
            self._add(arrival)
