"""What an encoder's own manifest says of the tracks that are coming (DASH-IF Ingest §6, §7).

It comes from outside, so it is read with an XML parser that gets no document type, hence no
entities, and nothing deep or long.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final
from xml.parsers import expat

from sorgente.errors import BadRequest
from sorgente.media.addresses import Announced, Family, Posted

MAX_DEPTH: Final = 32
"""Elements inside each other. A manifest has about eight."""

MAX_REPRESENTATIONS: Final = 256
"""Far more than a channel may have tracks."""

MAX_TEMPLATE: Final = 1024
"""Characters. A template describes a URL."""

_IDENTIFIER: Final = re.compile(r"\$([A-Za-z]*)(?:%0([0-9]{1,2})d)?\$", re.ASCII)


def read_manifest(manifest: bytes) -> Posted:
    """What it says. A set of bit rates is called by its ``AdaptationSet@id``, or counted from 1.

    Raises:
        BadRequest: it is no MPD, or too much of one.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(manifest, True)
    except expat.ExpatError as error:
        raise BadRequest(f"the manifest is not XML: {error}") from None
    return Posted(tuple(reader.tracks), reader.ended, reader.starts_at)


class _Reader:
    """Follows the elements of an MPD."""

    def __init__(self) -> None:
        self.tracks: list[Announced] = []
        self.ended = False
        self.starts_at: Fraction | None = None
        self._number = 0
        self._set = ""
        self._open: list[str] = []
        self._representation: dict[str, str] = {}
        self._templates: list[dict[str, str]] = []
        """Of the open elements that may have one, from the outside in."""

    def doctype(self, *_: object) -> None:
        raise BadRequest("a manifest has no document type")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = tag.rpartition(":")[2]
        if not self._open and element != "MPD":
            raise BadRequest(f"the manifest is no MPD, it begins with {element[:40]!r}")
        self._open.append(element)
        if len(self._open) > MAX_DEPTH:
            raise BadRequest(f"the manifest has elements {len(self._open)} deep")
        match element:
            case "MPD":
                self.ended = attributes.get("type") == "static"
                self.starts_at = moment(attributes.get("availabilityStartTime", ""))
            case "Period" | "AdaptationSet" | "Representation":
                self._templates.append({})
            case "SegmentTemplate" if self._templates:
                self._templates[-1] |= attributes
        if element == "AdaptationSet":
            self._number += 1
            self._set = attributes.get("id", str(self._number))
        elif element == "Representation":
            self._representation = attributes
            if len(self.tracks) >= MAX_REPRESENTATIONS:
                raise BadRequest(f"the manifest has over {MAX_REPRESENTATIONS} representations")

    def end(self, _: str) -> None:
        element = self._open.pop()
        if element == "Representation":
            self.tracks.append(self._announced())
        if element in ("Period", "AdaptationSet", "Representation"):
            self._templates.pop()

    def _announced(self) -> Announced:
        attributes, template = self._representation, dict[str, str]()
        for each in self._templates:
            template |= each
        init = filled(template.get("initialization", ""), attributes)
        return Announced(
            name=attributes.get("id", ""),
            switching_set=self._set,
            init=init[0] if len(init) == 1 else "",
            media=_family(filled(template.get("media", ""), attributes)),
        )


def moment(date_time: str) -> Fraction | None:
    """UTC seconds since 1970 of an ``xs:dateTime``; None if it is none."""
    try:
        at = datetime.fromisoformat(date_time)
    except ValueError:
        return None
    return Fraction(str((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))


def filled(template: str, attributes: dict[str, str]) -> list[str]:
    """A template with everything filled in but what counts segments, cut there (ISO/IEC 23009-1
    §5.3.9.4.4)."""
    if len(template) > MAX_TEMPLATE:
        raise BadRequest(f"a template has {len(template)} characters, more than {MAX_TEMPLATE}")
    pieces, at = [""], 0
    for identifier in _IDENTIFIER.finditer(template):
        pieces[-1] += template[at : identifier.start()]
        at = identifier.end()
        match identifier[1]:
            case "":
                pieces[-1] += "$"
            case "RepresentationID":
                pieces[-1] += attributes.get("id", "")
            case "Bandwidth":
                pieces[-1] += attributes.get("bandwidth", "").zfill(int(identifier[2] or 0))
            case _:
                pieces.append("")
    pieces[-1] += template[at:]
    return pieces


def _family(pieces: list[str]) -> Family | None:
    return (pieces[0], pieces[1]) if len(pieces) == 2 else None
