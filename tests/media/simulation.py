"""Simulated encoders, networks and clocks; no real time passes.

``arrived − true offset`` is known here, so what the timeline says can be held against the truth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from sorgente.media.epoch import Cause, Epoch
from sorgente.media.run import Placement, Run
from sorgente.media.timeline import Timeline

T0 = 1_795_000_000.0
"""UTC: some day in 2026."""
PROMISE = 0.1
"""Seconds that media may be announced before they are there."""
FRAME = Fraction(1, 30)
HOUR, DAY = 3600.0, 86_400.0
NETWORK = 0.02
"""Seconds every chunk takes at least."""


@dataclass(frozen=True)
class Sent:
    """A chunk, as the encoder's clock and ours see it."""

    track: str
    start: Fraction
    end: Fraction
    made: float
    """UTC: its last sample exists (by the true clock)."""
    arrived: float


def no_jitter(_: random.Random) -> float:
    return 0.0


def uniform_jitter(rng: random.Random) -> float:
    return rng.uniform(0, 0.3)


def spiky_jitter(rng: random.Random) -> float:
    return rng.uniform(0.5, 1.5) if rng.random() < 0.01 else rng.uniform(0, 0.03)


Jitter = Callable[[random.Random], float]


def encode(
    track: str = "v",
    *,
    seconds: float,
    chunk: Fraction = FRAME,
    since: float = T0,
    media: Fraction = Fraction(0),
    ppm: float = 0,
    jitter: Jitter = no_jitter,
    delay: float = 0,
    seed: int = 1,
) -> Iterator[Sent]:
    """A track in real time. ``ppm`` > 0: its clock is slow. Chunks arrive in order."""
    rng, last, start = random.Random(seed), 0.0, media
    for index in range(1, round(seconds / float(chunk)) + 1):
        end = media + index * chunk
        made = since + float(index * chunk) * (1 + ppm / 1e6)
        last = max(last, made + NETWORK + delay + jitter(rng))
        yield Sent(track, start, end, made, last)
        start = end


def merged(*tracks: Iterable[Sent]) -> list[Sent]:
    return sorted((sent for track in tracks for sent in track), key=lambda sent: sent.arrived)


@dataclass
class Segmenter:
    """As the head of ``timeline.py`` tells it to be used; segments of 2 s on the first track."""

    timeline: Timeline = field(default_factory=Timeline)
    segment: Fraction = Fraction(2)
    leading: str = "v"
    epochs: list[Epoch] = field(default_factory=list)
    opened_at: list[float] = field(default_factory=list)
    number: int = 0
    early: float = -1e9
    """Seconds the worst chunk was announced before it was there, jitter apart."""
    drifts: list[tuple[float, float]] = field(default_factory=list)
    placed: list[tuple[Sent, Placement]] = field(default_factory=list)
    keep: bool = True
    _segment: dict[str, tuple[Run, Fraction]] = field(default_factory=dict)

    def begin(self, *tracks: str, timescale: int = 90_000) -> Segmenter:
        for track in tracks or ("v",):
            self.timeline.begin(track, timescale)
        return self

    def feed(self, chunks: Iterable[Sent], *, clock: float = 0.0) -> Segmenter:
        for sent in chunks:
            self._feed(sent, sent.arrived + clock)
        return self

    def _feed(self, sent: Sent, now: float) -> None:
        at = self.timeline.observe(sent.track, sent.start, sent.end, now)
        if self.keep:
            self.placed.append((sent, at))
        if self.timeline.run is at.run and at.epoch is None and at.run.ready(now):
            self._open(at, now)
        run, began = self._segment.get(sent.track, (None, Fraction(0)))
        if at.run is not run or at.start - began >= self.segment:
            if sent.track == self.leading and at.run.due and at.run is self.timeline.run:
                self._open(at, now)
            self._segment[sent.track] = (at.run, at.start)
            self.number += at.epoch is not None
        if at.epoch is not None:
            truth = sent.made + NETWORK - float(at.epoch.wall(sent.end))
            self.early = max(self.early, truth)
            self.drifts.append((now, float(at.run.drift)))

    def _open(self, at: Placement, now: float) -> None:
        run = at.run
        starts = [a.start for _, a in self.placed if a.run is run] if not run.epochs else []
        epoch = self.timeline.open(min(starts, default=at.start), now, self.number)
        self.number = epoch.start_number
        self.epochs.append(epoch)
        self.opened_at.append(now)

    @property
    def causes(self) -> list[Cause]:
        return [epoch.cause for epoch in self.epochs]


def offset_error(segmenter: Segmenter, true_offset: float, index: int = -1) -> float:
    return float(segmenter.epochs[index].offset) - true_offset
