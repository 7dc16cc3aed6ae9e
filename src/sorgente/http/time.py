"""``GET|HEAD /time``: the origin's UTC, by which players find the live edge (DASH ``UTCTiming``).

``http-iso`` and ``http-xsdate`` (ISO/IEC 23009-1 §5.8.5.7) read the body, ``http-head`` the
``Date`` header, which has whole seconds only.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sorgente.http import wire
from sorgente.http.exchange import Exchange


class TimeExchange(Exchange):
    """Answers with the time at which it answers."""

    __slots__ = ()

    def complete(self) -> None:
        """``2026-11-22T12:40:06.123Z``, whatever the query asks for: it is both notations."""
        instant = datetime.fromtimestamp(self.line.wall, UTC)
        body = instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
        self.line.reply(200, body.encode(), [wire.TEXT, wire.NO_STORE])
