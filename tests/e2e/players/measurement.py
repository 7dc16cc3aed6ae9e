"""What is measured of a viewer, and where it is written down."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.e2e.players.encoder import Input
from tests.e2e.players.site import Name
from tests.e2e.players.viewer import Sample, Viewer

VARIABLE: Final = "SORGENTE_MEASUREMENTS"
"""In the environment: a file that gets every measurement, as a line of JSON."""

SETTLING_SECONDS: Final = 15.0
CALM_SECONDS: Final = 3.0
"""Of pictures in time, without a stall: the player has settled."""
STILL_SECONDS: Final = 0.5
"""Without a new picture: one is missing."""
GRACE_SECONDS: Final = 30.0
"""On top of what has to take a time, for a machine with other things to do."""


@dataclass(frozen=True, kw_only=True)
class Glass:
    """Glass to glass, in milliseconds, over ``seconds``."""

    player: Name
    input: str
    """One of ``INPUTS``, or what stands for it in ``docs/encoders.md``."""
    target: float | None
    """``--latency-target``; None: the origin's default."""
    seconds: float
    frames: int
    p50: float
    p95: float
    max: float
    stalls: int
    longest_still: float
    """Between two pictures."""
    first_picture: float
    """Since the player was given the address."""
    first_picture_since_page: float
    """Since the browser asked for the page: the player's script is loaded first."""
    settled: float
    """Since the first picture."""
    stalls_before: int
    unreadable: int
    dropped: int
    clock_skew: float


@dataclass(frozen=True, kw_only=True)
class Steady:
    """A picture without a clock, over ``seconds``: how far behind the player says it is."""

    player: Name
    input: str
    seconds: float
    frames: int
    p50: float
    """Of ``getCurrentLiveLatency()``, in milliseconds."""
    max: float
    stalls: int


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """An encoder went away and came back."""

    player: Name
    input: Input
    end: str
    away: float
    back: float
    """Seconds from the start of the new encoder to its first picture on the screen."""
    late: float
    """Milliseconds: p95 of the first pictures after that."""
    stalls: int
    bad: int
    """Answers with a status of 400 or more."""
    errors: int


@dataclass(frozen=True, kw_only=True)
class Accident:
    """Something happened to an encoder, and was over again."""

    player: Name
    input: str
    fault: str
    away: float
    """Seconds that it lasted."""
    back: float | None
    """Seconds from the end of it to the first picture on the screen that was made after it."""
    on_target: float | None
    """Seconds from the end of it until the player was at its latency target, and stayed there."""
    late: float | None
    """Milliseconds: p95 of the last second."""
    longest_still: float
    """Between two pictures, since it began, in milliseconds."""
    stalls: int
    bad: int
    """Answers with a status of 400 or more."""
    errors: int


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A network became worse, and perhaps better again."""

    player: Name
    target: float
    """``--latency-target``."""
    limit: int
    """kbit/s, while it was worse."""
    down: float
    """Seconds until a lower rate was on the screen."""
    up: float | None
    """The same of the best one, since the network was better again."""
    late: float
    """Milliseconds: p95 of all pictures since the network changed last."""
    longest_still: float
    stalls: int


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Glass to glass on the watch page, in milliseconds, over ``seconds``."""

    what: str
    seconds: float
    frames: int
    p50: float
    p95: float
    max: float
    stalls: int
    longest_still: float
    """Between two pictures."""
    load: float
    """Of the machine: processes that run or want to, in the last minute."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def late(samples: Sequence[Sample], share: float) -> float:
    """A percentile of glass-to-glass times, in milliseconds."""
    return round(percentile([sample.late for sample in samples], share) * 1000, 1)


def longest_still(samples: Sequence[Sample]) -> float:
    """The longest time between two pictures, in milliseconds."""
    gaps = [after.shown - before.shown for before, after in pairwise(samples)]
    return round(max(gaps, default=0.0) * 1000, 1)


def write_down(measurement: Glass | Steady | Recovery | Accident | Switch | Watch) -> None:
    """Print it, and append it to the file of SORGENTE_MEASUREMENTS if there is one."""
    entry = {"kind": type(measurement).__name__.lower(), "at": round(time.time())}
    line = json.dumps(entry | asdict(measurement))
    print(line)  # noqa: T201
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a") as file:
            file.write(line + "\n")


def on_target(samples: Sequence[Sample], limit: float, now: float) -> float | None:
    """Since when every picture has been in time (``limit`` ms) and none was missing; None unless
    that is ``CALM_SECONDS`` ago."""
    if not samples:
        return None
    since = samples[0].shown
    for before, sample in pairwise(samples):
        if sample.late * 1000 > limit or sample.shown - before.shown > STILL_SECONDS:
            since = sample.shown
    calm = now - since >= CALM_SECONDS and now - samples[-1].shown <= STILL_SECONDS
    return since if calm else None


def settled(viewer: Viewer, limit: float) -> bool:
    """Whether the last seconds were calm: nineteen pictures of twenty in time, no stall."""
    since = time.time() - CALM_SECONDS
    if viewer.first_picture is None or viewer.first_picture > since or viewer.stalled(since):
        return False
    recent = viewer.since(since)
    return bool(recent) and late(recent, 0.95) <= limit


async def glass_to_glass(
    viewer: Viewer, player: Name, form: str, target: float | None, limit: float, seconds: float
) -> Glass:
    """Let the player settle (p95 within ``limit`` ms, at most 15 s), then measure."""
    await viewer.until(lambda: viewer.first_picture is not None, GRACE_SECONDS, "the first picture")
    first, asked = viewer.first_picture, viewer.asked
    assert first is not None
    assert asked is not None
    end_of_settling = first + SETTLING_SECONDS
    await viewer.until(
        lambda: settled(viewer, limit) or time.time() > end_of_settling,
        SETTLING_SECONDS + GRACE_SECONDS,
        "the end of settling",
    )
    begin = time.time()
    stalls_before, unreadable = len(viewer.stalls), viewer.unreadable
    await viewer.until(
        lambda: time.time() >= begin + seconds, seconds + GRACE_SECONDS, "the end of measuring"
    )
    samples = viewer.since(begin)
    assert samples, await viewer.evidence("no picture was shown while measuring")
    measured = Glass(
        player=player,
        input=form,
        target=target,
        seconds=seconds,
        frames=len(samples),
        p50=late(samples, 0.5),
        p95=late(samples, 0.95),
        max=late(samples, 1.0),
        stalls=len(viewer.stalls) - stalls_before,
        longest_still=longest_still(samples),
        first_picture=round((first - asked) * 1000, 1),
        first_picture_since_page=round((first - viewer.opened) * 1000, 1),
        settled=round(begin - first, 1),
        stalls_before=stalls_before,
        unreadable=viewer.unreadable - unreadable,
        dropped=viewer.dropped,
        clock_skew=round(viewer.clock_skew * 1000, 1),
    )
    write_down(measured)
    return measured


async def steadily(viewer: Viewer, player: Name, form: str, limit: float, seconds: float) -> Steady:
    """Watch a picture without a clock, from when the player says it is within ``limit`` ms."""
    latencies: list[float] = []

    def within() -> bool:
        return viewer.latency is not None and viewer.latency * 1000 <= limit

    await viewer.until(within, SETTLING_SECONDS + GRACE_SECONDS, f"a latency of {limit} ms")
    begin, frames, stalls = time.time(), viewer.shown, len(viewer.stalls)

    def over() -> bool:
        if viewer.latency is not None:
            latencies.append(viewer.latency)
        return time.time() >= begin + seconds

    await viewer.until(over, seconds + GRACE_SECONDS, "the end of measuring")
    found = Steady(
        player=player,
        input=form,
        seconds=seconds,
        frames=viewer.shown - frames,
        p50=round(percentile(latencies, 0.5) * 1000, 1),
        max=round(max(latencies) * 1000, 1),
        stalls=len(viewer.stalls) - stalls,
    )
    write_down(found)
    return found
