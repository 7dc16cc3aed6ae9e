"""The segments of a channel, found as a client finds them: by what the MPD says and DASH alone.

What is in them is held against what was announced: when they start, for how long they go on, how
many bits they need, and that all tracks of an adaptation set can be switched at each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from sorgente.isobmff.init_segment import EditList, InitSegment
from tests.dash.reader import AdaptationSet, Mpd, Representation
from tests.support.origin import Site, until
from tests.support.uploads import chunks_of, init_of, units_of

POLL_SECONDS: Final = 0.2
TOLERATED: Final = Fraction(5, 4)


class Segment(NamedTuple):
    """A complete segment. Times in seconds on the timeline of the MPD."""

    number: int
    start: Fraction
    """Earliest presentation time."""
    decode_start: Fraction
    decode_end: Fraction
    nominal: Fraction
    """Where it starts by the MPD."""
    random_access: bool
    chunks: int
    bits: int

    @property
    def duration(self) -> Fraction:
        return self.decode_end - self.decode_start

    @property
    def off(self) -> Fraction:
        """How much later it starts than announced."""
        return self.start - self.nominal


class Recorded(NamedTuple):
    """What there is of a Representation."""

    announced: Representation
    init: InitSegment
    segments: Sequence[Segment]
    data: bytes
    """The init segment and all of the others."""


async def until_recorded(origin: Site, mpd: Mpd, count: int, channel: str = "live") -> None:
    """Wait until every Representation of the newest period has ``count`` complete segments."""

    async def there() -> bool:
        return all(
            [
                await _complete(origin, each, each.start_number + count - 1, channel)
                for each in _newest(mpd)
            ]
        )

    await until(there, every=POLL_SECONDS)


async def recorded(origin: Site, mpd: Mpd, channel: str = "live") -> list[Recorded]:
    """All complete segments of all Representations of the newest period, first to last."""
    return [await _recorded(origin, each, channel) for each in _newest(mpd)]


def _newest(mpd: Mpd) -> list[Representation]:
    newest = mpd.periods[-1]
    return [each for each in mpd.representations if each.owner.period is newest]


async def _complete(origin: Site, each: Representation, number: int, channel: str) -> bool:
    """Whether a segment has a length: one that grows has none."""
    answer = await origin.ask("HEAD", f"/live/{channel}/{each.id}/{number}.m4s")
    return answer.status == 200 and "content-length" in answer.headers


async def _recorded(origin: Site, each: Representation, channel: str) -> Recorded:
    base = f"/live/{channel}/{each.id}"
    name = each.template["initialization"].removeprefix("$RepresentationID$/")
    head = await origin.ask("GET", f"{base}/{name}")
    assert head.status == 200, head
    data = bytearray(head.body)
    found: list[Segment] = []
    number = each.start_number
    while await _complete(origin, each, number, channel):
        body = (await origin.ask("GET", f"{base}/{number}.m4s")).body
        if not chunks_of(units_of(head.body + body)):
            break  # another period has begun; this number was promised, and is kept empty
        found.append(_segment(each, number, head.body, body))
        data += body
        number += 1
    return Recorded(each, init_of(units_of(head.body)), found, bytes(data))


def _segment(each: Representation, number: int, init: bytes, body: bytes) -> Segment:
    chunks = chunks_of(units_of(init + body))
    tracks = [track for chunk in chunks for track in chunk.fragment.tracks]
    offset = int(each.template["presentationTimeOffset"])

    def moment(ticks: int) -> Fraction:
        return each.owner.period_start + Fraction(ticks - offset, each.timescale)

    last = tracks[-1]
    return Segment(
        number=number,
        start=moment(min(track.earliest_time for track in tracks)),
        decode_start=moment(tracks[0].base_decode_time),
        decode_end=moment(last.base_decode_time + last.duration),
        nominal=each.segment(number).start,
        random_access=chunks[0].random_access,
        chunks=len(chunks),
        bits=len(body) * 8,
    )


def broken_promises(found: Sequence[Recorded]) -> list[str]:
    """What is not as the MPD says; one line each."""
    said = [f"{each.announced.id}: {wrong}" for each in found for wrong in _own(each)]
    return said + [wrong for owner in _sets(found) for wrong in _switching(owner)]


def understated(found: Sequence[Recorded]) -> list[str]:
    """Segments that need more than ``@bandwidth``, and a quarter more than that; one line each.

    DASH means what fills a buffer of ``minBufferTime`` in time; to say the last bit would be to
    say something else after every segment.
    """
    return [
        f"{each.announced.id}: segment {segment.number} needs {float(rate):.0f} bit/s of {promised}"
        for each in found
        for promised in [int(each.announced.node.attrib["bandwidth"])]
        for segment in each.segments
        if (rate := segment.bits / segment.duration) > promised * TOLERATED
    ]


def _own(each: Recorded) -> Iterator[str]:
    announced, track = each.announced, each.init.leading_track
    if track.timescale != announced.timescale:
        yield f"timescale {announced.timescale}, mdhd has {track.timescale}"
    if track.codec != announced.node.attrib["codecs"]:
        yield f"codecs {announced.node.attrib['codecs']}, stsd has {track.codec}"
    if track.edit_list != EditList():
        yield "an edit list, which players would have to know of"
    if not each.segments:
        yield "no segment"
    for before, after in pairwise(each.segments):
        if before.decode_end != after.decode_start:
            gap = float(after.decode_start - before.decode_end)
            yield f"{gap:+.6f} s between segments {before.number} and {after.number}"
    for segment in each.segments:
        if not segment.random_access:
            yield f"segment {segment.number} does not start with a random access point"
        if abs(segment.off) > announced.longest / 8:
            yield f"segment {segment.number} is {float(segment.off):+.6f} s off its place"


def _sets(found: Sequence[Recorded]) -> list[list[Recorded]]:
    sets: dict[AdaptationSet, list[Recorded]] = {}
    for each in found:
        sets.setdefault(each.announced.owner, []).append(each)
    return list(sets.values())


def _switching(owner: Sequence[Recorded]) -> Iterator[str]:
    """``segmentAlignment``: the same moments in all Representations of a set, to the tick."""
    first, *others = owner
    starts = {segment.number: segment.start for segment in first.segments}
    for other in others:
        for segment in other.segments:
            start = starts.get(segment.number, segment.start)
            if segment.start != start:
                apart = float(segment.start - start)
                names = f"{first.announced.id} and {other.announced.id}"
                yield f"segment {segment.number} of {names} start {apart:+.6f} s apart"
