"""The encoder's own MPD, made fit for low latency and for encoders that begin again.

What an encoder says of its media stays: sets, codecs, templates, lengths of segments. What it
cannot know, or gets wrong, is said anew:

    availabilityStartTime    1970, for ever; periods start where the encoder's own time began, so
                             that one which is started again adds a period
    BaseURL                  the edition: under it, a name is one object, whatever has its name next
    availabilityTimeOffset   on every template with a duration, if any has one (Shaka takes the
                             smallest; ISO/IEC 23009-1 §5.3.9.2)
    minimumUpdatePeriod      1 s: ffmpeg says 500 (``dashenc.c``)
    UTCTiming                our clock
    ServiceDescription       our target
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from typing import Final
from xml.parsers import expat

from sorgente.dash.descriptors import HTTP_HEAD, HTTP_ISO
from sorgente.dash.manifest import AVAILABILITY_START_TIME, MINIMUM_UPDATE_PERIOD, NAMESPACE
from sorgente.dash.posted import filled, read_manifest
from sorgente.dash.service import service_description
from sorgente.dash.values import date_time, decimal, duration
from sorgente.dash.xml import Element, document, element
from sorgente.media.addresses import between

_DURATION: Final = re.compile(
    r"P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?"
    r"(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)S)?)?",
    re.ASCII,
)
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Put:
    """An edition: what an encoder put, from its start to the next."""

    id: int
    manifest: bytes
    starts_at: Fraction
    """UTC seconds: where the timeline of its manifest begins."""
    files: Collection[str]
    """Paths of its objects."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What we say of it."""

    channel: str
    window: Fraction
    """Seconds; if the encoder does not say how far back one may go."""
    latency_target: Fraction
    """Seconds."""
    changed_at: Fraction
    """UTC seconds."""
    ended: bool
    """The event is over."""


def render(puts: Sequence[Put], terms: Terms) -> bytes | None:
    """The MPD; None if there is no period in any of them."""
    roots = [(put, parsed(put.manifest)) for put in puts]
    periods = [period for put, root in roots for period in _periods(put, root)]
    if not periods:
        return None
    periods.sort(key=lambda period: period.start)
    listed = [
        _closed(period, follower, ended=terms.ended)
        for period, follower in zip_longest(periods, periods[1:])
    ]
    newest = roots[-1][1].attributes
    end = periods[-1].start + (periods[-1].length or 0) if terms.ended else None
    attributes = {
        "xmlns": NAMESPACE,
        **{
            key: text
            for _, root in roots
            for key, text in root.attributes.items()
            if key.startswith("xmlns:")
        },
        "id": terms.channel,
        "profiles": newest.get("profiles", "urn:mpeg:dash:profile:isoff-live:2011"),
        "type": "dynamic",
        "availabilityStartTime": AVAILABILITY_START_TIME,
        "publishTime": date_time(terms.changed_at),
        "minimumUpdatePeriod": duration(MINIMUM_UPDATE_PERIOD),
        "mediaPresentationDuration": None if end is None else duration(end),
        "timeShiftBufferDepth": newest.get("timeShiftBufferDepth", duration(terms.window)),
        "suggestedPresentationDelay": duration(terms.latency_target),
        "minBufferTime": duration(terms.latency_target),
        "maxSegmentDuration": newest.get("maxSegmentDuration"),
    }
    service = service_description(terms.latency_target, None)
    return document(element("MPD", attributes, service, *listed, HTTP_ISO, HTTP_HEAD))


def parsed(manifest: bytes) -> Element:
    """A manifest that was read before (:func:`~.posted.read_manifest`), as elements.

    Raises:
        BadRequest: it would not have been.
    """
    read_manifest(manifest)
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.Parse(manifest, True)
    return reader.root


@dataclass(frozen=True, slots=True)
class _Period:
    node: Element
    start: Fraction
    """UTC seconds."""
    length: Fraction | None
    """Seconds: of what came so far, if that can be told."""


def _periods(put: Put, root: Element) -> Iterator[_Period]:
    if any(child.name == "BaseURL" for child in root.children):
        return  # its media are elsewhere
    for node in root.children:
        if node.name != "Period" or not node.children:
            continue
        start = put.starts_at + (seconds(node.attributes.get("start", "")) or 0)
        attributes = {**node.attributes, "id": f"{put.id}.{node.attributes.get('id', '0')}"}
        attributes["start"] = duration(start)
        attributes.pop("duration", None)
        base = Element("BaseURL", text=f"e{put.id}/")
        children = [child for child in node.children if child.name != "BaseURL"]
        made = Element("Period", attributes, (base, *children))
        yield _Period(_early(made), start, _length(made, put.files))


def _closed(period: _Period, follower: _Period | None, *, ended: bool) -> Element:
    """A period that another one follows ends with its last segment: what is not there between them
    need not be asked for."""
    if period.length is None or (follower is None and not ended):
        return period.node
    length = period.length
    if follower is not None:
        length = min(length, follower.start - period.start)
    said = {**period.node.attributes, "duration": duration(max(length, Fraction(0)))}
    return replace(period.node, attributes=said)


def _early(node: Element) -> Element:
    """Every template with a duration says how early its segments are to be had, if one does."""
    said = [each.attributes.get("availabilityTimeOffset", "") for each in node.walk()]
    offsets = [Fraction(offset) for offset in said if _DECIMAL.fullmatch(offset)]
    return _with_offset(node, min(offsets)) if offsets else node


def _with_offset(node: Element, offset: Fraction) -> Element:
    children = tuple(_with_offset(child, offset) for child in node.children)
    if node.name != "SegmentTemplate" or "duration" not in node.attributes:
        return replace(node, children=children)
    attributes = {"availabilityTimeOffset": decimal(offset), **node.attributes}
    attributes["availabilityTimeComplete"] = "false"
    return replace(node, attributes=attributes, children=children)


def _length(period: Element, files: Collection[str]) -> Fraction | None:
    """Seconds up to the end of the last segment that came, of the track that has most."""
    found = (_track_length(template, files) for template in _templates(period))
    return max((length for length in found if length is not None), default=None)


def _templates(period: Element) -> Iterator[Element]:
    """The SegmentTemplate of each Representation, as it is with those around it; names filled
    in."""
    for adaptation in period.children:
        for node in adaptation.children:
            if node.name == "Representation":
                around = [_template(each) for each in (period, adaptation, node)]
                attributes: dict[str, str] = {}
                for each in around:
                    attributes |= each.attributes
                media = filled(attributes.get("media", ""), dict(node.attributes))
                if len(media) == 2:
                    attributes |= {"before": media[0], "behind": media[1]}
                    yield Element("SegmentTemplate", attributes, around[-1].children)


def _template(node: Element) -> Element:
    none = Element("SegmentTemplate")
    return next((child for child in node.children if child.name == none.name), none)


def _track_length(template: Element, files: Collection[str]) -> Fraction | None:
    number = template.attributes.get
    each, first = _whole(number("duration")), _whole(number("startNumber", "1"))
    timescale = _whole(number("timescale", "1"))
    before, behind = template.attributes["before"], template.attributes["behind"]
    if not each or not timescale or first is None:
        return None
    numbers = [_whole(between(before, file, behind)) for file in files]
    last = max((number for number in numbers if number is not None), default=None)
    return None if last is None else Fraction(max(0, last - first + 1) * each, timescale)


def seconds(text: str) -> Fraction | None:
    """Of an ``xs:duration``; None if it is none, or one of months."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, rest = (Fraction(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


class _Reader:
    """Builds the elements of a document, from the inside out."""

    def __init__(self) -> None:
        self.root = Element("MPD")
        self._open: list[tuple[str, dict[str, str], list[Element]]] = []
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append((name, attributes, []))
        self._text = ""

    def text(self, data: str) -> None:
        self._text += data

    def end(self, _: str) -> None:
        name, attributes, children = self._open.pop()
        text = "" if children else self._text.strip()
        self.root = Element(name, attributes, tuple(children), text)
        if self._open:
            self._open[-1][2].append(self.root)
        self._text = ""
