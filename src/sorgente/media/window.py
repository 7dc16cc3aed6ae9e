"""What is kept of a stream: an append-only run of chunks, oldest dropped first.

Chunks are numbered from 0 for ever; a cursor is such a number, so it stays right whatever is
dropped in front of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import cast

from sorgente.media.chunk import Chunk


@dataclass(frozen=True, slots=True)
class WindowBounds:
    """How much a window keeps at the most."""

    seconds: float
    """By arrival time. Age alone never drops the newest random access point and what follows it:
    a late joiner needs it, however long the group of pictures is."""
    bytes: int
    """Hard, whatever the age."""


class Window:
    """Chunks ``first`` … ``end - 1``."""

    __slots__ = (
        "_access_points",
        "_bounds",
        "_chunks",
        "_holes",
        "_joinable_from",
        "bytes",
        "first",
    )

    def __init__(self, bounds: WindowBounds) -> None:
        self._bounds = bounds
        self._chunks: list[Chunk | None] = []
        self._holes = 0
        """How many of ``_chunks``, from the first on, have been dropped."""
        self._access_points: deque[int] = deque()
        self._joinable_from = 0
        self.first = 0
        self.bytes = 0

    @property
    def end(self) -> int:
        """The number the next chunk will get: where a cursor that has read everything stands."""
        return self.first + len(self)

    def __len__(self) -> int:
        return len(self._chunks) - self._holes

    def __getitem__(self, number: int) -> Chunk:
        if number < self.first:
            raise IndexError(f"chunk {number} has left the window, which starts at {self.first}")
        return self.run(number, 1)[0]

    def run(self, number: int, limit: int) -> list[Chunk]:
        """At most ``limit`` chunks from ``number`` on."""
        start = number - self.first + self._holes
        return cast(list[Chunk], self._chunks[start : start + limit])

    @property
    def newest_random_access(self) -> int | None:
        """Where a late joiner starts, unless it asks for more."""
        if self._access_points:
            return self._access_points[-1]
        # An encoder that cuts by duration alone (ffmpeg -frag_duration without frag_keyframe) may
        # never again start a chunk with a key frame. One with a key frame inside is the next best:
        # decoders drop what they cannot decode before it.
        for number in range(self.end - 1, max(self.first, self._joinable_from) - 1, -1):
            if self[number].has_sync_sample:
                return number
        return None

    @property
    def oldest_random_access(self) -> int | None:
        """Where ``?from=oldest`` starts."""
        return self._access_points[0] if self._access_points else self.newest_random_access

    @property
    def oldest_received_at(self) -> float | None:
        """Arrival time of the oldest chunk kept; None when the window is empty."""
        return self[self.first].received_at if len(self) else None

    @property
    def crowded(self) -> bool:
        """Three quarters of its bytes are in use."""
        return self.bytes * 4 >= self._bounds.bytes * 3

    def append(self, chunk: Chunk, now: float) -> None:
        """Keep ``chunk``, and drop what is over the bounds."""
        if chunk.random_access:
            self._access_points.append(self.end)
        self._chunks.append(chunk)
        self.bytes += chunk.bytes_held
        self.expire(now)

    def expire(self, now: float) -> None:
        """Drop what is older or larger than the bounds allow."""
        too_old = now - self._bounds.seconds
        while len(self._chunks) > self._holes:
            oldest = cast(Chunk, self._chunks[self._holes])
            protected = bool(self._access_points) and self._access_points[-1] == self.first
            fresh = protected or oldest.received_at >= too_old
            if fresh and self.bytes <= self._bounds.bytes:
                break
            self.drop_oldest()

    def drop_oldest(self) -> int:
        """Drop one chunk, whatever its age, and return the bytes that frees (0 when empty)."""
        if not len(self):
            return 0
        freed = self[self.first].bytes_held
        self._chunks[self._holes] = None
        self._holes += 1
        if 2 * self._holes > len(self._chunks):
            # Closing the gap each time would move the whole list for every chunk.
            del self._chunks[: self._holes]
            self._holes = 0
        self.bytes -= freed
        self.first += 1
        if self._access_points and self._access_points[0] < self.first:
            self._access_points.popleft()
        return freed

    def forget_random_access(self) -> None:
        """Nobody may start at what is here: the init segment has changed."""
        self._access_points.clear()
        self._joinable_from = self.end
