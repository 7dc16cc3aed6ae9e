"""What the encoder of a track has shown of what players need: how long they wait for a chunk, and
how many bits a second come.

What stands in for it, slates or another bit rate, says nothing of it. Neither does what it had
begun when it broke off: a key frame, and nothing behind it that is smaller.
"""

from __future__ import annotations

from typing import Final

from sorgente.media.segment import Segment

SPAN_SECONDS: Final = 60
"""Of media. A camera that skips a second sends one long chunk; in a minute without another, players
that became later for it are back where they were."""

SHORTER: Final = 75
"""Per cent of what is announced. Not worth a manifest if it is more: what a packet or two make."""


class Needs:
    """Of one init segment: another encoder, another timescale, are other needs."""

    def __init__(self, timescale: int) -> None:
        self.timescale = timescale
        """Ticks per second."""
        self.bandwidth = 0
        """bit/s, of the segment that needed most."""
        self.longest_chunk = 0
        """Ticks; of chunks that are not the last of their segment, lately."""
        self._last = 0
        self._own = 0
        """Ticks of the segment that grows, as far as the encoder sent it."""
        self._passed = self._longest = 0
        """Ticks, of all chunks in this span, and of the longest."""
        self._lately = 0
        """Ticks of the longest in the last whole span; 0 while there is none."""

    def begin_segment(self) -> None:
        """Chunks are of another one from now on."""
        self._last = self._own = 0

    def note_chunk(self, ticks: int, at_once: int) -> None:
        """The encoder sent a chunk of the segment that grows; ``at_once``: ticks that came in one
        piece, of which it may be a part."""
        self.longest_chunk = max(self.longest_chunk, self._last)
        self._last = at_once
        self._own += ticks
        self._longest = max(self._longest, at_once)
        self._passed += ticks
        if self._passed >= SPAN_SECONDS * self.timescale:
            self._lately, self._longest, self._passed = self._longest, 0, 0
            self.longest_chunk = min(self.longest_chunk, self._lately)

    def note_object(self, ticks: int) -> None:
        """The encoder sends objects as a whole, so that players wait for so many."""
        self.longest_chunk = max(self.longest_chunk, ticks)
        self._longest = max(self._longest, ticks)

    def chunk_after(self, announced: int) -> int:
        """Ticks of a chunk, as they are to be announced after ``announced``: more at once, less
        when a whole span has had none that was nearly as long."""
        longest = max(announced, self.longest_chunk)
        lately = max(self._lately, self.longest_chunk)
        return lately if self._lately and lately * 100 <= longest * SHORTER else longest

    def end_segment(self, segment: Segment) -> None:
        """The one that grew is there, from its start to where another can begin."""
        if segment.duration and segment.duration == self._own:
            bits = segment.bytes * 8 * self.timescale
            self.bandwidth = max(self.bandwidth, bits // segment.duration)
