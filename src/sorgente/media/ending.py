"""When the event is over: not with its last encoder, which may only have been restarted, and not
at once for those who watch."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from sorgente.media.publisher import Outcome

FAREWELL: Final = 5.0
"""Seconds that a manifest of an event that is over keeps its timeline: until those who watch have
seen its end. Then it becomes one of a recording, on a timeline of its own (``dash.recording``)."""

LAST_ONE_KNOWS: Final = Fraction(FAREWELL) + 3
"""Seconds until the last player does: a look at the manifest more, one that was late, and what a
player asks for ahead. What the clock promises until then is empty: Shaka dies of a 404 when the
manifest is static."""


class Ending:
    """See the module. It goes on; then it is *expected* to be over; then it is, with a *farewell*
    first; and at any time it may go on again."""

    def __init__(self, linger: float, absence: float) -> None:
        """Seconds: see :class:`~.presentation.PresentationRules`."""
        self.over = False
        self.broken = False
        """An encoder broke off, since there was none at all."""
        self._linger = linger
        self._absence = absence
        self._expected_at: float | None = None
        """Seconds: when the event is over, if no encoder comes."""
        self._farewell_until: float | None = None

    @property
    def lingers(self) -> bool:
        """It came to a clean end, which may have been a restart."""
        return self._expected_at is not None and not self.broken

    @property
    def is_near(self) -> bool:
        """It is expected, or there."""
        return self.over or self._expected_at is not None

    @property
    def is_farewell(self) -> bool:
        """Those who watch are told."""
        return self._farewell_until is not None

    def call_off(self) -> bool:
        """An encoder is there. Returns whether it was over."""
        was_over, self.over = self.over, False
        self._expected_at = self._farewell_until = None
        return was_over

    def expect(self, outcome: Outcome, now: float) -> None:
        """The last encoder is gone; ``outcome``: of its upload."""
        patience = self._linger if outcome is Outcome.COMPLETE else self._absence
        self._expected_at = now + patience

    def hasten(self, now: float) -> None:
        """Nothing more is waited for."""
        if self._expected_at is not None:
            self._expected_at = now

    def comes(self, now: float) -> bool:
        """Whether the event is over now; said once."""
        due = self._expected_at is not None and now >= self._expected_at
        if due:
            self._expected_at = None
        return due

    def begin(self, now: float) -> None:
        """It is over, and there is something left to be seen."""
        self.over = True
        self._farewell_until = now + FAREWELL

    def is_known(self, now: float) -> bool:
        """Whether all who watch have been told now; said once."""
        known = self._farewell_until is not None and now >= self._farewell_until
        if known:
            self._farewell_until = None
        return known
