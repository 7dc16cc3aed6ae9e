"""Elements of an XML document, and the document as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Value = str | int | bool | None

_INDENT: Final = "  "
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML 1.0 document may contain, escaped or not (XML §2.2)."""
_ESCAPES: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


@dataclass(frozen=True, slots=True)
class Element:
    """A name, attributes in their order, and either children or text."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Element, ...] = ()
    text: str = ""

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()

    def first(self, name: str) -> Element | None:
        """The first element of that name, this one included."""
        return next((element for element in self.walk() if element.name == name), None)


def element(
    name: str, attributes: Mapping[str, Value] | None = None, *children: Element | None
) -> Element:
    """An element; attributes and children that are None are not there."""
    given = (attributes or {}).items()
    return Element(
        name,
        {key: _text(value) for key, value in given if value is not None},
        tuple(child for child in children if child is not None),
    )


def document(root: Element) -> bytes:
    """The document, indented: what a person reads first when a player does not play."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', *_lines(root, "")]
    return ("\n".join(lines) + "\n").encode()


def _lines(node: Element, indent: str) -> Iterator[str]:
    attributes = "".join(f' {name}="{_escape(text)}"' for name, text in node.attributes.items())
    opening = f"{indent}<{node.name}{attributes}"
    if node.children:
        yield opening + ">"
        for child in node.children:
            yield from _lines(child, indent + _INDENT)
        yield f"{indent}</{node.name}>"
    elif node.text:
        yield f"{opening}>{_escape(node.text)}</{node.name}>"
    else:
        yield opening + "/>"


def _text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"  # xs:boolean is lower case
    return str(value)


def _escape(text: str) -> str:
    return _NOT_XML.sub("", text).translate(_ESCAPES)
