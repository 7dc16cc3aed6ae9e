"""How long to wait before another try."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Twice as long each time, up to a bound, until something has gone well for a while.

    ``first``, ``most`` and ``healthy`` are in seconds. What lasted ``healthy`` seconds was no
    failure to start: the next wait is the first again.
    """

    first: float = 0.5
    most: float = 15.0
    """An encoder that is back 15 s after its origin is back has not been away for long."""
    healthy: float = 20.0
    _next: float = field(default=0.0, init=False)

    def after(self, lasted: float) -> float:
        """Seconds to wait, when the last try lasted so many."""
        if lasted >= self.healthy or not self._next:
            self._next = self.first
        wait = self._next
        self._next = min(wait * 2, self.most)
        return wait
