"""Which tracks of a channel are there: what a new period is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.media.arrival import Arrival
from sorgente.media.run import Placement, Run
from sorgente.media.track import Track

FAR_BEHIND: Final = 1.5
"""Seconds without a chunk after which a track is left out, so that it does not hold up the others:
half of what players may take to recover. One that has media up to less than so much before the
others is not behind, however long ago they came: an encoder may send a segment at a time."""

_BEHIND: Final = Fraction(FAR_BEHIND)

HURRY: Final = 4
"""An object that comes in a quarter of the time it plays is sent as a whole."""

AT_ONCE: Final = 2
"""Objects in a row that show it. One alone may have been held up in the network."""


@dataclass(slots=True)
class Presence:
    """What came of a track. Times: seconds."""

    at: Placement
    """Of the newest chunk."""
    lasts: int
    """Ticks of it."""
    at_once: int
    """Ticks that came with it."""
    timescale: int
    heard_at: float
    began_at: float
    """When the first chunk of the object came that is on its way."""
    ticks: int = 0
    """Of that object."""
    hurried: int = 0
    """Objects in a row that came faster than they play."""
    delivered: bool = False
    """The last chunk was that of an object."""

    @property
    def duration(self) -> Fraction:
        """Of the newest chunk."""
        return Fraction(self.lasts, self.timescale)

    @property
    def ends_at(self) -> Fraction:
        """On the run's timeline."""
        return self.at.start + self.duration

    def is_there(self, run: Run, start: Fraction, now: float) -> bool:
        """For a period that begins at ``start`` on the timeline of ``run``."""
        return self.at.run is run and (
            now - self.heard_at <= FAR_BEHIND or self._next_ends_at >= start - _BEHIND
        )

    @property
    def _next_ends_at(self) -> Fraction:
        """Likewise, of as much again as came at once."""
        return self.ends_at + Fraction(max(self.lasts, self.at_once), self.timescale)


class Attendance:
    """Who was heard lately. A sparse track is there while its encoder is: its silence says nothing,
    and neither does its coming and going."""

    def __init__(self) -> None:
        self._heard: dict[Track, Presence] = {}
        self._sparse: set[Track] = set()

    def expect(self, tracks: Iterable[Track]) -> None:
        """An encoder has come with these."""
        self._sparse.update(track for track in tracks if track.is_sparse)

    def note(self, arrival: Arrival, now: float) -> None:
        """A chunk came."""
        track, at, ticks = arrival.track, arrival.at, arrival.cut.duration
        presence = self._heard.get(track)
        if presence is None:
            presence = self._heard[track] = Presence(
                at, ticks, arrival.at_once, track.timescale, now, now
            )
        elif not presence.ticks:
            presence.began_at = now
        presence.at, presence.lasts, presence.timescale = at, ticks, track.timescale
        presence.at_once, presence.heard_at, presence.delivered = arrival.at_once, now, False
        presence.ticks += ticks

    def deliver(self, track: Track) -> bool:
        """All that its encoder had to send at a time has come. Whether players wait for all of it,
        and not for a chunk: it sends objects as a whole."""
        presence = self._heard.get(track)
        if presence is None:
            return False
        ticks, presence.ticks, presence.delivered = presence.ticks, 0, True
        took = presence.heard_at - presence.began_at
        hurried = took * HURRY < ticks / track.timescale
        presence.hurried = presence.hurried + 1 if hurried else 0
        track.last_object = ticks if hurried else 0
        return presence.hurried >= AT_ONCE

    def leave(self, track: Track) -> None:
        """Its encoder is gone."""
        self._heard.pop(track, None)
        self._sparse.discard(track)

    def delivered(self, track: Track) -> Presence | None:
        """Where the newest chunk is, if it was the last of what its encoder had to send at a
        time."""
        presence = self._heard.get(track)
        return presence if presence is not None and presence.delivered else None

    @property
    def sparse(self) -> set[Track]:
        """Those of which nothing may have come yet."""
        return set(self._sparse)

    @property
    def here(self) -> set[Track]:
        """Those whose encoders are there, and have sent something if it has to be much."""
        return self._sparse | self._heard.keys()

    def present(self, run: Run, start: Fraction, now: float) -> set[Track]:
        """Who is there for a period that begins at ``start`` on the timeline of ``run``."""
        return self._sparse | {
            track for track, presence in self._heard.items() if presence.is_there(run, start, now)
        }

    def is_present(self, track: Track, run: Run, start: Fraction, now: float) -> bool:
        """Whether ``track`` is among those who are."""
        presence = self._heard.get(track)
        there = presence is not None and presence.is_there(run, start, now)
        return there or track in self._sparse
