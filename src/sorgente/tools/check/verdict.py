"""What was seen, held against all the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sorgente.tools.check.answers import ANSWERS
from sorgente.tools.check.clock import CLOCKS
from sorgente.tools.check.manifest import MANIFEST
from sorgente.tools.check.media import SEGMENTS, TRACKS, TrackSeen
from sorgente.tools.check.rule import DASH, HTTP, Finding, Rule, Severity, merged
from sorgente.tools.check.seen import Seen
from sorgente.tools.check.sets import SETS, sets_of
from sorgente.tools.check.updates import UPDATES
from sorgente.tools.percentiles import Spread

READABLE: Final = Rule(
    "mpd-readable", Severity.PROBLEM, f"{DASH} §5.3", "an MPD is XML, and its values mean something"
)
REACHABLE: Final = Rule("reachable", Severity.PROBLEM, HTTP, "every request has an answer")
WATCHED: Final = Rule(
    "segments-come", Severity.PROBLEM, f"{DASH} §5.3.9.5.3", "there are new segments"
)


@dataclass(frozen=True, slots=True)
class TrackFigures:
    """One track in numbers. Seconds, where nothing else is said."""

    name: str
    period: str
    kind: str
    segments: int
    chunks: int
    bits_per_second: float | None
    chunk_gap: Spread | None
    first_chunk: Spread | None
    """After it was promised."""
    latency: Spread | None
    """From its being made, by ``prft`` or the MPD's ProducerReferenceTime."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of it."""

    url: str
    findings: list[Finding]
    tracks: list[TrackFigures]
    clock_source: str = ""
    clock_gap: float = 0.0
    """UTC of the presentation − UTC of this machine."""
    clock_trip: float = 0.0
    manifests: int = 0
    not_followed: int = 0
    over: bool = False

    @property
    def problems(self) -> int:
        """How many rules are broken that players rely on."""
        return sum(each.rule.severity is Severity.PROBLEM for each in self.findings)

    @property
    def warnings(self) -> int:
        """How many of the others."""
        return len(self.findings) - self.problems


def unreadable(url: str, why: str) -> Verdict:
    """Of what is no MPD."""
    return Verdict(url, [Finding(READABLE, "MPD", why)], [])


def judge(seen: Seen) -> Verdict:
    """All that is wrong with it, each thing once."""
    kept = seen.kept()
    tracks = sorted(kept.values(), key=lambda track: track.representation.kind != "video")
    return Verdict(
        url=seen.url,
        findings=merged(_findings(seen, kept)),
        tracks=[_figures(track) for track in tracks if track.segments],
        clock_source=seen.clock.source,
        clock_gap=seen.wall_gap,
        clock_trip=seen.clock.trip,
        manifests=len(seen.mpds),
        not_followed=seen.not_followed,
        over=seen.over,
    )


def _findings(seen: Seen, tracks: Mapping[tuple[str, str], TrackSeen]) -> Iterator[Finding]:
    for mpd in seen.mpds:
        if mpd.live:
            yield from MANIFEST.judge(mpd)
    for update in seen.updates:
        yield from UPDATES.judge(update)
    yield from CLOCKS.judge(seen.clock)
    for asked in seen.asked:
        yield from ANSWERS.judge(asked)
    for track in tracks.values():
        yield from TRACKS.judge(track)
        for segment in track.segments:
            yield from SEGMENTS.judge(segment)
            yield from ANSWERS.judge(segment.asked)
    for each in sets_of(tracks):
        yield from SETS.judge(each)
    for why in seen.unreadable:
        yield Finding(READABLE, "MPD", why)
    for what, why in seen.lost:
        yield Finding(REACHABLE, what.partition(" ")[0], why)
    if not any(track.segments for track in tracks.values()) and not seen.over:
        yield Finding(WATCHED, "MPD", "no segment became available all the time it was watched")


def _figures(track: TrackSeen) -> TrackFigures:
    return TrackFigures(
        name=track.representation.name,
        period=track.representation.period_id,
        kind=track.representation.kind,
        segments=len(track.segments),
        chunks=len(track.chunks),
        bits_per_second=_bit_rate(track),
        chunk_gap=Spread.of(
            after.at - before.at
            for seen in track.segments
            for before, after in pairwise(seen.chunks)
        ),
        first_chunk=Spread.of(
            seen.chunks[0].at - seen.promised_at for seen in track.segments if seen.chunks
        ),
        latency=Spread.of(track.ages()),
    )


def _bit_rate(track: TrackSeen) -> float | None:
    whole = [seen for seen in track.segments if seen.whole and seen.chunks]
    seconds = _sum(float(seen.owed_until - seen.segment.starts) for seen in whole)
    size = _sum(chunk.size for seen in whole for chunk in seen.chunks)
    return size * 8 / seconds if seconds else None


def _sum(values: Iterable[float]) -> float:
    return sum(values, 0.0)
