"""Tracks that come by themselves, as one progressive stream again: ``/play/{channel}``.

One ``moov`` with all tracks of the period, their chunks as they come, on one timeline: an encoder
that comes back goes on where it stopped, as in a muxed stream.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil

from sorgente.isobmff.fragment import parse_chunk
from sorgente.isobmff.merge import merge_inits, renumbered
from sorgente.isobmff.rewrite import retimed
from sorgente.media.arrival import Arrival
from sorgente.media.chunk import Chunk
from sorgente.media.feed import Feed
from sorgente.media.relay import Relay
from sorgente.media.run import Run
from sorgente.media.selection import Menu
from sorgente.media.track import Track


class Merger:
    """Feeds the path of the whole channel; ``whole`` gives it, and makes it if need be."""

    def __init__(self, whole: Callable[[], Feed]) -> None:
        self._whole = whole
        self._relay: Relay | None = None
        self._ids: dict[Track, int] = {}
        self._leading: Track | None = None
        self._run: Run | None = None
        self._shift = Fraction(0)
        self._end = (0, 1)
        """Seconds, as a ratio: how far the stream has come. Not a Fraction: of a hundred thousand
        sums one is looked at, and each would take a gcd."""
        self._number = 0

    def compose(self, tracks: list[Track]) -> None:
        """The stream is made of these from now on; a new one begins if they are not as before."""
        merged = merge_inits([track.init for track in tracks])
        relay = self._relay
        self._ids = {track: number for number, track in enumerate(tracks, start=1)}
        self._leading = next((track for track in tracks if track.is_video), tracks[0])
        if relay is None or relay.init is None or not relay.init.compatible_with(merged):
            menu = Menu(tracks, merged)
            self._relay = self._whole().open_relay(merged.content_type, merged, menu)
            self._run = None
            self._shift, self._end = Fraction(0), (0, 1)

    def take(self, arrival: Arrival, now: float) -> None:
        """One more chunk."""
        track, cut, run, start = arrival.track, arrival.cut, arrival.at.run, arrival.starts_at
        track_id = self._ids.get(track)
        if self._relay is None or track_id is None:
            return
        if run is not self._run or start + self._shift < 0:
            self._shift = Fraction(*self._end) - start if self._run is not None else Fraction(0)
            self._run = run
        timescale = track.timescale
        if self._shift:
            start += self._shift
        self._note_end(start, cut.duration, timescale)
        self._number += 1
        data = cut.data
        if self._shift:
            media = parse_chunk(data, 0, track.init)
            data = retimed(media, shifts={cut.track_id: ceil(self._shift * timescale)})
        leads = track is self._leading
        chunk = Chunk.of(
            renumbered(data, track_id, self._number),
            now,
            random_access=leads and cut.random_access,
            has_sync_sample=leads and cut.contains_random_access,
            track=track_id,
            begins=cut.random_access,
        )
        self._relay.append(chunk, now)

    def finish(self, *, clean: bool) -> None:
        """Nothing more comes."""
        if self._relay is not None:
            self._whole().close_relay(clean=clean)
            self._relay = None

    def _note_end(self, start: Fraction, ticks: int, timescale: int) -> None:
        """A chunk that begins at ``start`` goes on for ``ticks``."""
        (at, per), (end, per_end) = start.as_integer_ratio(), self._end
        at, per = at * timescale + ticks * per, per * timescale
        if at * per_end > end * per:
            self._end = at, per
