"""An upload on its way into the tracks of a channel: taken apart, and put on the timeline.

MediaChunk ─▶ TrackSplitter ─▶ Timeline ─▶ Arrival, one for every chunk of a track
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.split import TrackChunk, TrackSplitter
from sorgente.isobmff.upload import MediaChunk
from sorgente.media.arrival import Arrival, moved
from sorgente.media.chunk import Chunk
from sorgente.media.feed import Feed
from sorgente.media.timeline import Timeline
from sorgente.media.track import Track
from sorgente.media.utc import UtcClock

LEAD: Final = 1
"""Seconds that tracks of uploads of their own are moved later, all alike: more than the priming of
any audio codec or the reordering of any video codec, which lead below zero (see ``split``)."""


class Source:
    """One upload that is under way."""

    def __init__(
        self, init: InitSegment, tracks: Mapping[int, Track], timeline: Timeline, *, whole: bool
    ) -> None:
        """``tracks``: by track id. ``whole``: it is all there is of its channel."""
        self.tracks = tracks
        self._timeline = timeline
        self._splitter = TrackSplitter(init, lead=None if whole else LEAD)

    @property
    def is_dense(self) -> bool:
        """It has pictures or sound."""
        return not all(track.is_sparse for track in self.tracks.values())

    def note_events(self, media: MediaChunk) -> bool:
        """Whether ``emsg`` boxes came with it that are the first of their kind."""
        events = media.fragment.events
        if not events:
            return False
        leading = self.tracks[media.init.leading_track.track_id]
        return leading.note_events((event.scheme, event.value) for event in events)

    def arrivals(
        self,
        media: MediaChunk,
        chunk: Chunk | None,
        now: float,
        utc: UtcClock,
        segment: Fraction | None,
    ) -> Iterator[Arrival]:
        """Yield what a chunk of the upload is made of, each part when the one before it has been
        dealt with. ``chunk``: the same as it was relayed, if those are the same bytes; ``segment``:
        seconds of one, if that is known. Raises MalformedBox."""
        cuts = self._splitter.split(media, segment)
        at_once = self._note_pace(cuts, now, utc)
        for cut in cuts:
            track, timescale = self.tracks[cut.track_id], self.tracks[cut.track_id].timescale
            at = self._timeline.observe(
                track.name,
                Fraction(cut.decode_time, timescale),
                Fraction(cut.end_time, timescale),
                utc.at(now),
                _made(cut, timescale, utc),
                random_access=cut.random_access,
            )
            if at.shift:
                cut = moved(cut, track.init, at.shift)
            own = chunk
            if own is None or cut.data is not media.data or own.frame is not own.movable:
                own = Chunk.of(cut.data, now, random_access=cut.random_access)
            yield Arrival(track, at, cut, own, at_once[cut.track_id])

    def _note_pace(self, cuts: Sequence[TrackChunk], now: float, utc: UtcClock) -> dict[int, int]:
        """Take the pulse of the tracks. Returns the ticks that came of each at once."""
        at_once: dict[int, int] = {}
        for cut in cuts:
            at_once[cut.track_id] = at_once.get(cut.track_id, 0) + cut.duration
            if cut.unix_time is not None:
                self.tracks[cut.track_id].pulse.note_age(utc.at(now) - utc.of(cut.unix_time))
        for track_id, ticks in at_once.items():
            track = self.tracks[track_id]
            track.pulse.note(now, ticks / track.timescale)
        return at_once


def _made(cut: TrackChunk, timescale: int, utc: UtcClock) -> float | None:
    """UTC seconds when what is presented at the chunk's decode time was made; None: not said.

    A ``prft`` speaks of the presentation time of a sample (ISO/IEC 14496-12 §8.16.5.3), and so does
    a ProducerReferenceTime (@presentationTime). With B-frames that is later than its decode time.
    """
    if cut.unix_time is None:
        return None
    return utc.of(cut.unix_time) - (cut.earliest_time - cut.decode_time) / timescale


def track_name(feed: Feed, init: InitSegment, track_id: int) -> str:
    """What a track is called in URLs: as it was published, or after what it is."""
    if not feed.is_whole and len(init.tracks) == 1:
        return feed.track_name
    kind = init.by_id[track_id].kind
    alike = [track.track_id for track in init.tracks if track.kind == kind]
    name = kind if len(alike) == 1 else f"{kind}-{alike.index(track_id) + 1}"
    return name if feed.is_whole else f"{feed.track_name}-{name}"
