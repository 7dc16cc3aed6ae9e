"""The players of one channel that report, and how they fare.

A session is heard of with every report, and forgotten when it has not been for a while or says
that it is over. What it said last is what counts; histograms take each session's word only every so
often, so that a player which asks for short segments does not count for ten.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Final

import msgspec

from sorgente.cmcd.report import Format, Report, State
from sorgente.histogram import Histogram

VIEWER_SECONDS: Final = 40.0
"""How long after its last report a session is taken to be there. A player that only sends events
does so every 30 s (CTA-5004-B, the default interval); one that asks for segments, with each."""

STALL_SECONDS: Final = 5.0
"""Stalls of a session this close to each other are one: the requests for picture and sound tell of
it, and events once more. In its first so many seconds there are none: that is how players begin."""

SAMPLE_SECONDS: Final = 2.0
"""How often a session counts in the histograms: once a segment of a fresh installation."""

LOOKED_AT: Final = 1000
"""Sessions, those heard of last, that quantiles are made of: all of 16,000 would take 20 ms, for
which everybody's media would wait, and say the same."""

OVER: Final = frozenset({"ended", "failed", "quit"})
"""States of which there is no way back."""

SECONDS_BOUNDS: Final = (
    0.1,
    0.2,
    0.3,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    8.0,
    12.0,
    20.0,
    30.0,
    60.0,
)
"""Of buffers and latencies: from one frame's chunks to time shift."""

KILOBITS: Final = (100, 250, 500, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 25_000)
"""A second: rungs of ladders."""

BYTE_RATE_BOUNDS: Final = tuple(kilobits * 125.0 for kilobits in KILOBITS)
"""Bytes a second, as Prometheus wants it."""


class Session(msgspec.Struct):
    """What one player said last; None: it never did."""

    began_at: float
    heard_at: float
    format: Format | None = None
    state: State | None = None
    video_buffer: float | None = None
    audio_buffer: float | None = None
    video_bit_rate: float | None = None
    audio_bit_rate: float | None = None
    throughput: float | None = None
    latency: float | None = None
    playback_rate: float = 1.0
    starved_at: float = -inf
    starved_seconds: float | None = None
    sampled_at: float = -inf

    @property
    def buffer(self) -> float | None:
        """Seconds until it runs dry: of picture and sound, what is less."""
        if self.video_buffer is None or self.audio_buffer is None:
            return self.audio_buffer if self.video_buffer is None else self.video_buffer
        return min(self.video_buffer, self.audio_buffer)

    @property
    def bit_rate(self) -> float | None:
        """bit/s, of picture and sound together."""
        if self.video_bit_rate is None and self.audio_bit_rate is None:
            return None
        return (self.video_bit_rate or 0.0) + (self.audio_bit_rate or 0.0)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of what players said last; one value is all three."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewersReport:
    """The players of a channel that report, now. None: none of them says so."""

    sessions: int
    formats: dict[str, int]
    """Of these."""
    states: dict[str, int]
    """Of those heard of last."""
    stalled: float
    """Part of those heard of last that ran dry in the last :data:`VIEWER_SECONDS`."""
    latency: Quantiles | None
    buffer: Quantiles | None
    bit_rate: Quantiles | None
    throughput: Quantiles | None
    playback_rate: Quantiles | None
    stalls: int
    """Since the channel began, like what follows."""
    stalled_seconds: float
    failures: int
    reports: int


class Viewers:
    """See the module. Times are seconds of a clock that only grows."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        """In the order in which they were heard of, the last one last."""
        self._formats: Counter[Format | None] = Counter()
        self.buffer = Histogram(SECONDS_BOUNDS)
        self.latency = Histogram(SECONDS_BOUNDS)
        self.byte_rate = Histogram(BYTE_RATE_BOUNDS)
        self.stalls = 0
        self.stalled_seconds = 0.0
        self.failures = 0
        self.reports = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session: bytes) -> bool:
        return session in self._sessions

    @property
    def formats(self) -> dict[str, int]:
        """Sessions by format, ``unknown`` too."""
        return {name or "unknown": count for name, count in self._formats.items() if count}

    def hear(self, report: Report, now: float) -> None:
        """A player has said something."""
        self.reports += 1
        self.failures += report.failed
        session = self._sessions.get(report.session)
        if session is None:
            if report.state in OVER:
                return  # it said so before, and now by another way
            session = self._sessions[report.session] = Session(now, now)
            self._formats[None] += 1
        else:
            self._sessions.move_to_end(report.session)
        session.heard_at = now
        self._count_stalls(session, report, now)
        self._take(session, report)
        if now - session.sampled_at >= SAMPLE_SECONDS:
            self._sample(session, now)
        if report.state in OVER:
            self._forget(report.session)
        self.forget_silent(now)

    def forget_oldest(self) -> None:
        """There are too many."""
        self._forget(next(iter(self._sessions)))

    def forget_silent(self, now: float) -> None:
        """Those who have not been heard of for a while are gone."""
        while self._sessions:
            oldest, session = next(iter(self._sessions.items()))
            if now - session.heard_at <= VIEWER_SECONDS:
                return
            self._forget(oldest)

    def report(self, now: float) -> ViewersReport:
        """How they fare."""
        self.forget_silent(now)
        last = list(islice(reversed(self._sessions.values()), LOOKED_AT))
        stalled = sum(now - each.starved_at <= VIEWER_SECONDS for each in last)
        return ViewersReport(
            sessions=len(self._sessions),
            formats=self.formats,
            states=dict(Counter(each.state for each in last if each.state is not None)),
            stalled=stalled / len(last) if last else 0.0,
            latency=quantiles(each.latency for each in last),
            buffer=quantiles(each.buffer for each in last),
            bit_rate=quantiles(each.bit_rate for each in last),
            throughput=quantiles(each.throughput for each in last),
            playback_rate=quantiles(each.playback_rate for each in last),
            stalls=self.stalls,
            stalled_seconds=self.stalled_seconds,
            failures=self.failures,
            reports=self.reports,
        )

    def _take(self, session: Session, report: Report) -> None:
        """Remember what it said; what it left out is as it was."""
        if report.format is not None and report.format != session.format:
            self._formats[session.format] -= 1
            self._formats[report.format] += 1
            session.format = report.format
        if report.state is not None:
            session.state = report.state
        video, audio = report.buffer
        if video is not None:
            session.video_buffer = video
        if audio is not None:
            session.audio_buffer = audio
        video, audio = report.bit_rate
        if video is not None:
            session.video_bit_rate = video
        if audio is not None:
            session.audio_bit_rate = audio
        if report.throughput is not None:
            session.throughput = report.throughput
        if report.latency is not None:
            session.latency = report.latency
        session.playback_rate = report.playback_rate

    def _count_stalls(self, session: Session, report: Report, now: float) -> None:
        stalls = report.state == "rebuffering" and session.state != "rebuffering"
        if (stalls or report.starved) and now - session.began_at > STALL_SECONDS:
            self.stalls += now - session.starved_at > STALL_SECONDS
            session.starved_at = now
        seconds = report.starved_seconds
        if seconds is not None and seconds != session.starved_seconds:
            # The same again is the same stall: it is told of once by each way of telling.
            self.stalled_seconds += seconds
            session.starved_seconds = seconds

    def _sample(self, session: Session, now: float) -> None:
        session.sampled_at = now
        buffer, bit_rate = session.buffer, session.bit_rate
        if buffer is not None:
            self.buffer.observe(buffer)
        if session.latency is not None:
            self.latency.observe(session.latency)
        if bit_rate is not None:
            self.byte_rate.observe(bit_rate / 8)

    def _forget(self, name: bytes) -> None:
        session = self._sessions.pop(name)
        self._formats[session.format] -= 1


def quantiles(values: Iterable[float | None]) -> Quantiles | None:
    """Of those that are known; None: there are none."""
    known = sorted(value for value in values if value is not None)
    return Quantiles(_rank(known, 5), _rank(known, 50), _rank(known, 95)) if known else None


def _rank(ordered: Sequence[float], percent: int) -> float:
    """The nearest one: a value that somebody has."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
