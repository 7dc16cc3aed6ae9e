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
    type                     static when the event is over, by the encoder's word or without: its
                             window on a timeline of its own, as long as what came
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from typing import Final
from xml.parsers import expat

from sorgente.dash.descriptors import HTTP_HEAD, HTTP_ISO
from sorgente.dash.manifest import AVAILABILITY_START_TIME, MINIMUM_UPDATE_PERIOD, NAMESPACE
from sorgente.dash.own_template import later, made_at, templates
from sorgente.dash.posted import read_manifest
from sorgente.dash.service import service_description
from sorgente.dash.values import date_time, decimal, duration
from sorgente.dash.xml import Element, document, element

_DURATION: Final = re.compile(
    r"P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?"
    r"(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)S)?)?",
    re.ASCII,
)
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Put:
    """An edition: what an encoder put, from its start to the next."""

    id: int
    manifest: bytes
    starts_at: Fraction
    """UTC seconds: where the timeline of its manifest begins."""
    files: Collection[str]
    """Paths of its objects."""
    last: bytes | None = None
    """The manifest that it ended with."""


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
    farewell: bool = False
    """Of one that is over, for its first seconds: players that are there have yet to be told."""


def render(puts: Sequence[Put], terms: Terms) -> bytes | None:
    """The MPD, dynamic and static when ours is (:func:`sorgente.dash.manifest.manifest`); None if
    it is to stay as it is: there is no period in any, or only the encoder knows where it ended."""
    roots = [(put, _newest(put)) for put in puts]
    periods = [period for put, root in roots for period in _periods(put, root)]
    if not periods:
        return None
    periods.sort(key=lambda period: period.start)
    if terms.ended and periods[-1].length is None and puts[-1].last is not None:
        return None
    newest = roots[-1][1].attributes
    spaces = {
        key: text
        for _, root in roots
        for key, text in root.attributes.items()
        if key.startswith("xmlns:")
    }
    said = {
        "xmlns": NAMESPACE,
        **spaces,
        "id": terms.channel,
        "profiles": newest.get("profiles", "urn:mpeg:dash:profile:isoff-live:2011"),
        "publishTime": date_time(terms.changed_at),
        "minBufferTime": duration(terms.latency_target),
        "maxSegmentDuration": newest.get("maxSegmentDuration"),
    }
    if terms.ended and not terms.farewell:
        return document(_recording(said, periods))
    return document(_live(said, periods, newest, terms))


def _live(
    said: dict[str, str | None],
    periods: list[_Period],
    newest: Mapping[str, str],
    terms: Terms,
) -> Element:
    last = periods[-1]
    end = last.start + (last.length or 0) if terms.ended else None
    listed = [
        _closed(period, follower, ended=terms.ended)
        for period, follower in zip_longest(periods, periods[1:])
    ]
    attributes = {
        **said,
        "type": "dynamic",
        "availabilityStartTime": AVAILABILITY_START_TIME,
        "minimumUpdatePeriod": duration(MINIMUM_UPDATE_PERIOD),
        "mediaPresentationDuration": None if end is None else duration(end),
        "timeShiftBufferDepth": newest.get("timeShiftBufferDepth", duration(terms.window)),
        "suggestedPresentationDelay": duration(terms.latency_target),
    }
    service = service_description(terms.latency_target, None, _encoder_delay(periods[0]))
    return element("MPD", attributes, service, *listed, HTTP_ISO, HTTP_HEAD)


def _encoder_delay(first: _Period) -> Fraction:
    """Seconds that dash.js takes off the target: it heeds the first reference time there is."""
    made = made_at(first.node)
    return Fraction(0) if made is None else max(Fraction(0), first.start - made)


def _recording(said: dict[str, str | None], periods: list[_Period]) -> Element:
    """What is left, on a timeline of its own, as ours is (:mod:`~.recording`)."""
    zero = periods[0].start
    listed, end = [], Fraction(0)
    for period, follower in zip_longest(periods, periods[1:]):
        length = _length_before(period, follower)
        gones = (template.gone(period.files) for template in templates(period.node))
        gone = max((gone for gone in gones if gone is not None), default=length)
        if length is None or gone is None or gone >= length:
            continue
        start, end = period.start - zero + gone, period.start - zero + length
        node = later(period.node, gone)
        times = {"start": duration(start), "duration": duration(end - start)}
        listed.append(replace(node, attributes={**node.attributes, **times}))
    attributes = {**said, "type": "static", "mediaPresentationDuration": duration(end)}
    none = element("Period", {"id": "empty", "start": "PT0S"})
    return element("MPD", attributes, *(listed or [none]))


def _newest(put: Put) -> Element:
    """Of its manifests, the one that says most of its segments: one that lists them lists the last
    of them when it is over; one that does not then forgets how early they were."""
    live = parsed(put.manifest)
    if put.last is None:
        return live
    last = parsed(put.last)
    if last.first("SegmentTimeline") is not None:
        return last
    said = last.attributes.get("mediaPresentationDuration")
    known = {} if said is None else {"mediaPresentationDuration": said}
    return replace(live, attributes={**live.attributes, **known})


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
    files: Collection[str]


def _periods(put: Put, root: Element) -> Iterator[_Period]:
    if any(child.name == "BaseURL" for child in root.children):
        return  # its media are elsewhere
    total = seconds(root.attributes.get("mediaPresentationDuration", ""))
    for node in root.children:
        if node.name != "Period" or not node.children:
            continue
        began = seconds(node.attributes.get("start", "")) or Fraction(0)
        start = put.starts_at + began
        attributes = {**node.attributes, "id": f"{put.id}.{node.attributes.get('id', '0')}"}
        attributes["start"] = duration(start)
        attributes.pop("duration", None)
        base = Element("BaseURL", text=f"e{put.id}/")
        children = [child for child in node.children if child.name != "BaseURL"]
        made = Element("Period", attributes, (base, *children))
        told = None if total is None or total <= began else total - began
        yield _Period(_early(made), start, _length(made, put.files, told), put.files)


def _length(period: Element, files: Collection[str], told: Fraction | None) -> Fraction | None:
    """Seconds up to the end of the last segment that came, of the track that has most; the last
    one may be shorter than it should, which the encoder tells with its last manifest."""
    found = (template.length(files) for template in templates(period))
    came = max((length for length in found if length is not None), default=told)
    return came if came is None or told is None else min(came, told)


def _length_before(period: _Period, follower: _Period | None) -> Fraction | None:
    if period.length is None or follower is None:
        return period.length
    return min(period.length, follower.start - period.start)


def _closed(period: _Period, follower: _Period | None, *, ended: bool) -> Element:
    """A period that another one follows ends with its last segment: what is not there between them
    need not be asked for."""
    length = _length_before(period, follower)
    if length is None or (follower is None and not ended):
        return period.node
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


def seconds(text: str) -> Fraction | None:
    """Of an ``xs:duration``; None if it is none, or one of months."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, rest = (Fraction(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


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
