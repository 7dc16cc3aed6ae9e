"""Numbers and times as XML Schema writes them: from fractions, so without the noise of floats."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from math import floor

PLACES = 9
"""Digits after the point. Exact for every time that came in as nanoseconds or coarser; what has no
finite decimal (a 90 kHz tick) is off by at most half a nanosecond, and a player's double cannot
tell 1.8e9 s apart from itself plus 0.2 µs anyway."""


def decimal(value: Fraction) -> str:
    """``xs:double`` or ``xs:decimal``: no exponent, no zeros that say nothing."""
    scaled = round(abs(value) * 10**PLACES)
    whole, rest = divmod(scaled, 10**PLACES)
    digits = f"{whole}.{rest:0{PLACES}d}".rstrip("0").rstrip(".")
    return f"-{digits}" if value < 0 and scaled else digits


def duration(seconds: Fraction) -> str:
    """``xs:duration``, in seconds alone: hours and days are allowed and help nobody."""
    if seconds < 0:
        raise ValueError(f"a duration of {seconds} s")
    return f"PT{decimal(seconds)}S"


def date_time(seconds: Fraction) -> str:
    """``xs:dateTime`` in UTC of seconds since 1970, rounded down to the millisecond.

    Milliseconds are what JavaScript's ``Date`` keeps; a finer time would compare as equal in one
    player and as newer in another.
    """
    whole, milliseconds = divmod(floor(seconds * 1000), 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


def milliseconds(seconds: Fraction) -> int:
    """The nearest whole milliseconds, at least one: 0 means "not given" to dash.js."""
    return max(1, round(seconds * 1000))


def ratio(width: int, height: int) -> str:
    """``RatioType`` of DASH: ``16:9``, in lowest terms."""
    lowest = Fraction(width, height)
    return f"{lowest.numerator}:{lowest.denominator}"


def frame_rate(rate: Fraction) -> str:
    """``FrameRateType`` of DASH: ``25`` or ``30000/1001``."""
    return str(rate)
