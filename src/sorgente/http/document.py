"""A text that many ask for: kept as it goes out, plain and compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sorgente.http import cmsd, conditional, wire
from sorgente.http.exchange import Line
from sorgente.http.request import Request

NO_WEIGHT: Final = re.compile(rb"q=0(\.0{0,3})?")

ACCEPTS_KEPT: Final = 64
"""Values of ``Accept-Encoding`` whose meaning is remembered: there are fewer browsers."""


@dataclass(frozen=True, slots=True)
class Coded:
    """It in one content coding; each has a tag of its own (RFC 9110 §8.8.3.3)."""

    body: bytes
    etag: bytes
    lines: bytes

    def send(self, line: Line, request: Request, waited: bytes) -> None:
        """Answer with it."""
        conditional.answer(line, request, self.etag, self.lines + waited, self.body)


@dataclass(frozen=True, slots=True)
class Document:
    """See the module."""

    plain: Coded
    packed: Coded

    @classmethod
    def of(cls, text: bytes, tag: str, headers: Sequence[wire.Header], static: bytes) -> Document:
        """``tag`` tells it from others that had, or will have, its URL; ``static`` is its line of
        CMSD."""
        lines = wire.lines([*headers, (b"Vary", b"Accept-Encoding")]) + static
        packed_lines = lines + b"Content-Encoding: gzip\r\n"
        packed = gzip.compress(text, mtime=0)
        return cls(
            _coded(text, b'"%b"' % tag.encode(), lines),
            _coded(packed, b'"%b-gzip"' % tag.encode(), packed_lines),
        )

    def send(self, line: Line, request: Request, waited: bytes = cmsd.AT_ONCE) -> None:
        """Answer with it, in the coding that the other side takes; the exchange is over."""
        self._coded_for(request).send(line, request, waited)

    def is_known_to(self, request: Request) -> bool:
        """Whether the other side would be told that it has it already."""
        known = request.header(b"if-none-match")
        return known is not None and conditional.matches(known, self._coded_for(request).etag)

    def _coded_for(self, request: Request) -> Coded:
        codings = request.header(b"accept-encoding")
        packed = codings is not None and accepts_gzip(codings)
        return self.packed if packed else self.plain


def _coded(body: bytes, etag: bytes, lines: bytes) -> Coded:
    return Coded(body, etag, b"%bETag: %b\r\n" % (lines, etag))


@lru_cache(ACCEPTS_KEPT)
def accepts_gzip(codings: bytes) -> bool:
    """What an ``Accept-Encoding`` says of gzip (RFC 9110 §12.5.3)."""
    weights: dict[bytes, bytes] = {}
    for item in codings.lower().replace(b" ", b"").split(b","):
        coding, _, weight = item.partition(b";")
        weights[coding] = weight
    weight = weights.get(b"gzip", weights.get(b"*", b"q=0"))
    return NO_WEIGHT.fullmatch(weight) is None
