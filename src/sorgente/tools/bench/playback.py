"""A player's buffer on paper: what is there, what is played, and when it stalls."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

JUMP_SECONDS: Final = 0.5
"""Media that begin so much after what is there are another timeline: players seek over the gap."""


@dataclass(slots=True)
class Stall:
    """One time that nothing was played for want of media."""

    began: float
    ended: float = inf

    def between(self, since: float, until: float) -> float:
        """Seconds of it in that span."""
        return max(0.0, min(self.ended, until) - max(self.began, since))


class Playback:
    """Plays at normal speed from ``delay`` seconds of media on; stalls when one of its tracks has
    no more, until there is as much again.

    Media times in seconds, on one timeline for all tracks. ``now`` only grows.
    """

    def __init__(self, tracks: int, delay: float) -> None:
        self.stalls: list[Stall] = []
        self.jumps = 0
        self.started_at: float | None = None
        self._delay = delay
        self._ends: list[float | None] = [None] * tracks
        self._begins = True  # rather than going on where it was
        self._position = 0.0  # at _since, when playing
        self._since: float | None = None  # playing since
        self._ready_at: float | None = None  # enough was there to begin

    @property
    def level(self) -> float:
        """Seconds that are there and not played, as of the last :meth:`settle`."""
        end = self._end()
        return 0.0 if end is None or self._since is None else max(0.0, end - self._position)

    def append(self, track: int, start: float, end: float, now: float) -> None:
        """A chunk of ``track`` is here."""
        self.settle(now)
        if self._since is None and all(each is None for each in self._ends):
            self._position = start
        known = self._ends[track]
        if known is not None and start > known + JUMP_SECONDS:
            self._jump(start)
        self._ends[track] = end if known is None else max(end, known)
        if self._since is None and self._ready_at is None and self._enough():
            self._ready_at = now

    def settle(self, now: float) -> None:
        """Play until ``now``."""
        if self._since is None:
            # Not at once: what is there on joining comes in one go, and is not all played.
            if self._ready_at is not None and now > self._ready_at:
                self._begin(now)
            return
        end = self._end()
        assert end is not None, "it plays"
        left = end - self._position
        if now - self._since <= left:
            self._position += now - self._since
            self._since = now
            return
        self._position = end
        self._stall(self._since + left)

    def restart(self, now: float) -> None:
        """What comes next is on a timeline of its own: of another response, or an encoder's next
        run. What is left is not played; it begins as at first, when there is enough."""
        self.settle(now)
        if self._since is not None:
            self._stall(now)
        self._ends = [None] * len(self._ends)
        self._ready_at = None
        self._begins = True

    def _stall(self, at: float) -> None:
        self.stalls.append(Stall(at))
        self._since = self._ready_at = None

    def _begin(self, now: float) -> None:
        end, ready = self._end(), self._ready_at
        assert end is not None, "there was enough"
        assert ready is not None
        if self.started_at is None:
            self.started_at = ready
        if self._begins:
            self._begins, self._position = False, end - self._delay
        if self.stalls and self.stalls[-1].ended == inf:
            self.stalls[-1].ended = ready
        self._since, self._ready_at = ready, None
        self.settle(now)

    def _jump(self, start: float) -> None:
        self.jumps += 1
        self._ends = [None if each is None else max(each, start) for each in self._ends]
        self._position = max(self._position, start - self._delay)

    def _enough(self) -> bool:
        end = self._end()
        if end is None:
            return False
        return self.started_at is None or end - self._position >= self._delay

    def _end(self) -> float | None:
        ends = [each for each in self._ends if each is not None]
        return min(ends) if len(ends) == len(self._ends) else None
