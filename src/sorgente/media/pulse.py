"""How the chunks of a track come: how often, how evenly, how old. A few numbers for each track, no
history: who wants a curve asks again and again."""

from __future__ import annotations

from typing import Final

SHARE: Final = 1 / 16
"""Of what is new in a smoothed number: RFC 3550 §6.4.1 has it for jitter."""


class Pulse:
    """Seconds, all of them; None while nothing is known."""

    __slots__ = ("_heard_at", "age", "interval", "jitter")

    def __init__(self) -> None:
        self.interval: float | None = None
        """Between two chunks."""
        self.jitter: float | None = None
        """How much chunks stray from the pace of what they carry."""
        self.age: float | None = None
        """Since what a chunk begins with was at the encoder, by the encoder's clock (``prft``)."""
        self._heard_at: float | None = None

    def note(self, now: float, duration: float) -> None:
        """A chunk that plays for ``duration`` has come."""
        if self._heard_at is not None:
            strayed = abs(now - self._heard_at - duration)
            self.interval = _smoothed(self.interval, now - self._heard_at)
            self.jitter = _smoothed(self.jitter or 0.0, strayed)
        self._heard_at = now

    def note_age(self, age: float) -> None:
        """So long ago what came began at the encoder."""
        self.age = _smoothed(self.age, age)

    def pause(self) -> None:
        """An encoder begins, perhaps long after the last one."""
        self._heard_at = self.age = None


def _smoothed(before: float | None, value: float) -> float:
    return value if before is None else before + (value - before) * SHARE
