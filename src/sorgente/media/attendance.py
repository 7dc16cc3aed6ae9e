"""Which tracks of a channel are there: what a new period is made of."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from sorgente.media.arrival import Arrival
from sorgente.media.timeline import Run
from sorgente.media.track import Track

FAR_BEHIND: Final = Fraction(3, 2)
"""Seconds without a chunk after which a track is left out, so that it does not hold up the others:
half of what players may take to recover. One that has media up to less than so much before the
others is not behind, however long ago they came: an encoder may send a segment at a time."""


class Attendance:
    """Who was heard lately. A sparse track is there while its encoder is: its silence says nothing,
    and neither does its coming and going."""

    def __init__(self) -> None:
        self._last: dict[Track, tuple[float, Arrival]] = {}
        self._sparse: set[Track] = set()
        self._delivered: set[Track] = set()

    def expect(self, tracks: Iterable[Track]) -> None:
        """An encoder has come with these."""
        self._sparse.update(track for track in tracks if track.is_sparse)

    def note(self, arrival: Arrival, now: float) -> None:
        """A chunk came."""
        self._last[arrival.track] = now, arrival
        self._delivered.discard(arrival.track)

    def deliver(self, track: Track) -> None:
        """All that its encoder had to send at a time has come."""
        self._delivered.add(track)

    def leave(self, track: Track) -> None:
        """Its encoder is gone."""
        self._last.pop(track, None)
        self._sparse.discard(track)
        self._delivered.discard(track)

    def delivered(self, track: Track) -> Arrival | None:
        """The newest chunk, if it was the last of what its encoder had to send at a time."""
        return self._last[track][1] if track in self._delivered and track in self._last else None

    @property
    def sparse(self) -> set[Track]:
        """Those of which nothing may have come yet."""
        return set(self._sparse)

    def present(self, run: Run, start: Fraction, now: float) -> list[Track]:
        """Who is there for a period that begins at ``start`` on the timeline of ``run``, in the
        order of names."""
        heard = {
            track
            for track, (at, last) in self._last.items()
            if now - at <= FAR_BEHIND
            or (last.at.run is run and last.ends_at + last.duration >= start - FAR_BEHIND)
        }
        return sorted(heard | self._sparse, key=lambda track: track.name)
