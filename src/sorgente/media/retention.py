"""What a presentation holds, and what of it is let go: by its window, and by its bytes.

Complete segments go, oldest first. One that grows cannot, and it grows until a key frame ends it.
Where none comes, it is *cut*: it closes at its last whole chunk, and until the next key frame its
encoder counts as away, as players have nothing to begin with. Players get a slate, or another bit
rate (:mod:`~.failover`); `/play` goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from sorgente.media.catalogue import Catalogue
from sorgente.media.feed import Feed
from sorgente.media.period import Period
from sorgente.media.segment import Segment
from sorgente.media.segmenter import Segmenter
from sorgente.media.source import Source
from sorgente.media.track import Track
from sorgente.media.waiting import Waiting

OVERDUE: Final = 2
"""Times as long as announced. Half a segment late is a matter of course where key frames have no
rhythm (``rhythm.TOO_LATE``), and what grows no longer than that is never cut."""

LONGEST_OVERDUE: Final = 11
"""Seconds that a segment which is overdue may grow. Encoders left to themselves send a key frame by
then (250 pictures, 24 a second). Shaka buffers 10 s, and no media more than a segment ahead of the
others: of sound beside a longer segment it gets nothing, until it is out of the window."""

MOST: Final = 2
"""One part in so many of what may be held, or is held where that is too much already: a segment
that is overdue and takes more leaves no window to the others."""


class Retention:
    """See the module. Shares what it looks after with the presentation."""

    def __init__(
        self,
        limit: int,
        periods: deque[Period],
        catalogue: Catalogue,
        waiting: Waiting,
        segmenter: Segmenter,
        sources: Mapping[Feed, Source],
    ) -> None:
        """``limit``: bytes."""
        self._limit = limit
        self._periods = periods
        self._catalogue = catalogue
        self._waiting = waiting
        self._segmenter = segmenter
        self._sources = sources

    @property
    def bytes_held(self) -> int:
        """Memory of all segments, and of chunks that have none yet, in bytes."""
        return self._waiting.bytes_held + self._catalogue.bytes_held

    @property
    def is_full(self) -> bool:
        """It holds more than it may."""
        return self.bytes_held > self._limit

    def bytes_growing(self, feed: Feed) -> int:
        """Of segments that grow with what comes in on ``feed``."""
        source = self._sources.get(feed)
        growing = [track.growing for track in source.tracks.values()] if source else []
        return sum(segment.bytes_held for segment in growing if segment is not None)

    def expire(self, horizon: float) -> None:
        """Let go what is from before ``horizon`` (seconds), and what is too much."""
        self._cut_overgrown(self._limit)
        self._catalogue.expire(horizon, self._limit - self._waiting.bytes_held)

    def drop_oldest(self) -> int:
        """Let the oldest segment go, or what waits to be in one; return the bytes that frees."""
        self._cut_overgrown(self.bytes_held)
        freed = self._catalogue.drop_oldest() or self._waiting.drop_oldest()
        if not freed and self._segmenter.cut_abandoned():
            freed = self._catalogue.drop_oldest()
        return freed

    def forget_periods(self, *, all_of_them: bool) -> bool:
        """Let periods go that have no segment left; but not the newest, while the event goes on.
        Returns whether there are less of them."""
        before = len(self._periods)
        while len(self._periods) > (not all_of_them):
            oldest = self._periods[0].id
            if any(s.epoch == oldest for t in self._tracks for s in t.segments.values()):
                break
            self._periods.popleft()
            for track in self._tracks:
                track.inits.pop(oldest, None)
        return len(self._periods) < before

    @property
    def _tracks(self) -> Collection[Track]:
        return self._catalogue.tracks.values()

    def _cut_overgrown(self, limit: int) -> None:
        """``limit``: bytes of which none that is overdue may take most."""
        for track, growing in list(self._overdue()):
            long = growing.duration > LONGEST_OVERDUE * track.timescale
            if long or growing.bytes_held * MOST > limit:
                self._segmenter.cut(track)
                for feed, source in self._sources.items():
                    if track in source.tracks.values():
                        feed.note_cut(track, growing)

    def _overdue(self) -> Iterator[tuple[Track, Segment]]:
        for track in self._tracks:
            growing = track.growing
            if growing is not None:
                announced = self._segmenter.announced_ticks(track, growing)
                if announced is not None and growing.duration > OVERDUE * announced:
                    yield track, growing
