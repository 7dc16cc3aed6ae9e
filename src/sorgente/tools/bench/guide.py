"""What all players know of the presentation, read once for all of them."""

from __future__ import annotations

from collections import OrderedDict
from fractions import Fraction
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.tools.arrivals import ChunkReader, ChunkSeen
from sorgente.tools.mpd.presentation import Mpd, Representation, read_mpd
from sorgente.tools.mpd.segments import Segment
from sorgente.tools.web import Answer

PLAYED: Final = ("video", "audio")
KEPT_READINGS: Final = 256
"""Segments in whose midst somebody may be."""
A_MOMENT: Final = Fraction(1, 1_000_000)


class Reading:
    """The chunks of one segment: whoever is first at a byte reads it for all, as the bytes behind a
    URL are the same for all."""

    def __init__(self, init: InitSegment) -> None:
        self.chunks: list[tuple[int, ChunkSeen]] = []
        """Each with the offset of its end."""
        self.reader = ChunkReader(init)
        self._position = 0
        self._end = 0

    def feed(self, offset: int, data: bytes) -> None:
        """Somebody has ``data`` at ``offset``."""
        news = offset + len(data) - self._position
        if news <= 0:
            return
        self._position += news
        for chunk in self.reader.feed(data[-news:], 0.0):
            self._end += chunk.size
            self.chunks.append((self._end, chunk))


class Guide:
    """The newest MPD, the tracks in it that are played, and what their segments hold."""

    def __init__(self, mpd: Mpd, body: bytes) -> None:
        self.mpd = mpd
        self._body = body
        self._next: dict[tuple[int, Fraction], tuple[Representation, Segment] | None] = {}
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self.tracks = max(len(_played(mpd, index)) for index in range(len(mpd.periods)))

    def take(self, answer: Answer) -> None:
        """A player has read the MPD again.

        Raises:
            UnreadableManifest
        """
        if answer.status == 200 and answer.body != self._body:
            self.mpd = read_mpd(answer.body, answer.url)
            self._body = answer.body
            self._next.clear()

    def newest(self, track: int, now: Fraction) -> Fraction:
        """When the newest segment that is available became so; or ``now``."""
        at = now - 2 * self.mpd.longest_segment
        found = now
        while (due := self.after(track, at)) is not None and due[1].available <= now:
            found = at = due[1].available
        return found

    def after(self, track: int, available: Fraction) -> tuple[Representation, Segment] | None:
        """The first segment of a track that becomes available later than that."""
        key = (track, available)
        if key not in self._next:
            self._next[key] = self._after(track, available)
        return self._next[key]

    def _after(self, track: int, available: Fraction) -> tuple[Representation, Segment] | None:
        found: list[tuple[Representation, Segment]] = []
        for index in range(len(self.mpd.periods)):
            played = _played(self.mpd, index)
            how = played[track].addressing if track < len(played) else None
            due = next(how.available_from(available + A_MOMENT), None) if how else None
            if due is not None:
                found.append((played[track], due))
        return min(found, key=lambda each: each[1].available, default=None)

    def reading(self, url: str, init: InitSegment) -> Reading:
        """That of a segment."""
        known = self._readings.get(url)
        if known is None:
            known = self._readings[url] = Reading(init)
            if len(self._readings) > KEPT_READINGS:
                self._readings.popitem(last=False)
        return known


def _played(mpd: Mpd, period: int) -> list[Representation]:
    """Of each set of pictures or sound the first: nobody adapts here."""
    first = [owner[0] for owner in mpd.periods[period].sets]
    return [
        each for each in first
        if each.kind in PLAYED and each.addressing is not None and each.addressing.by_name
    ]  # fmt: skip
