"""When a path that is published is quieter than it should be."""

from __future__ import annotations

from typing import Final

STALL_SECONDS: Final = 3.0
"""Nobody notices less: players recover from it by themselves, and by then most have run dry."""

USUAL_AT_FIRST: Final = 10.0
"""Seconds between two arrivals of an encoder that is not known yet: ffmpeg sends a group of
pictures at a time, which lasts 10 s at its defaults and 25 fps."""

TIMES_USUAL: Final = 2
"""So many times what is usual is a stall."""

SHARE: Final = 1 / 16
"""By which what is usual becomes shorter with each arrival that came sooner; as in
:mod:`sorgente.media.pulse`. After a quarter of a minute of steady arrivals it is theirs."""


class Silence:
    """How long nothing has come of a path, and how long that usually is. Times: seconds."""

    __slots__ = ("_away_since", "_bytes_in", "_heard_at", "_usual")

    def __init__(self, now: float) -> None:
        self._away_since: float | None = None
        self._heard_at = now
        self._bytes_in = 0
        self._usual = USUAL_AT_FIRST

    def begin(self, now: float) -> None:
        """An encoder is there, or there again."""
        self._heard_at, self._bytes_in = now, 0

    def break_off(self, now: float) -> None:
        """It is away."""
        self._away_since = now

    def note(self, bytes_in: int, now: float) -> None:
        """So much has come by now."""
        if bytes_in == self._bytes_in:
            return
        gap = now - self._heard_at
        self._usual = max(gap, self._usual + (gap - self._usual) * SHARE)
        self._heard_at, self._bytes_in = now, bytes_in
        self._away_since = None

    def excuse(self, now: float) -> None:
        """It need not send anything."""
        self._heard_at = now

    @property
    def is_away(self) -> bool:
        """Its encoder broke off, and nothing has come since."""
        return self._away_since is not None

    def away_for(self, now: float) -> float:
        """Seconds since it broke off."""
        return 0.0 if self._away_since is None else now - self._away_since

    def lasts(self, now: float) -> float:
        """Seconds since something came."""
        return now - self._heard_at

    def is_stall(self, now: float) -> bool:
        """Whether that is too long. Who broke off is not waited for as if it were just slow."""
        if self._away_since is not None:
            return self.away_for(now) >= STALL_SECONDS
        return self.lasts(now) >= max(STALL_SECONDS, TIMES_USUAL * self._usual)
