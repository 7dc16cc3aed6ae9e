"""Rules for the representations of a set, side by side: between which players switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Final

from sorgente.tools.check.media import GAP_SECONDS, SegmentSeen, TrackSeen
from sorgente.tools.check.rule import LL, Breach, Rulebook, Severity


@dataclass(frozen=True, slots=True)
class SetSeen:
    """An AdaptationSet in a period, as long as it was watched."""

    tracks: Sequence[TrackSeen]

    @property
    def where(self) -> str:
        """For people."""
        return f"AdaptationSet {self.tracks[0].representation.set_name}"


SETS: Final = Rulebook[SetSeen]()


def sets_of(tracks: Mapping[tuple[str, str], TrackSeen]) -> Iterator[SetSeen]:
    """Those with something to switch between. ``tracks`` by period and representation id."""

    def owner(item: tuple[tuple[str, str], TrackSeen]) -> tuple[str, str]:
        return item[0][0], item[1].representation.set_name

    for _, items in groupby(sorted(tracks.items(), key=owner), key=owner):
        found = [track for _, track in items]
        if len(found) > 1:
            yield SetSeen(found)


@SETS.rule("chunks-aligned", Severity.WARNING, f"{LL} 9.X.4.5",
           "of a set with segments as long as the target, chunks are aligned")  # fmt: skip
def _(seen: SetSeen) -> Iterator[Breach]:
    """Or else who has to switch to a lower rate falls behind its target by the rest of a
    segment."""
    first, *others = [_edges(track) for track in seen.tracks]
    name = seen.tracks[0].representation.name
    for other, track in zip(others, seen.tracks[1:], strict=True):
        for start in first.keys() & other.keys():
            (number, edges), (_, theirs) = first[start], other[start]
            apart = [at for at in edges if all(abs(at - each) > GAP_SECONDS for each in theirs)]
            if apart:
                words = f"{len(apart)} of {len(edges)} chunks of {name} begin where none of"
                words += f" {track.representation.name} does"
                yield Breach(seen.where, f"segment {number}: {words}")


def _edges(track: TrackSeen) -> dict[Fraction, tuple[int, list[Fraction]]]:
    """Of each whole segment as long as the target: its number, and where in it chunks begin, in
    seconds. By when it begins."""
    how = track.representation.addressing
    if track.init is None or track.target is None or how is None:
        return {}
    scale = track.init.leading_track.timescale
    found = {}
    for each in track.segments:
        segment = each.segment
        if _counts(each) and segment.ends - segment.starts >= track.target:
            begins = Fraction(segment.time, how.timescale)
            edges = [Fraction(chunk.earliest, scale) - begins for chunk in each.chunks]
            found[segment.starts] = segment.number, edges
    return found


def _counts(each: SegmentSeen) -> bool:
    return each.whole and each.read and not each.broken and bool(each.chunks)
