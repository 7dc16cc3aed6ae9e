"""What is announced of an encoder's timeline: which moment of the wall clock it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction


class Cause(Enum):
    """Why an epoch was opened."""

    FIRST = "first chunk"
    INIT = "new init segment"
    BACK = "timeline went back"
    LEAP = "timeline leapt forward"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A run, from one of its segments on, as it is announced: a DASH period."""

    id: str
    """As in ``init-{id}.mp4``: the start number, so as unique as that."""
    cause: Cause
    media_start: Fraction
    """Seconds on the run's timeline where the first segment starts (presentationTimeOffset)."""
    start: Fraction
    """UTC seconds it stands for: whole ms, which manifests can write; rounded up, not too early."""
    start_number: int
    produced_at: Fraction
    """UTC seconds when the encoder made what ``start`` presents (``prft``); else ``start``."""
    continues: str | None = None
    """Id of the epoch before it, if that is of the same run."""
    offset: Fraction = field(init=False, compare=False)
    """Seconds from media time to the wall clock."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "offset", self.start - self.media_start)

    @property
    def encoder_delay(self) -> Fraction:
        """Seconds from the encoder's making a picture to when it is announced for."""
        return self.start - self.produced_at

    def wall(self, media: Fraction) -> Fraction:
        """UTC seconds of a media time."""
        return media + self.offset

    def media(self, wall: Fraction) -> Fraction:
        """Media time of a UTC second."""
        return wall - self.offset
