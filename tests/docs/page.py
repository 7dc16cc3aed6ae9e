"""The commands of a documentation page, as a reader of the page sees them.

A command is a line of a fenced ``sh`` block, with the lines it goes on in. A comment above it says
what comes of it, for people and for the test alike. Whatever a test does not run has its reason in
the page's source, right above the block: ``<!-- not run: no camera here -->``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"

_NOT_RUN: Final = re.compile(r"<!-- not run: (.+) -->")
_HEADING: Final = re.compile(r"#+ (.+)")
_LINK: Final = re.compile(r"\[[^\]]*\]\(#([^)]+)\)")
_VARIABLE: Final = re.compile(r"\w+=")
_GOES_ON: Final = ("\\", "|", "&&")


@dataclass(frozen=True)
class Command:
    """What somebody types."""

    section: str
    """The heading above it."""
    line: int
    """Where it begins, counted from 1."""
    text: str
    """With its line breaks, as a shell takes it."""
    says: str = ""
    """The comment above it, without the ``#``."""
    not_run: str | None = None
    """Why no test runs it."""

    @property
    def program(self) -> str:
        """Its first word, behind the variables it is given."""
        return next(word for word in self.text.split() if not _VARIABLE.match(word))

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


def commands(text: str) -> Iterator[Command]:
    """The commands of a page, first to last.

    Raises:
        ValueError: a block is never closed, a command breaks off at the end of its block, or a
            reason stands above something else than a block.
    """
    section, reason = "", None
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        if line.startswith("```"):
            block = list(_block(number, lines))
            if line == "```sh":
                yield from _commands(block, section, reason)
            reason = None
        elif (match := _NOT_RUN.fullmatch(line)) is not None:
            reason = match[1]
        elif line and reason is not None:
            raise ValueError(f"line {number}: not a block, and 'not run' above it")
        elif (match := _HEADING.fullmatch(line)) is not None:
            section = match[1]


def anchors(text: str) -> set[str]:
    """What links within a page can lead to: its headings, as GitHub spells them."""
    return {anchor(match[1]) for match in map(_HEADING.fullmatch, text.splitlines()) if match}


def anchor(heading: str) -> str:
    """Of a heading: lower case, a hyphen for each space, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(text: str) -> list[str]:
    """Where the links within a page lead to."""
    return _LINK.findall(text)


def _block(begins: int, lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line == "```":
            return
        yield number, line
    raise ValueError(f"line {begins}: this block is never closed")


def _commands(block: list[tuple[int, str]], section: str, not_run: str | None) -> Iterator[Command]:
    says, parts, begins = "", list[str](), 0
    for number, line in block:
        if not parts:
            if not line.strip():
                continue
            if line.startswith("#"):
                says = line.lstrip("# ").strip()
                continue
            begins = number
        parts.append(line)
        if not line.endswith(_GOES_ON):
            yield Command(section, begins, "\n".join(parts), says, not_run)
            says, parts = "", []
    if parts:
        raise ValueError(f"line {begins}: goes on after the end of its block")
