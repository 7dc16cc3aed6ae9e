"""Times and numbers as XML Schema writes them, exactly: fractions of a second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final
from urllib.parse import urljoin

from sorgente.tools.mpd.tree import UnreadableManifest

INFINITE: Final = Fraction(10**9)
"""Seconds, for the ``INF`` of ``xs:double``: more than any segment."""

_DURATION: Final = re.compile(
    r"P(?:(?P<D>\d{1,9})D)?(?:T(?:(?P<H>\d{1,9})H)?(?:(?P<M>\d{1,9})M)?"
    r"(?:(?P<S>\d{1,12}(?:\.\d{1,18})?)S)?)?"
)
_SECONDS: Final = {"D": 86400, "H": 3600, "M": 60, "S": 1}
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(\.\d{0,18})?([eE][+-]?\d)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DIGITS: Final = 20


def duration(text: str) -> Fraction:
    """Seconds of an ``xs:duration`` without years and months.

    Raises:
        UnreadableManifest
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or text.strip() in ("P", "PT"):
        raise UnreadableManifest(f"{text[:40]!r} is no duration")
    return sum(
        (Fraction(match[unit] or 0) * worth for unit, worth in _SECONDS.items()), Fraction(0)
    )


def date_time(text: str) -> Fraction:
    """UTC seconds since 1970 of an ``xs:dateTime``; one without a zone is taken as UTC.

    Raises:
        UnreadableManifest
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UnreadableManifest(f"{text[:40]!r} is no date and time") from None
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return Fraction(since // timedelta(microseconds=1), 1_000_000)


def number(text: str) -> Fraction:
    """An ``xs:double``.

    Raises:
        UnreadableManifest
    """
    if text.strip() == "INF":
        return INFINITE
    if _NUMBER.fullmatch(text.strip()) is None:
        raise UnreadableManifest(f"{text[:40]!r} is no number")
    return Fraction(text.strip())


def address(base: str, relative: str) -> str:
    """A URL, as written at ``base``.

    Raises:
        UnreadableManifest
    """
    try:
        return urljoin(base, relative.strip())
    except ValueError as error:
        raise UnreadableManifest(f"{relative[:80]!r} is no URL: {error}") from None


def integer(text: str) -> int:
    """A whole number.

    Raises:
        UnreadableManifest
    """
    digits = text.strip()
    if len(digits) > _MAX_DIGITS or not digits.lstrip("-").isascii():
        raise UnreadableManifest(f"{text[:40]!r} is no whole number")
    try:
        return int(digits)
    except ValueError:
        raise UnreadableManifest(f"{text[:40]!r} is no whole number") from None
