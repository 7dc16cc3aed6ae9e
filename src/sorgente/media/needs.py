"""What the encoder of a track has shown of what players need: how long they wait for a chunk, and
how many bits a second come.

What stands in for it, slates or another bit rate, says nothing of it. Neither does what it had
begun when it broke off: a key frame, and nothing behind it that is smaller.
"""

from __future__ import annotations

from sorgente.media.segment import Segment


class Needs:
    """Of one init segment: another encoder, another timescale, are other needs."""

    def __init__(self, timescale: int) -> None:
        self.timescale = timescale
        """Ticks per second."""
        self.bandwidth = 0
        """bit/s, of the segment that needed most."""
        self.longest_chunk = 0
        """Ticks; of chunks that are not the last of their segment."""
        self._last = 0
        self._own = 0
        """Ticks of the segment that grows, as far as the encoder sent it."""

    def begin_segment(self) -> None:
        """Chunks are of another one from now on."""
        self._last = self._own = 0

    def note_chunk(self, ticks: int, at_once: int) -> None:
        """The encoder sent a chunk of the segment that grows; ``at_once``: ticks that came in one
        piece, of which it may be a part."""
        self.longest_chunk = max(self.longest_chunk, self._last)
        self._last = at_once
        self._own += ticks

    def note_object(self, ticks: int) -> None:
        """The encoder sends objects as a whole, so that players wait for so many."""
        self.longest_chunk = max(self.longest_chunk, ticks)

    def end_segment(self, segment: Segment) -> None:
        """The one that grew is there, from its start to where another can begin."""
        if segment.duration and segment.duration == self._own:
            bits = segment.bytes * 8 * self.timescale
            self.bandwidth = max(self.bandwidth, bits // segment.duration)
