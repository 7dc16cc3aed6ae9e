"""The tracks of a channel by name: how they come to be, and how what they hold is let go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.silence import silent_init
from sorgente.media.fanout import Counters
from sorgente.media.track import Track

SILENT_TRACK: Final = "silence"
"""The name of a track that is silent for want of one with sound."""

SILENT_BANDWIDTH: Final = 32_000
"""bit/s that silence needs at most: hardly any of it media, nearly all boxes of up to 25 chunks a
second. Half of that at the ten a second that the origin makes."""

MAX_DESCRIBED: Final = 256
"""Tracks whose switching set is remembered: more than any channel has."""


class Catalogue:
    """See the module."""

    def __init__(self, counters: Counters) -> None:
        self.tracks: dict[str, Track] = {}
        self._counters = counters
        self._switching_sets: dict[str, str] = {}
        """By names of tracks, as manifests that were posted say."""
        self._last_number = 0
        """The highest that a segment of a forgotten track has had."""

    @property
    def bytes_held(self) -> int:
        """Memory of all segments, in bytes."""
        return sum(track.bytes_held for track in self.tracks.values())

    @property
    def last_number(self) -> int:
        """The highest that a segment of the channel has had."""
        return max([self._last_number, *(track.last_number for track in self.tracks.values())])

    def enter(self, name: str, init: InitSegment) -> tuple[Track, bool]:
        """The track that ``init`` (of it alone) is of; and whether it goes on with what it had."""
        track = self.tracks.get(name)
        resumes = track is not None and track.init.compatible_with(init)
        if track is None:
            track = self.tracks[name] = Track(name, init, self._counters)
        track.take(init, resumes=resumes)
        self._join_set(track)
        return track, resumes

    def describe(self, switching_sets: Mapping[str, str]) -> bool:
        """What tracks belong to, by their names; the init segment's own word counts for more.
        Returns whether that changes anything."""
        told = {**self._switching_sets, **switching_sets}
        self._switching_sets = dict(list(told.items())[-MAX_DESCRIBED:])
        joined = [self._join_set(track) for track in self.tracks.values()]
        return any(joined)

    def silence_for(self, tracks: Sequence[Track]) -> list[Track]:
        """A track of silence where there is no other sound: some may come later."""
        dense = [track for track in tracks if not track.is_sparse]
        if not dense or SILENT_TRACK in self.tracks or any(t.kind == "audio" for t in dense):
            return []
        silent = Track(SILENT_TRACK, silent_init(), self._counters)
        silent.needs.bandwidth = SILENT_BANDWIDTH
        self.tracks[SILENT_TRACK] = silent
        return [silent]

    def expire(self, horizon: float, limit: int) -> None:
        """Let the oldest segments go, of whatever track: those from before ``horizon`` (seconds),
        and as many as it takes for ``limit`` bytes."""
        while self.tracks:
            track = min(self.tracks.values(), key=_oldest_received_at)
            young = _oldest_received_at(track) >= horizon
            if young and self.bytes_held <= limit:
                break
            if not track.drop_oldest():
                break

    def drop_oldest(self) -> int:
        """Let the oldest segment of the largest track go that has one to give; return the bytes
        that frees."""
        largest_first = sorted(self.tracks.values(), key=lambda track: -track.bytes_held)
        return next((freed for track in largest_first if (freed := track.drop_oldest())), 0)

    def forget_all_but(self, used: Collection[str]) -> list[Track]:
        """Let tracks go that nobody names any more: there is no end of names. Returns them."""
        unused = [track for track in self.tracks.values() if track.name not in used]
        for track in unused:
            del self.tracks[track.name]
            self._last_number = max(self._last_number, track.last_number)
            track.refuse()
        return unused

    def _join_set(self, track: Track) -> bool:
        """Whether the track is in another switching set now."""
        before = track.switching_set
        told = track.init.leading_track.switching_set
        track.switching_set = told or self._switching_sets.get(track.name, "")
        return track.switching_set != before


def _oldest_received_at(track: Track) -> float:
    """Seconds: when the last chunk of the oldest segment came that may go."""
    oldest = track.oldest_complete
    return inf if oldest is None else oldest.newest_at
