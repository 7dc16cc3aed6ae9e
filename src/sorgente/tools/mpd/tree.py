"""An MPD's elements, from bytes nobody vouches for: no document type, hence no entities; not too
deep, and not too many."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MAX_BYTES: Final = 16 << 20
"""A day of listed segments of many tracks is a few MiB."""
MAX_DEPTH: Final = 32
"""Elements inside each other. An MPD has about eight."""
MAX_ELEMENTS: Final = 200_000
"""A day of two-second segments listed one by one, four times over."""

DASH: Final = "urn:mpeg:dash:schema:mpd:2011"


class UnreadableManifest(ValueError):
    """Not an MPD that can be followed; the text says why."""


def read_tree(data: bytes) -> Element:
    """The ``MPD`` element. Names of DASH's namespace are bare, others ``{namespace}name``.

    Raises:
        UnreadableManifest
    """
    if len(data) > MAX_BYTES:
        raise UnreadableManifest(f"it has {len(data)} bytes, more than {MAX_BYTES}")
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableManifest(f"it is not XML: {error}") from None
    root = builder.tree.close()
    if root.tag != "MPD":
        raise UnreadableManifest(f"its element is {root.tag[:60]!r}, not MPD of {DASH}")
    return root


class _Builder:
    """Makes the tree, and counts."""

    def __init__(self) -> None:
        self.tree = TreeBuilder()
        self._depth = 0
        self._elements = 0

    def doctype(self, *_: object) -> None:
        raise UnreadableManifest("it has a document type, which no MPD has")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise UnreadableManifest("it has too many elements, or too deep ones")
        self.tree.start(_tag(name), {_tag(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._depth -= 1
        self.tree.end(_tag(name))

    def text(self, text: str) -> None:
        self.tree.data(text)


def _tag(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return local if namespace in ("", DASH) else f"{{{namespace}}}{local}"
