"""Rules for segments and tracks: what came, when, and whether it is what the MPD says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.tools.arrivals import ChunkSeen
from sorgente.tools.check.answers import Asked, Role
from sorgente.tools.check.rule import DASH, LL, Breach, Rulebook, Severity
from sorgente.tools.mpd.presentation import Representation
from sorgente.tools.mpd.reference import Reference, reference
from sorgente.tools.mpd.segments import Segment
from sorgente.tools.mpd.values import integer
from sorgente.tools.web import Answer

PROBLEM: Final = Severity.PROBLEM
WARNING: Final = Severity.WARNING

LATE: Final = 0.25
"""Seconds: a player at the edge has no more to spare."""
CLOSE_LATE: Final = 0.5
"""Seconds from a segment's end to the end of its response: some wait for the next key frame."""
GROWTH_SHARE: Final = 0.5
"""Of the time in which a segment grows: over so much of it chunks must come."""
GROWTH_SECONDS: Final = 0.4
"""Segments that grow for less are not looked at: that is noise."""
LISTED_TOLERANCE: Final = Fraction(1, 10)
"""Seconds between a time that is listed and that of the media. §5.3.9.6 says none; players that
look for it stumble from about a frame or two on."""
NUMBERED_TOLERANCE: Final = Fraction(1, 2)
"""Of ``@duration`` (§5.3.9.5.3: ±50 %)."""
GAP_SECONDS: Final = 0.01
"""Between chunks: timescales round; a frame is longer than that."""
PROMISE_SECONDS: Final = 0.5
"""By which the in-band time and the MPD's may differ: players count one, and believe the other."""


@dataclass
class SegmentSeen:
    """One that was asked for at the live edge. Times in UTC by the presentation's own clock."""

    representation: Representation
    segment: Segment
    asked_at: float
    slack: float
    """Seconds by which times here are unsure: trip of the clock reading, lag of our own."""
    answer: Answer
    ended_at: float
    read: bool = False
    """There was an init segment to read its boxes with."""
    broken: str = ""
    """What is wrong with them."""
    chunks: list[ChunkSeen] = field(default_factory=list)
    period_end: Fraction | None = None
    """UTC, as far as it has become known."""

    @property
    def where(self) -> str:
        """For people: the track; the number is in the words."""
        return self.representation.name

    @property
    def asked(self) -> Asked:
        """The request, for the rules about answers."""
        return Asked(Role.SEGMENT, f"{self.where} {self.segment.number}", self.answer)

    @property
    def there(self) -> bool:
        """It was, when it was asked for."""
        return self.answer.status in (200, 206)

    @property
    def whole(self) -> bool:
        """The answer did not break off."""
        return not self.answer.broken

    @property
    def promised_at(self) -> float:
        """From when on its first chunk should come, to one who asked when we did."""
        return max(float(self.segment.available), self.asked_at)

    @property
    def early(self) -> float:
        """Seconds before its end that it is promised."""
        return float(self.segment.ends - self.segment.available)

    @property
    def owed_until(self) -> Fraction:
        """UTC: its end, or that of its period, if it is earlier (§5.3.9.5.3). There may be more."""
        ends = self.segment.ends
        return ends if self.period_end is None else min(ends, self.period_end)


@dataclass
class TrackSeen:
    """One representation, as long as it was watched."""

    representation: Representation
    init: InitSegment | None = None
    init_broken: str = ""
    segments: list[SegmentSeen] = field(default_factory=list)
    target: float | None = None

    @property
    def chunks(self) -> list[ChunkSeen]:
        """All that came of it."""
        return [chunk for seen in self.segments for chunk in seen.chunks]

    def ages(self) -> list[float]:
        """Seconds between a chunk's being made, by ``prft`` or the MPD, and its being here."""
        clock = _clock(self)
        return [
            chunk.at - made
            for chunk in self.chunks
            if (made := chunk.produced if chunk.produced is not None else
                clock(chunk.earliest) if clock else None) is not None
        ]  # fmt: skip


SEGMENTS: Final = Rulebook[SegmentSeen]()
TRACKS: Final = Rulebook[TrackSeen]()


# --- at the live edge -------------------------------------------------------------------------


@SEGMENTS.rule("edge-available", PROBLEM, f"{DASH} §5.3.9.5.3", "there when the MPD says so")
def _(seen: SegmentSeen) -> Iterator[Breach]:
    if not seen.there:
        late = seen.asked_at - float(seen.segment.available)
        yield Breach(seen.where, f"segment {seen.segment.number}: status {seen.answer.status},"
                     f" {max(0.0, late):.3f} s after the MPD says it is available")  # fmt: skip


@SEGMENTS.rule("edge-first-chunk", PROBLEM, f"{LL} 9.X.4.5; {DASH} §5.3.9.2.2",
               "the first chunk comes when the offset says so")  # fmt: skip
def _(seen: SegmentSeen) -> Iterator[Breach]:
    if seen.chunks and seen.early:
        late = seen.chunks[0].at - seen.promised_at
        if late > LATE + seen.slack:
            yield Breach(seen.where, f"segment {seen.segment.number}: its first chunk came"
                         f" {late:.2f} s after it was promised; @availabilityTimeOffset is too"
                         f" large by that, or chunks are held back")  # fmt: skip


@SEGMENTS.rule("edge-grows", PROBLEM, f"{LL} 9.X.4.5; RFC 9112 §7.1",
               "chunks are sent as they are made")  # fmt: skip
def _(seen: SegmentSeen) -> Iterator[Breach]:
    growing = float(seen.owed_until) - seen.promised_at
    if not seen.chunks or seen.early < GROWTH_SECONDS or growing < GROWTH_SECONDS:
        return
    span = seen.chunks[-1].at - seen.chunks[0].at
    if span < growing * GROWTH_SHARE - seen.slack:
        yield Breach(seen.where, f"segment {seen.segment.number}: {len(seen.chunks)} chunks came"
                     f" within {span:.2f} s; it was to grow for {growing:.2f} s")  # fmt: skip


@SEGMENTS.rule("edge-pace", WARNING, f"{LL} 9.X.4.5", "chunks come as often as promised")
def _(seen: SegmentSeen) -> Iterator[Breach]:
    promised = float(seen.segment.available - seen.segment.starts)
    waits = [after.at - before.at for before, after in pairwise(seen.chunks)]
    if seen.early and waits and max(waits) > 2 * promised + LATE + seen.slack:
        yield Breach(seen.where, f"segment {seen.segment.number}: {max(waits):.2f} s between two"
                     f" chunks; the offset promises one every {promised:.2f} s")  # fmt: skip


@SEGMENTS.rule("edge-end", WARNING, f"{DASH} §5.3.9.5.3", "segments end in time")
def _(seen: SegmentSeen) -> Iterator[Breach]:
    late = seen.ended_at - max(float(seen.segment.ends), seen.asked_at)
    if seen.answer.status == 200 and seen.whole and late > CLOSE_LATE + seen.slack:
        yield Breach(seen.where, f"segment {seen.segment.number}: ended {late:.2f} s after its"
                     " time")  # fmt: skip


@SEGMENTS.rule("chunked", WARNING, f"{LL} 9.X.4.5", "a segment has several chunks")
def _(seen: SegmentSeen) -> Iterator[Breach]:
    sparse = seen.representation.kind not in ("video", "audio")
    if seen.whole and len(seen.chunks) == 1 and seen.early and not sparse:
        yield Breach(seen.where, f"segment {seen.segment.number} is one chunk: it cannot be sent"
                     " before it is whole")  # fmt: skip


# --- what is in a segment ---------------------------------------------------------------------


@SEGMENTS.rule("segment-media", PROBLEM, "ISO/IEC 23000-19 §7.3.2; ISO/IEC 14496-12",
               "whole boxes of fragmented MP4")  # fmt: skip
def _(seen: SegmentSeen) -> Iterator[Breach]:
    if seen.broken:
        yield Breach(seen.where, f"segment {seen.segment.number}: {seen.broken}")
    elif seen.read and seen.whole and not seen.chunks:
        yield Breach(seen.where, f"segment {seen.segment.number}: nothing in it")


@SEGMENTS.rule("segment-start", PROBLEM, f"{DASH} §5.3.7.2; {LL}",
               "a segment starts at a random access point")  # fmt: skip
def _(seen: SegmentSeen) -> Iterator[Breach]:
    if seen.chunks and not seen.chunks[0].sync:
        yield Breach(seen.where, f"segment {seen.segment.number}: its first sample is no key"
                     " frame; who joins or switches there sees nothing")  # fmt: skip


@SEGMENTS.rule("segment-duration", WARNING, f"{DASH} §5.3.9.5.3, §5.3.9.6", "as long as it says")
def _(seen: SegmentSeen) -> Iterator[Breach]:
    how = seen.representation.addressing
    if how is None or not seen.chunks or not seen.whole or seen.broken:
        return
    last = seen.chunks[-1]
    length = Fraction(last.decode_time + last.duration - seen.chunks[0].decode_time, how.timescale)
    told = Fraction(seen.segment.duration, how.timescale)
    least = seen.owed_until - seen.segment.starts
    allowed = told * NUMBERED_TOLERANCE if how.duration else LISTED_TOLERANCE
    if not least - allowed <= length <= told + allowed:
        yield Breach(seen.where, f"segment {seen.segment.number} lasts {float(length):.3f} s, the"
                     f" MPD says {float(told):.3f} s")  # fmt: skip


# --- a track ----------------------------------------------------------------------------------


@TRACKS.rule("init-media", PROBLEM, "ISO/IEC 23000-19 §7.3.2.1", "an init segment")
def _(track: TrackSeen) -> Iterator[Breach]:
    if track.init_broken:
        yield Breach(track.representation.name, f"init segment: {track.init_broken}")


@TRACKS.rule("init-codecs", PROBLEM, f"{DASH} §5.3.7.2; RFC 6381", "the codecs that are told")
def _(track: TrackSeen) -> Iterator[Breach]:
    told = track.representation.get("codecs")
    if track.init is None or not told:
        return
    found = [each.codec for each in track.init.tracks]
    wanted = [each.strip() for each in told.split(",")]
    if sorted(map(_comparable, wanted)) != sorted(map(_comparable, found)):
        yield Breach(track.representation.name, f"@codecs is {told}, the init segment says"
                     f" {','.join(found)}")  # fmt: skip


@TRACKS.rule("init-kind", PROBLEM, LL, "the kind of media that is told")
def _(track: TrackSeen) -> Iterator[Breach]:
    told = track.representation.kind
    if track.init and told in ("video", "audio") and track.init.leading_track.kind != told:
        yield Breach(track.representation.name, f"{told} in the MPD,"
                     f" {track.init.leading_track.kind} in the init segment")  # fmt: skip


@TRACKS.rule("init-timescale", PROBLEM, f"{LL} 8.X.4", "one timescale, in MPD and media")
def _(track: TrackSeen) -> Iterator[Breach]:
    how = track.representation.addressing
    if track.init and how and track.init.leading_track.timescale != how.timescale:
        yield Breach(track.representation.name, f"@timescale {how.timescale}, in the media"
                     f" {track.init.leading_track.timescale}")  # fmt: skip


@TRACKS.rule("init-size", WARNING, f"{DASH} §5.3.7.2", "the size of the picture that is told")
def _(track: TrackSeen) -> Iterator[Breach]:
    told = [track.representation.get(name) for name in ("width", "height")]
    if track.init is None or None in told or track.init.leading_track.kind != "video":
        return
    lead = track.init.leading_track
    if [integer(each or "0") for each in told] != [lead.width, lead.height]:
        yield Breach(track.representation.name, f"{'×'.join(map(str, told))} in the MPD,"
                     f" {lead.width}×{lead.height} in the init segment")  # fmt: skip


@TRACKS.rule("media-time", PROBLEM, f"{DASH} §5.3.9.6; {LL} 9.X.4.5",
             "media times are those of the MPD")  # fmt: skip
def _(track: TrackSeen) -> Iterator[Breach]:
    how, scale = track.representation.addressing, _scale(track)
    if how is None or scale is None:
        return
    for seen in track.segments:
        if not seen.chunks:
            continue
        found = Fraction(seen.chunks[0].earliest, scale)
        told = Fraction(seen.segment.time, how.timescale)
        length = Fraction(seen.segment.duration, how.timescale)
        allowed = length * NUMBERED_TOLERANCE if how.duration else LISTED_TOLERANCE
        if abs(found - told) > allowed:
            words = f"starts at media time {float(found):.3f} s, the MPD says {float(told):.3f} s"
            yield Breach(track.representation.name, f"segment {seen.segment.number} {words}")


@TRACKS.rule("continuous", PROBLEM, f"{DASH} §5.3.9.5.3; ISO/IEC 23000-19 §7.3.2.3",
             "each chunk goes on where the one before ended")  # fmt: skip
def _(track: TrackSeen) -> Iterator[Breach]:
    scale = _scale(track)
    if scale is None or track.representation.kind not in ("video", "audio"):
        return
    for before, after, number in _neighbours(track):
        gap = (after.decode_time - before.decode_time - before.duration) / scale
        if before.duration and abs(gap) > GAP_SECONDS:
            what = f"{gap:.3f} s are missing" if gap > 0 else f"{-gap:.3f} s are there twice"
            yield Breach(track.representation.name, f"in or ahead of segment {number} {what}")


@TRACKS.rule("reference-agrees", WARNING, f"{LL} 9.X.4.5; dash.js",
             "prft and ProducerReferenceTime tell one time")  # fmt: skip
def _(track: TrackSeen) -> Iterator[Breach]:
    clock = _clock(track)
    if clock is None:
        return
    gaps = [
        chunk.produced - clock(chunk.earliest)
        for chunk in track.chunks
        if chunk.produced is not None
    ]
    if gaps and abs(median(gaps)) > PROMISE_SECONDS:
        yield Breach(track.representation.name, f"by prft media are made {median(gaps):+.2f} s from"
                     " where ProducerReferenceTime puts them: players are off by that")  # fmt: skip


@TRACKS.rule("target-reachable", PROBLEM, f"{LL}; {DASH} Annex K",
             "media come before the target latency is over")  # fmt: skip
def _(track: TrackSeen) -> Iterator[Breach]:
    ages = track.ages()
    if ages and track.target is not None and median(ages) > track.target:
        yield Breach(track.representation.name, f"media are {median(ages):.2f} s old when they"
                     f" come; the target latency is {track.target:g} s")  # fmt: skip


def _clock(track: TrackSeen) -> Reference | None:
    """That of the MPD."""
    scale = _scale(track)
    return reference(track.representation, scale) if scale else None


def _scale(track: TrackSeen) -> int | None:
    return track.init.leading_track.timescale if track.init else None


def _neighbours(track: TrackSeen) -> Iterator[tuple[ChunkSeen, ChunkSeen, int]]:
    """Chunks that follow each other, and the number of the segment of the second."""
    segments = sorted(track.segments, key=lambda seen: seen.segment.number)
    for seen in segments:
        for before, after in pairwise(seen.chunks):
            yield before, after, seen.segment.number
    for old, new in pairwise(segments):
        follows = new.segment.number == old.segment.number + 1
        if follows and old.whole and old.chunks and new.chunks:
            yield old.chunks[-1], new.chunks[0], new.segment.number


def _comparable(codec: str) -> str:
    """Upper and lower case are one, and so are the two ways to carry parameter sets."""
    name = codec.lower()
    for one, other in (("avc3", "avc1"), ("hev1", "hvc1")):
        name = name.replace(one, other)
    return name
