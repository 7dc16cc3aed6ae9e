"""``ProducerReferenceTime``: which moment of the media was made when (DASH-IF Low-Latency Modes
9.X.4.5)."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

from sorgente.tools.mpd.presentation import Representation
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.mpd.values import date_time, integer


class Reference:
    """A line from media time to UTC."""

    def __init__(self, wall: Fraction, at: int, scale: int) -> None:
        self._wall = wall
        self._at = at
        self._scale = scale

    def __call__(self, ticks: int) -> float:
        """UTC at which what is presented at ``ticks`` was made."""
        return float(self._wall + Fraction(ticks - self._at, self._scale))


def reference(representation: Representation, timescale: int) -> Reference | None:
    """Of a representation whose media have ``timescale``; None: none that can be read."""
    for node in representation.inherited("ProducerReferenceTime"):
        wall, at = node.get("wallClockTime"), node.get("presentationTime")
        with suppress(UnreadableManifest):
            if wall and at:
                return Reference(date_time(wall), integer(at), timescale)
    return None
