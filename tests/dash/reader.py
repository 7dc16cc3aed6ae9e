"""An MPD as a client reads it, by DASH alone: shares nothing with the code that wrote it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_DURATION = re.compile(r"P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


def seconds(duration: str) -> Fraction:
    match = _DURATION.fullmatch(duration)
    assert match, duration
    units = zip(match.groups(), (86400, 3600, 60, 1), strict=True)
    return sum((Fraction(text) * unit for text, unit in units if text), Fraction(0))


def utc(date_time: str) -> Fraction:
    return Fraction(round(datetime.fromisoformat(date_time).timestamp() * 1000), 1000)


def children(node: ET.Element, name: str) -> list[ET.Element]:
    return list(node.findall(f"{{{NAMESPACE}}}{name}"))


def descendants(node: ET.Element, name: str) -> list[ET.Element]:
    return list(node.iter(f"{{{NAMESPACE}}}{name}"))


@dataclass(frozen=True)
class Segment:
    number: int
    start: Fraction
    """On the timeline of the MPD."""
    duration: Fraction


class Representation:
    """A Representation with what it inherits."""

    def __init__(self, node: ET.Element, owner: AdaptationSet) -> None:
        self.node = node
        self.owner = owner
        self.id = node.attrib["id"]
        templates = [*children(owner.node, "SegmentTemplate"), *children(node, "SegmentTemplate")]
        self.template = {key: value for level in templates for key, value in level.attrib.items()}
        self.levels_with_offset = sum(
            "availabilityTimeOffset" in level.attrib for level in templates
        )
        self.timeline = [s for level in templates for s in descendants(level, "S")]
        self.timescale = int(self.template["timescale"])
        self.start_number = int(self.template["startNumber"])

    def inherited(self, name: str) -> list[ET.Element]:
        return [*children(self.owner.node, name), *children(self.node, name)]

    @property
    def offset(self) -> Fraction:
        return Fraction(self.template.get("availabilityTimeOffset", "0"))

    @property
    def longest(self) -> Fraction:
        if self.timeline:
            return max(segment.duration for segment in self.listed())
        return Fraction(int(self.template["duration"]), self.timescale)

    def segment(self, number: int) -> Segment:
        """By number; where ``@duration`` is given, any."""
        if self.timeline:
            return next(segment for segment in self.listed() if segment.number == number)
        return Segment(
            number,
            self.owner.period_start + (number - self.start_number) * self.longest,
            self.longest,
        )

    def listed(self) -> Iterator[Segment]:
        offset = int(self.template["presentationTimeOffset"])
        time, number = offset, self.start_number
        for node in self.timeline:
            time = int(node.attrib.get("t", time))
            length = int(node.attrib["d"])
            for _ in range(int(node.attrib.get("r", 0)) + 1):
                start = self.owner.period_start + Fraction(time - offset, self.timescale)
                yield Segment(number, start, Fraction(length, self.timescale))
                time, number = time + length, number + 1

    def requestable(self, number: int) -> Fraction:
        """UTC: DASH's adjusted segment availability start time."""
        segment = self.segment(number)
        return segment.start + segment.duration - self.offset  # AST is 1970


class AdaptationSet:
    def __init__(self, node: ET.Element, period: ET.Element) -> None:
        self.node = node
        self.period = period
        self.period_start = seconds(period.attrib["start"])
        self.id = node.attrib["id"]
        self.representations = [
            Representation(child, self) for child in children(node, "Representation")
        ]


class Mpd:
    def __init__(self, text: bytes) -> None:
        self.root = ET.fromstring(text)
        self.periods = children(self.root, "Period")
        self.sets = [
            AdaptationSet(node, period)
            for period in self.periods
            for node in children(period, "AdaptationSet")
        ]
        self.representations = [each for owner in self.sets for each in owner.representations]

    @property
    def live(self) -> bool:
        return self.root.attrib.get("type") == "dynamic"

    @property
    def low_latency(self) -> bool:
        return "low-latency-live" in self.root.attrib["profiles"]

    def time(self, attribute: str) -> Fraction:
        return seconds(self.root.attrib[attribute])

    @property
    def target(self) -> Fraction:
        return Fraction(int(descendants(self.root, "Latency")[0].attrib["target"]), 1000)
