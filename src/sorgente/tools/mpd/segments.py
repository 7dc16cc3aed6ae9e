"""Which segments a representation has, where each one is, and from when on it may be asked for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from xml.etree.ElementTree import Element

from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.mpd.values import address, integer, number

MAX_LISTED: Final = 100_000
"""Two days of two-second segments."""
MAX_WIDTH: Final = 20
"""Digits in a format tag."""

_IDENTIFIER: Final = re.compile(r"\$([A-Za-z]*)(?:%0([0-9]{1,3})d)?\$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Segment:
    """One. Moments in UTC, seconds since 1970."""

    number: int
    time: int
    """Ticks on the media timeline at which the MPD says it starts."""
    duration: int
    """Ticks, as the MPD says."""
    starts: Fraction
    ends: Fraction
    available: Fraction
    """From when on it may be asked for: its end − ``availabilityTimeOffset`` (§5.3.9.5.3)."""
    url: str


@dataclass(frozen=True, slots=True)
class Addressing:
    """``SegmentTemplate`` with ``@duration`` or a ``SegmentTimeline`` (§5.3.9.4, §5.3.9.6)."""

    base: str
    media: str
    """Filled in but for number and time."""
    init: str
    """URL; empty when there is none."""
    timescale: int
    offset: int
    """Ticks: ``presentationTimeOffset``."""
    start_number: int
    duration: int
    """Ticks; 0: segments are listed."""
    listed: tuple[tuple[int, int], ...]
    """(time, duration) of each, in ticks."""
    start: Fraction
    """Of the period, UTC."""
    end: Fraction | None
    early: Fraction | None
    """``availabilityTimeOffset`` in seconds, all levels added up; None when not said."""
    early_levels: int
    """How many levels say it."""
    complete: str | None
    """``availabilityTimeComplete`` as written."""

    @property
    def longest(self) -> Fraction:
        """Seconds."""
        ticks = self.duration or max((length for _, length in self.listed), default=0)
        return Fraction(ticks, self.timescale)

    @property
    def by_name(self) -> bool:
        """Each segment has a URL of its own."""
        return "$Number" in self.media or "$Time" in self.media

    def available_from(self, since: Fraction) -> Iterator[Segment]:
        """Those that become available at ``since`` or later, oldest first. Without an end where the
        period has none and segments are not listed."""
        if self.duration:
            early = self._early(self.duration)
            index = int((since + early - self.start) * self.timescale / self.duration)
            index = max(0, index - 1)
            while self.end is None or self.start + self._seconds(index * self.duration) < self.end:
                made = self._made(index, self.offset + index * self.duration, self.duration)
                if made.available >= since:
                    yield made
                index += 1
            return
        # None is available at ``since`` or later that has ended before; lists may be long.
        ticks = int((since - self.start) * self.timescale) + self.offset
        first = bisect_left(self.listed, ticks, key=sum)
        for index, (time, length) in enumerate(self.listed[first:], first):
            made = self._made(index, time, length)
            if made.available >= since:
                yield made

    def numbered(self, wanted: int) -> Segment | None:
        """By number; None when it is not listed."""
        index = wanted - self.start_number
        if self.duration:
            return self._made(index, self.offset + index * self.duration, self.duration)
        return self._made(index, *self.listed[index]) if 0 <= index < len(self.listed) else None

    def zero(self) -> Fraction:
        """UTC of media time 0."""
        return self.start - self._seconds(self.offset)

    def _early(self, ticks: int) -> Fraction:
        """A segment is there to be asked for when it begins, whatever is promised."""
        return min(self.early or Fraction(0), self._seconds(ticks))

    def _seconds(self, ticks: int) -> Fraction:
        return Fraction(ticks, self.timescale)

    def _made(self, index: int, time: int, length: int) -> Segment:
        starts = self.start + self._seconds(time - self.offset)
        ends = starts + self._seconds(length)
        told = self.start_number + index
        url = address(self.base, _filled(self.media, {"Number": told, "Time": time}))
        return Segment(told, time, length, starts, ends, ends - self._early(length), url)


def addressing(
    levels: Sequence[Element], node: Element, base: str, start: Fraction, end: Fraction | None
) -> Addressing | None:
    """Of the representation ``node``, whose templates are ``levels``, from the outside in.

    Raises:
        UnreadableManifest
    """
    told: dict[str, str] = {}
    for level in levels:
        told |= level.attrib
    timelines = [each for level in levels for each in level.findall("SegmentTimeline")]
    media = told.get("media", "")
    if not media or not ("duration" in told or timelines):
        return None
    timescale = integer(told.get("timescale", "1"))
    length = 0 if timelines else integer(told["duration"])
    if timescale < 1 or (length < 1 and not timelines):
        raise UnreadableManifest(f"timescale {timescale}, segment duration {length}")
    names = {"RepresentationID": node.get("id", ""), "Bandwidth": node.get("bandwidth", "0")}
    init = _filled(told.get("initialization", ""), names)
    media = _filled(media, names)
    address(base, _filled(media, {"Number": 0, "Time": 0}))  # so that no segment's fails later
    offset = integer(told.get("presentationTimeOffset", "0"))
    earlies = [level.attrib["availabilityTimeOffset"] for level in levels
               if "availabilityTimeOffset" in level.attrib]  # fmt: skip
    return Addressing(
        base=base,
        media=media,
        init=address(base, init) if init else "",
        timescale=timescale,
        offset=offset,
        start_number=integer(told.get("startNumber", "1")),
        duration=length,
        listed=tuple(_listed(timelines[-1], timescale, offset, start, end)) if timelines else (),
        start=start,
        end=end,
        early=sum(map(number, earlies), Fraction(0)) if earlies else None,
        early_levels=len(earlies),
        complete=told.get("availabilityTimeComplete"),
    )


def _listed(
    timeline: Element, timescale: int, offset: int, start: Fraction, end: Fraction | None
) -> Iterator[tuple[int, int]]:
    time, count = 0, 0
    runs = timeline.findall("S")
    for index, entry in enumerate(runs):
        time = integer(entry.get("t", str(time)))
        length, more = integer(entry.get("d", "0")), integer(entry.get("r", "0"))
        if length < 1:
            raise UnreadableManifest("a segment in the SegmentTimeline has no duration")
        if more < 0:  # §5.3.9.6.2: until the next S, or the end of the period
            until = None if end is None else offset + int((end - start) * timescale)
            if index + 1 < len(runs):
                until = integer(runs[index + 1].get("t", "0"))
            if until is None:
                raise UnreadableManifest("S@r is negative, and nothing says until when")
            more = -((time - until) // length) - 1
        count += 1 + max(0, more)
        if count > MAX_LISTED:
            raise UnreadableManifest(f"more than {MAX_LISTED} segments are listed")
        for _ in range(1 + more):
            yield time, length
            time += length


def _filled(template: str, values: dict[str, int] | dict[str, str]) -> str:
    """With what is known filled in; the rest stays for later (§5.3.9.4.4)."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        width = int(match[2] or 0)
        if width > MAX_WIDTH:
            raise UnreadableManifest(f"{match[0]} is wider than {MAX_WIDTH} digits")
        return str(values[match[1]]).zfill(width)

    filled = _IDENTIFIER.sub(value, template)
    return filled.replace("$$", "$") if "Number" in values else filled
