"""A live MPD, read as a player reads it: which segments there are, where, and when to ask for them.

What low-latency channels use is understood: dynamic, ``SegmentTemplate`` with ``$Number$`` and
``@duration`` or a ``SegmentTimeline``, several periods. Times are UTC in whole nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree

_NS: Final = 1_000_000_000
_DASH: Final = "{urn:mpeg:dash:schema:mpd:2011}"
_DURATION: Final = re.compile(
    r"P(?:(?P<D>\d+)D)?(?:T(?:(?P<H>\d+)H)?(?:(?P<M>\d+)M)?(?:(?P<S>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS: Final = {"D": 86400, "H": 3600, "M": 60, "S": 1}


class UnreadableManifest(ValueError):
    """Not a live MPD that an audience can follow; the text says why."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A segment of a track, and when it may be asked for first."""

    track: int
    """Index among the adaptation sets."""
    number: int
    due_ns: int
    timescale: int
    zero_ns: int
    """When media time 0 would be."""
    target: str
    """URL relative to the manifest's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One track in one period."""

    track: int
    init: str
    timescale: int
    offset: int
    """Ticks: media time at the start of the period."""
    start_ns: int
    """Of the period."""
    end_ns: int | None
    early_ns: int
    """availabilityTimeOffset."""
    start_number: int
    duration: int
    """Ticks, of every segment; 0: they are listed."""
    listed: tuple[tuple[int, int], ...]
    """(time, duration) of each, in ticks."""
    media: str

    def appointments(self, since_ns: int, until_ns: int) -> Iterator[Appointment]:
        """Segments that are due from ``since_ns`` to ``until_ns``, oldest first."""
        if self.duration:
            first = (since_ns + self.early_ns - self.start_ns) * self.timescale
            index = max(0, first // (self.duration * _NS) - 1)
            while (made := self._at(index, (index + 1) * self.duration)).due_ns <= until_ns:
                begins = self._ns(index * self.duration)
                if self.end_ns is not None and begins >= self.end_ns:
                    return
                if made.due_ns >= since_ns:
                    yield made
                index += 1
            return
        for index, (time, duration) in enumerate(self.listed):
            made = self._at(index, time + duration - self.offset)
            if since_ns <= made.due_ns <= until_ns:
                yield made

    def _ns(self, ticks: int) -> int:
        return self.start_ns + ticks * _NS // self.timescale

    def _at(self, index: int, end: int) -> Appointment:
        number = self.start_number + index
        return Appointment(
            track=self.track,
            number=number,
            due_ns=self._ns(end) - self.early_ns,
            timescale=self.timescale,
            zero_ns=self._ns(-self.offset),
            target=self.media.replace("$Number$", str(number)),
        )


def read_manifest(data: bytes) -> list[Line]:
    """Every track of every period, in order.

    Of an adaptation set the first representation is taken: the audience does not adapt.

    Raises:
        UnreadableManifest
    """
    try:
        mpd = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise UnreadableManifest(f"not XML: {error}") from error
    if mpd.get("type") != "dynamic":
        raise UnreadableManifest("the event is over, or was never live")
    begin = _utc_ns(mpd.get("availabilityStartTime", "1970-01-01T00:00:00Z"))
    periods = mpd.findall(f"{_DASH}Period")
    starts = [begin + _duration_ns(period.get("start", "PT0S")) for period in periods]
    lines = []
    for index, (period, start) in enumerate(zip(periods, starts, strict=True)):
        end = starts[index + 1] if index + 1 < len(starts) else None
        if (told := period.get("duration")) is not None:
            end = start + _duration_ns(told)
        for track, adaptation in enumerate(period.findall(f"{_DASH}AdaptationSet")):
            lines.append(_line(track, adaptation, start, end))
    if not lines:
        raise UnreadableManifest("no period with a track in it")
    return lines


def _line(track: int, adaptation: ElementTree.Element, start: int, end: int | None) -> Line:
    representation = adaptation.find(f"{_DASH}Representation")
    if representation is None:
        raise UnreadableManifest("an adaptation set without a representation")
    template = representation.find(f"{_DASH}SegmentTemplate")
    if template is None:
        template = adaptation.find(f"{_DASH}SegmentTemplate")
    if template is None or "$Number$" not in template.get("media", ""):
        raise UnreadableManifest("only SegmentTemplate with $Number$ is understood")
    name = representation.get("id", "")
    return Line(
        track=track,
        init=template.get("initialization", "").replace("$RepresentationID$", name),
        timescale=int(template.get("timescale", "1")),
        offset=int(template.get("presentationTimeOffset", "0")),
        start_ns=start,
        end_ns=end,
        early_ns=int(Decimal(template.get("availabilityTimeOffset", "0")) * _NS),
        start_number=int(template.get("startNumber", "1")),
        duration=int(template.get("duration", "0")),
        listed=tuple(_listed(template)),
        media=template.get("media", "").replace("$RepresentationID$", name),
    )


def _listed(template: ElementTree.Element) -> Iterator[tuple[int, int]]:
    time = 0
    for entry in template.findall(f"{_DASH}SegmentTimeline/{_DASH}S"):
        time = int(entry.get("t", time))
        duration = int(entry.get("d", "0"))
        for _ in range(1 + int(entry.get("r", "0"))):
            yield time, duration
            time += duration


def _duration_ns(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UnreadableManifest(f"not a duration: {text}")
    seconds = sum(Decimal(match[unit] or 0) * worth for unit, worth in _SECONDS.items())
    return int(seconds * _NS)


def _utc_ns(text: str) -> int:
    return int(Decimal(str(datetime.fromisoformat(text).timestamp())) * _NS)
