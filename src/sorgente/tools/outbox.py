"""The chunks of one track that are still to be sent.

The rules:

1. An upload begins with the init segment and a chunk that players can start at.
2. What cannot be sent in time is dropped from the old end, up to the newest chunk that players can
   start at: live is now.
3. The encoder is never made to wait: it would keep its input waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.upload import Unit

MAX_SECONDS: Final = 5.0
"""Of media that wait before the newest chunk. As long as a player waits for a segment; longer ago
is not live any more. The newest is live however long it is: of a picture that stood still for a
minute, one is made when the next picture is there."""


class Outbox:
    """Units of an encoder's output in; what to send out."""

    def __init__(self) -> None:
        self.init: InitSegment | None = None
        self.changed = asyncio.Event()
        """Set whenever there may be more to do; whoever waits clears it."""
        self.bytes_sent = 0
        self.dropped_seconds = 0.0
        """Of media that came after the beginning, and were never sent."""
        self.key_frame_seconds: float | None = None
        """The longest time between two chunks that players can start at."""
        self.ended: bool | None = None
        """True: nothing more will come, and that is how it should be. False: it broke off."""

        self._waiting: deque[tuple[MediaChunk, float]] = deque()  # with its seconds
        self._seconds = 0.0
        self._last_start: float | None = None
        self._start_missing = True  # what comes next refers to what was dropped

    def put(self, unit: Unit) -> None:
        """Take what the encoder made. What is neither init segment nor chunk is not sent."""
        if isinstance(unit, InitSegment):
            self.init = unit
        elif isinstance(unit, MediaChunk):
            self._put(unit, self._note(unit))
        self.changed.set()

    def end(self, *, clean: bool) -> None:
        """Nothing more will come."""
        self.ended = clean
        self.changed.set()

    def take(self) -> MediaChunk | None:
        """The next chunk to send; None: there is none yet."""
        if not self._waiting:
            return None
        chunk, seconds = self._waiting.popleft()
        self._seconds -= seconds
        return chunk

    @property
    def at_start(self) -> bool:
        """What comes next can begin an upload. Once chunks have been taken, only after
        ``rewind``."""
        return self.init is not None and bool(self._waiting) and self._starts(0)

    @property
    def is_video(self) -> bool:
        """It is a picture."""
        return self.init is not None and self.init.leading_track.kind == "video"

    @property
    def starts_at(self) -> float:
        """Decode time, in seconds, of what comes next; 0 when nothing does."""
        return self._time(self._waiting[0][0]) if self._waiting else 0.0

    def drop_before(self, seconds: float) -> None:
        """Drop what is earlier than a decode time, and does not count as lost."""
        lost = self.dropped_seconds
        while self._waiting and self.starts_at < seconds:
            self._drop(1)
            while self._waiting and not self._starts(0):
                self._drop(1)
        self.dropped_seconds = lost

    def rewind(self) -> None:
        """Drop what is before the newest chunk that players can start at; all, if there is
        none."""
        starts = (at for at in reversed(range(len(self._waiting))) if self._starts(at))
        self._drop(next(starts, len(self._waiting)))

    def _starts(self, at: int) -> bool:
        return self._waiting[at][0].random_access

    def _put(self, chunk: MediaChunk, seconds: float) -> None:
        if self._start_missing and not chunk.random_access:
            begun = self._last_start is not None
            self.dropped_seconds += seconds if begun else 0.0
            return
        self._start_missing = False
        self._waiting.append((chunk, seconds))
        self._seconds += seconds
        if self._seconds - seconds > MAX_SECONDS:
            self.rewind()
        if self._seconds - seconds > MAX_SECONDS:  # of a single group of pictures
            self._drop(len(self._waiting))

    def _drop(self, count: int) -> None:
        for _ in range(count):
            _, seconds = self._waiting.popleft()
            self._seconds -= seconds
            self.dropped_seconds += seconds
        if not self._waiting:
            self._start_missing = True
            self._seconds = 0.0  # and not what rounding left of it

    @staticmethod
    def _time(chunk: MediaChunk) -> float:
        track = chunk.init.leading_track
        fragment = chunk.track(track.track_id)
        return 0.0 if fragment is None else fragment.base_decode_time / track.timescale

    def _note(self, chunk: MediaChunk) -> float:
        """The seconds of a chunk, and of what lies between key frames."""
        track = chunk.init.leading_track
        fragment = chunk.track(track.track_id)
        if fragment is None:
            return 0.0
        if chunk.random_access:
            start = self._time(chunk)
            if self._last_start is not None:
                apart = start - self._last_start
                self.key_frame_seconds = max(apart, self.key_frame_seconds or 0.0)
            self._last_start = start
        return fragment.duration / track.timescale
