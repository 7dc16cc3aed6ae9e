"""What an encoder's SegmentTemplate says of its segments: how far they go, what is left of them.

Segments are told by the names of objects (ISO/IEC 23009-1 §5.3.9.4): of all that a template
describes, those are there whose names are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from sorgente.dash.posted import filled, moment
from sorgente.dash.xml import Element
from sorgente.media.addresses import between

MAX_LISTED: Final = 20_000
"""Entries of lists, over all Representations of a period: some 50 ms."""

_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_EARLY: Final = frozenset(("availabilityTimeOffset", "availabilityTimeComplete"))


@dataclass(frozen=True, slots=True)
class Run:
    """``S`` of a SegmentTimeline: so many segments of one length. Ticks."""

    time: int
    each: int
    count: int

    @property
    def end(self) -> int:
        """Ticks."""
        return self.time + self.each * self.count


@dataclass(frozen=True, slots=True)
class Template:
    """A SegmentTemplate that says which segments there are: by a duration, or by a list."""

    attributes: Mapping[str, str]
    before: str
    """Of a name: what stands before what counts."""
    behind: str
    timescale: int
    first: int
    """``@startNumber``."""
    offset: int
    """``@presentationTimeOffset``, ticks."""
    each: int
    """``@duration``, ticks; 0 with a list."""
    runs: tuple[Run, ...]

    def length(self, files: Collection[str]) -> Fraction | None:
        """Seconds from the start of the period to the end of the last segment that came."""
        if self.runs:
            return Fraction(self.runs[-1].end - self.offset, self.timescale)
        last = max(self._counted(files), default=None)
        return None if last is None else self._seconds(last + 1)

    def gone(self, files: Collection[str]) -> Fraction | None:
        """Seconds from the start of the period to the first segment that is left; None: none is."""
        oldest = min(self._counted(files), default=None)
        if oldest is None:
            return None
        if not self.runs:
            return max(Fraction(0), self._seconds(oldest))
        left = self._from(oldest if self._by_time else self._time_of(oldest))
        if not left:
            return None
        return max(Fraction(0), Fraction(left[0].time - self.offset, self.timescale))

    def later(self, by: Fraction) -> Element:
        """The same for a period that starts ``by`` seconds later, and is a recording: there is
        nothing to be early for."""
        said = {key: text for key, text in self.attributes.items() if key not in _EARLY}
        offset = self.offset + round(by * self.timescale)
        said["presentationTimeOffset"] = str(offset)
        if not self.runs:
            skipped = round(by * self.timescale / self.each)
            return Element("SegmentTemplate", {**said, "startNumber": str(self.first + skipped)})
        left = self._from(offset, whole=False)
        skipped = sum(run.count for run in self.runs) - sum(run.count for run in left)
        said["startNumber"] = str(self.first + skipped)
        timeline = Element("SegmentTimeline", children=tuple(map(_element, left)))
        return Element("SegmentTemplate", said, (timeline,))

    @property
    def _by_time(self) -> bool:
        return "$Time" in self.attributes["media"]

    def _counted(self, files: Collection[str]) -> Iterator[int]:
        """What counts of the segments that are there: times, or numbers from 0."""
        zero = 0 if self._by_time else self.first
        for file in files:
            found = _whole(between(self.before, file, self.behind))
            if found is not None:
                yield found - zero

    def _seconds(self, count: int) -> Fraction:
        return Fraction(count * self.each, self.timescale)

    def _time_of(self, number: int) -> int:
        for run in self.runs:
            if number < run.count:
                return run.time + run.each * max(0, number)
            number -= run.count
        return self.runs[-1].end

    def _from(self, time: int, *, whole: bool = True) -> list[Run]:
        """What begins at ``time`` or later; unless ``whole``, what ends later."""
        left = []
        for run in self.runs:
            ahead = time - run.time
            skipped = max(0, -(-ahead // run.each) if whole else ahead // run.each)
            if skipped < run.count:
                start = run.time + skipped * run.each
                left.append(Run(start, run.each, run.count - skipped))
        return left


def templates(period: Element) -> Collection[Template]:
    """Of all its Representations that have one."""
    return _by_representation(period).values()


def made_at(period: Element) -> Fraction | None:
    """UTC seconds when what the period starts with was made, by the first ``ProducerReferenceTime``
    in it (§5.12); None: it has none that can be read."""
    found = _by_representation(period)
    for adaptation in _named(period, "AdaptationSet"):
        for representation in _named(adaptation, "Representation"):
            template = found.get(id(representation))
            for node in (adaptation, representation):
                for reference in _named(node, "ProducerReferenceTime"):
                    wall = moment(reference.attributes.get("wallClockTime", ""))
                    at = _whole(reference.attributes.get("presentationTime", ""))
                    if template is not None and wall is not None and at is not None:
                        return wall - Fraction(at - template.offset, template.timescale)
    return None


def later(period: Element, by: Fraction) -> Element:
    """The period without what is gone of it: each Representation says all for itself."""
    found = _by_representation(period)

    def moved(representation: Element) -> Element:
        template = found.get(id(representation))
        if template is None:
            return representation
        children = (*_others(representation), template.later(by))
        return replace(representation, children=children)

    def set_moved(adaptation: Element) -> Element:
        children = [
            moved(child) if child.name == "Representation" else child
            for child in _others(adaptation)
        ]
        return replace(adaptation, children=tuple(children))

    children = [
        set_moved(child) if child.name == "AdaptationSet" else child for child in _others(period)
    ]
    return replace(period, children=tuple(children))


def _by_representation(period: Element) -> dict[int, Template]:
    """By the identity of the Representation; empty if their lists are too long together, which
    they may share."""
    said = {
        id(representation): (representation, *_said(period, adaptation, representation))
        for adaptation in _named(period, "AdaptationSet")
        for representation in _named(adaptation, "Representation")
    }
    listed = sum(len(timeline.children) for *_, timeline in said.values() if timeline is not None)
    if listed > MAX_LISTED:
        return {}
    made = {key: _template(*each) for key, each in said.items()}
    return {key: template for key, template in made.items() if template is not None}


def _said(*around: Element) -> tuple[dict[str, str], Element | None]:
    """What elements say of segments, from the outside in (§5.3.9.1)."""
    said: dict[str, str] = {}
    timeline: Element | None = None
    for node in around:
        for template in _named(node, "SegmentTemplate"):
            said |= template.attributes
            timeline = next(_named(template, "SegmentTimeline"), timeline)
    return said, timeline


def _template(
    representation: Element, said: dict[str, str], timeline: Element | None
) -> Template | None:
    """None: it has none, or one that does not say which segments there are."""
    media = filled(said.get("media", ""), dict(representation.attributes))
    timescale = _whole(said.get("timescale", "1"))
    first = _whole(said.get("startNumber", "1"))
    offset = _whole(said.get("presentationTimeOffset", "0"))
    each = _whole(said.get("duration", "0"))
    runs = () if timeline is None else _runs(timeline)
    if len(media) != 2 or not timescale or first is None or offset is None or runs is None:
        return None
    if not each and not runs:
        return None
    counts = 0 if runs else each or 0
    return Template(said, media[0], media[1], timescale, first, offset, counts, runs)


def _named(node: Element, name: str) -> Iterator[Element]:
    return (child for child in node.children if child.name == name)


def _others(node: Element) -> list[Element]:
    return [child for child in node.children if child.name != "SegmentTemplate"]


def _runs(timeline: Element) -> tuple[Run, ...] | None:
    """None: it says something that is not understood here (``S@n``, ``S@k``), or no sense."""
    runs: list[Run] = []
    entries = list(_named(timeline, "S"))
    for entry, follower in zip(entries, [*entries[1:], None], strict=True):
        said = entry.attributes
        each = _whole(said.get("d"))
        time = _whole(said.get("t", str(runs[-1].end if runs else 0)))
        if not each or time is None or not {"t", "d", "r"} >= said.keys():
            return None
        again = said.get("r", "0")
        if again == "-1" and follower is not None:
            until = _whole(follower.attributes.get("t"))
            count = None if until is None else -(-(until - time) // each)
        else:
            count = None if (repeats := _whole(again)) is None else repeats + 1
        if count is None or count < 1:
            return None
        runs.append(Run(time, each, count))
    return tuple(runs) or None


def _element(run: Run) -> Element:
    return Element("S", {"t": str(run.time), "d": str(run.each), "r": str(run.count - 1)})


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
