"""The smallest of a series of delays, in a sliding window: what is left of them without jitter."""

from __future__ import annotations

from fractions import Fraction

NS = 10**9
MS = NS // 1000
UNKNOWN = 1 << 63
"""ns: above every sample."""
BLOCK, ENOUGH = 30 * NS, 30
"""A minimum counts while its block of 30 s and 30 chunks fills, and the next: a clock 200 ppm slow
is seen 12 ms late; of 30 delays spread over 300 ms, one is below 75 ms but 2 times in 10,000."""
SETTLE_QUIET, SETTLE_STEP = 500 * MS, 10 * MS
"""Settled: not fallen by 10 ms for 15 frames. Backlogs and slow starts fall, real time does not."""
SETTLE_BOUND = 2000 * MS
"""…or when it took this long: players should be back 3 s after the encoder is."""
LATE, LATE_QUIET, LATE_CHUNKS, LATE_STEP = 400 * MS, 1000 * MS, 5, 150 * MS
"""Chunks this late are jitter (300 ms must not matter) or the encoder's clock stood still: if five
in a second are, and catch up less than the step in it: networks catch up at once, ffmpeg's ``-re``
50 ms a second. Waiting longer stalls players, an error costs two periods."""


class Settling:
    """The smallest sample (ns) of a series that falls until it has settled."""

    def __init__(self, quiet: int, chunks: int = 1, step: int = SETTLE_STEP) -> None:
        self.minimum = self._level = UNKNOWN
        self._quiet, self._chunks, self._step = quiet, chunks, step
        self._fell = self._count = 0

    def add(self, sample: int, now: int) -> None:
        """One more."""
        self.minimum = min(self.minimum, sample)
        self._count += 1
        if sample < self._level - self._step:
            self._level, self._fell, self._count = sample, now, 1

    def settled(self, now: int) -> bool:
        """It does not fall any more."""
        return self._count >= self._chunks and now - self._fell >= self._quiet


class Minimum:
    """The smallest sample (ns) lately; it steps up at once when all samples do."""

    def __init__(self) -> None:
        self.estimate = self._older = self._newer = UNKNOWN
        self._began = self._count = 0
        self._first = Settling(SETTLE_QUIET)
        self._settled = False
        self._late: Settling | None = None

    def add(self, sample: int, now: int) -> None:
        """One more, at ``now``. A clock that was set back ends a block too."""
        if not self._settled:
            self._first.add(sample, now)
        if sample > self.estimate + LATE:
            self._suspect(sample, now)
        else:
            self._late = None
        if self._count >= ENOUGH and abs(now - self._began) >= BLOCK:
            self._rotate(self._newer, now)
        elif self._count == 0:
            self._began = now
        self._count += 1
        self._newer = min(self._newer, sample)
        self.estimate = min(self._older, self._newer)

    def settled(self, now: int) -> bool:
        """Backlogs and slow starts are over."""
        self._settled = self._settled or self._first.settled(now)
        return self._settled

    @property
    def doubtful(self) -> bool:
        """What came last is far above the estimate: jitter, or that is wrong."""
        return self._late is not None

    def _rotate(self, older: int, now: int) -> None:
        self._older, self._newer = older, UNKNOWN
        self._began, self._count = now, 0

    def _suspect(self, sample: int, now: int) -> None:
        if self._late is None or sample > self._late.minimum + LATE:  # another stall
            self._late = Settling(LATE_QUIET, LATE_CHUNKS, LATE_STEP)
        self._late.add(sample, now)
        if self._late.settled(now):
            self._rotate(self._late.minimum, now)
            self._late = None


def nanoseconds(seconds: Fraction) -> int:
    """Rounded down."""
    return seconds.numerator * NS // seconds.denominator
