"""What an MPD says, with inheritance and base URLs worked out: periods, sets, representations.

What is missing is None or empty here, and a matter for ``check``; what is there and means nothing
is :class:`UnreadableManifest`. Times are UTC seconds since 1970, or seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Final
from xml.etree.ElementTree import Element

from sorgente.tools.mpd.segments import Addressing, addressing
from sorgente.tools.mpd.tree import UnreadableManifest, read_tree
from sorgente.tools.mpd.values import address, date_time, duration, number

MAX_REPRESENTATIONS: Final = 1024


@dataclass(frozen=True)
class Representation:
    """One, with what it inherits."""

    node: Element = field(repr=False)
    set_node: Element = field(repr=False)
    period_id: str
    set_name: str
    """``@id`` of its adaptation set, or its place in the period, counted from 1."""
    addressing: Addressing | None
    """None: neither template nor list of a kind that live streams use."""

    @property
    def id(self) -> str:
        """Of the representation; empty when not said."""
        return self.node.get("id", "")

    def get(self, name: str) -> str | None:
        """An attribute that both levels may have."""
        return self.node.get(name, self.set_node.get(name))

    @property
    def kind(self) -> str:
        """video, audio, text, …: as said, or by the media type; empty when neither says it."""
        said = self.get("contentType") or (self.get("mimeType") or "").partition("/")[0]
        return "text" if said == "application" else said

    def inherited(self, name: str) -> list[Element]:
        """Elements of that name on both levels."""
        return [*self.set_node.findall(name), *self.node.findall(name)]

    @property
    def name(self) -> str:
        """For people."""
        return self.id or f"a representation of set {self.set_name}"


@dataclass(frozen=True)
class Period:
    """One, with its place on the wall clock."""

    node: Element = field(repr=False)
    id: str
    start: Fraction
    """UTC."""
    end: Fraction | None
    """UTC; None: it goes on."""
    representations: tuple[Representation, ...]

    @property
    def sets(self) -> list[Sequence[Representation]]:
        """Its representations by adaptation set."""
        grouped: dict[int, list[Representation]] = {}
        for each in self.representations:
            grouped.setdefault(id(each.set_node), []).append(each)
        return list(grouped.values())


@dataclass(frozen=True)
class Mpd:
    """A whole one."""

    root: Element = field(repr=False)
    url: str
    """Where it came from, after redirects."""
    periods: tuple[Period, ...]

    @property
    def attributes(self) -> Mapping[str, str]:
        """Of the element ``MPD``."""
        return self.root.attrib

    @property
    def live(self) -> bool:
        """It is dynamic: there is more to come."""
        return self.root.get("type") == "dynamic"

    @property
    def on_wall_clock(self) -> bool:
        """Its moments are UTC; those of an event that has become a recording may be from 0 on."""
        return "availabilityStartTime" in self.attributes

    def seconds(self, attribute: str) -> Fraction | None:
        """An attribute that is a duration."""
        text = self.root.get(attribute)
        return None if text is None else duration(text)

    def moment(self, attribute: str) -> Fraction | None:
        """An attribute that is a moment."""
        text = self.root.get(attribute)
        return None if text is None else date_time(text)

    @cached_property
    def representations(self) -> tuple[Representation, ...]:
        """Of all periods."""
        return tuple(each for period in self.periods for each in period.representations)

    @cached_property
    def target(self) -> Fraction | None:
        """Seconds: the latency that is aimed at, the smallest if there are several."""
        targets = [
            number(node.attrib["target"]) / 1000
            for node in self.root.iter("Latency")
            if "target" in node.attrib
        ]
        return min(targets, default=None)

    @cached_property
    def timings(self) -> tuple[tuple[str, str], ...]:
        """Scheme and value of each ``UTCTiming`` of the MPD, in order of preference."""
        nodes = self.root.findall("UTCTiming")
        return tuple((node.get("schemeIdUri", ""), node.get("value", "")) for node in nodes)

    @property
    def longest_segment(self) -> Fraction:
        """Seconds, of those that are described; 0 when none is."""
        return max(
            (each.addressing.longest for each in self.representations if each.addressing),
            default=Fraction(0),
        )


def read_mpd(data: bytes, url: str) -> Mpd:
    """The MPD that came from ``url``.

    Raises:
        UnreadableManifest
    """
    root = read_tree(data)
    text = root.get("availabilityStartTime")
    origin = Fraction(0) if text is None else date_time(text)
    base = _base(url, root)
    mpd = Mpd(root, url, tuple(_periods(root, origin, base)))
    if not mpd.periods:
        raise UnreadableManifest("it has no Period")
    # What is read later cannot fail then.
    for name in ("minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay",
                 "maxSegmentDuration", "minBufferTime", "mediaPresentationDuration"):  # fmt: skip
        mpd.seconds(name)
    mpd.moment("publishTime")
    _ = mpd.target
    for _, value in mpd.timings:
        address(url, value)
    return mpd


def _periods(root: Element, origin: Fraction, base: str) -> Iterator[Period]:
    nodes = root.findall("Period")
    starts = list(_starts(nodes, origin))
    total = root.get("mediaPresentationDuration")
    last_end = None if total is None else origin + duration(total)
    budget = MAX_REPRESENTATIONS
    for index, (node, start) in enumerate(zip(nodes, starts, strict=True)):
        end = starts[index + 1] if index + 1 < len(nodes) else last_end
        if (length := node.get("duration")) is not None:
            end = start + duration(length)
        name = node.get("id", f"#{index + 1}")
        representations = tuple(_representations(node, name, start, end, _base(base, node)))
        budget -= len(representations)
        if budget < 0:
            raise UnreadableManifest(f"it has over {MAX_REPRESENTATIONS} representations")
        yield Period(node, name, start, end, representations)


def _starts(nodes: Sequence[Element], origin: Fraction) -> Iterator[Fraction]:
    """§5.3.2.1: ``@start``, or the end of the one before, or the beginning."""
    at = origin
    for node in nodes:
        if (start := node.get("start")) is not None:
            at = origin + duration(start)
        yield at
        at += duration(node.get("duration", "PT0S"))


def _representations(
    period: Element, name: str, start: Fraction, end: Fraction | None, base: str
) -> Iterator[Representation]:
    for place, owner in enumerate(period.findall("AdaptationSet"), 1):
        set_base = _base(base, owner)
        for node in owner.findall("Representation"):
            # §5.3.9.1: of template, timeline and list the innermost counts, attributes add up.
            levels = [
                each for level in (period, owner, node) for each in level.findall("SegmentTemplate")
            ]
            how = addressing(
                levels,
                node,
                _base(set_base, node),
                start,
                end,
            )
            yield Representation(node, owner, name, owner.get("id", f"#{place}"), how)


def _base(url: str, node: Element) -> str:
    """With the first ``BaseURL`` of this level (§5.6)."""
    first = node.find("BaseURL")
    return address(url, first.text or "") if first is not None else url
