"""Conditional requests (RFC 9110 §13): what a cache or a player has already is not sent again."""

from __future__ import annotations

import re
from typing import Final

from sorgente.http import wire
from sorgente.http.exchange import Line
from sorgente.http.request import Request

ENTITY_TAG: Final = re.compile(rb'(?:W/)?("[^"]*")')
"""Its opaque part is captured: If-None-Match compares weakly (RFC 9110 §13.1.2), as a proxy that
compresses makes strong tags weak."""


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the value of an ``If-None-Match`` names ``etag``, which is a strong one."""
    if if_none_match == etag:
        return True  # most ask like that
    return if_none_match.strip() == b"*" or etag in ENTITY_TAG.findall(if_none_match)


def not_modified(line: Line, lines: bytes) -> None:
    """Send that the other side has it; ``lines`` say what else the head of the 200 would.

    Of them, those that caches need (RFC 9110 §15.4.5): the content has not come along. Nor is there
    a ``Content-Length`` (§8.6). The exchange is over.
    """
    kept = [each for each in lines.splitlines(keepends=True) if not each.startswith(b"Content-")]
    line.answer(wire.start(304, *kept))


def answer(line: Line, request: Request, etag: bytes, lines: bytes, body: bytes) -> None:
    """Send ``body``, or that it is the one the other side has; ``lines`` say the rest of its head.

    The exchange is over.
    """
    known = request.header(b"if-none-match")
    if known is not None and matches(known, etag):
        not_modified(line, lines)
    else:
        start = wire.start(200, lines, wire.length_line(len(body)))
        line.answer(start, (body,), len(body))
