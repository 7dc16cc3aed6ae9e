"""``GET|HEAD /time``: the origin's UTC, by which players find the live edge (DASH ``UTCTiming``).

``http-iso`` and ``http-xsdate`` (ISO/IEC 23009-1 §5.8.5.7) read the body, ``http-head`` the
``Date`` header, which has whole seconds only.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.media.utc import UtcClock


class TimeExchange(Exchange):
    """Answers with the time at which it answers, by the clock that manifests go by."""

    __slots__ = ("_utc",)

    def __init__(self, line: Line, request: Request, utc: UtcClock) -> None:
        super().__init__(line, request)
        self._utc = utc

    def complete(self) -> None:
        """``2026-11-22T12:40:06.123Z``, whatever the query asks for: it is both notations."""
        instant = datetime.fromtimestamp(self._utc.at(self.line.now), UTC)
        body = instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
        self.line.reply(200, body.encode(), [wire.TEXT, wire.NO_STORE])
