"""The clock a presentation goes by, read as players read it (ISO/IEC 23009-1 §5.8.4.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from sorgente.tools.errors import OriginLost
from sorgente.tools.mpd.tree import UnreadableManifest
from sorgente.tools.mpd.values import address, date_time
from sorgente.tools.web import Answer, Web

READINGS: Final = 5
"""The quickest counts: its answer was made nearest to the middle of its trip."""
BODY_SCHEMES: Final = ("http-iso", "http-xsdate")
DATE_RESOLUTION: Final = 0.5
"""``Date`` has whole seconds, cut off: half of one is added."""


@dataclass(slots=True)
class ClockSeen:
    """What became of asking for the time."""

    offset: float
    """UTC − the clock of the web."""
    trip: float
    """Seconds a reading took; the offset is good to half of it."""
    source: str
    """Scheme, or ``Date``."""
    url: str = ""
    date_gap: float | None = None
    """UTCTiming − ``Date`` of the same answer, or None when it had none."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """(URL, why) of what could not be read."""
    answers: list[Answer] = field(default_factory=list)


async def read_clock(
    web: Web, timings: Sequence[tuple[str, str]], manifest: Answer, wall_offset: float
) -> ClockSeen:
    """By the first ``UTCTiming`` that can be read; else by ``Date`` of the manifest; else this
    machine's own, which is ``wall_offset`` ahead of the clock of the web."""
    failures: list[tuple[str, str]] = []
    answers: list[Answer] = []
    for scheme, value in timings:
        name = scheme.rsplit(":", 2)[-2] if scheme.count(":") > 1 else scheme
        if name not in (*BODY_SCHEMES, "http-head"):
            continue
        for url in value.split():
            seen = await _read(web, name, address(manifest.url, url), failures)
            answers += seen[1]
            if seen[0] is not None:
                seen[0].failures, seen[0].answers = failures, answers
                return seen[0]
    date = _date(manifest)
    if date is not None:
        trip = manifest.head_at - manifest.asked_at
        offset = date + DATE_RESOLUTION - (manifest.asked_at + manifest.head_at) / 2
        return ClockSeen(offset, trip + 1, "Date", "", None, failures, answers)
    return ClockSeen(wall_offset, 1.0, "this machine", "", None, failures, answers)


async def _read(
    web: Web, scheme: str, url: str, failures: list[tuple[str, str]]
) -> tuple[ClockSeen | None, list[Answer]]:
    best: ClockSeen | None = None
    answers: list[Answer] = []
    method = "HEAD" if scheme == "http-head" else "GET"
    for _ in range(READINGS):
        try:
            answer = await web.ask(url, method=method)
            answers = [answer]
            seen = _seen(answer, scheme)
        except (OriginLost, UnreadableManifest) as error:
            failures.append((url, str(error)))
            break
        if best is None or seen.trip < best.trip:
            best = seen
    return best, answers


def _seen(answer: Answer, scheme: str) -> ClockSeen:
    if answer.status != 200:
        raise UnreadableManifest(f"status {answer.status}")
    date = _date(answer)
    resolution = 0.0
    if scheme == "http-head":
        if date is None:
            raise UnreadableManifest("no Date")
        utc, resolution = date + DATE_RESOLUTION, 1.0
    else:
        utc = float(date_time(answer.body.decode("ascii", "replace")))
    middle = (answer.asked_at + answer.head_at) / 2
    gap = None if date is None or scheme == "http-head" else utc - date
    trip = answer.head_at - answer.asked_at + resolution
    return ClockSeen(utc - middle, trip, scheme, answer.url, gap)


def _date(answer: Answer) -> float | None:
    try:
        at = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
