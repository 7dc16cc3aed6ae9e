"""What an encoder's own manifest says of the tracks that are coming (DASH-IF Ingest §6).

It comes from outside, so it is read with an XML parser that gets no document type, hence no
entities, and nothing deep or long.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from sorgente.errors import BadRequest

MAX_DEPTH: Final = 32
"""Elements inside each other. A manifest has about eight."""

MAX_REPRESENTATIONS: Final = 256
"""Far more than a channel may have tracks."""


def switching_sets(manifest: bytes) -> dict[str, str]:
    """By ``Representation@id``, which is what a track is called: its AdaptationSet, the set of bit
    rates it belongs to. Called by its ``@id``, or counted from 1.

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
    return reader.sets


class _Reader:
    """Follows the elements of an MPD."""

    def __init__(self) -> None:
        self.sets: dict[str, str] = {}
        self._depth = 0
        self._number = 0
        self._set = ""

    def doctype(self, *_: object) -> None:
        raise BadRequest("a manifest has no document type")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = tag.rpartition(":")[2]
        if not self._depth and element != "MPD":
            raise BadRequest(f"the manifest is no MPD, it begins with {element[:40]!r}")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadRequest(f"the manifest has elements {self._depth} deep")
        if element == "AdaptationSet":
            self._number += 1
            self._set = attributes.get("id", str(self._number))
        elif element == "Representation" and "id" in attributes:
            self.sets[attributes["id"]] = self._set
            if len(self.sets) > MAX_REPRESENTATIONS:
                raise BadRequest(f"the manifest has over {MAX_REPRESENTATIONS} representations")

    def end(self, _: str) -> None:
        self._depth -= 1
