"""Rules for an MPD and the one after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.tools.check.rule import DASH, TIMING, Breach, Rulebook, Severity
from sorgente.tools.mpd.presentation import Mpd, Period, Representation

PROBLEM: Final = Severity.PROBLEM
MOVED_SECONDS: Final = Fraction(1, 100)
"""A segment may be listed anew with a time that is rounded otherwise, not with another time."""


@dataclass(frozen=True, slots=True)
class Update:
    """Two MPDs of one presentation, in the order they came in."""

    before: Mpd
    after: Mpd
    changed: bool
    """Their bytes differ."""
    at: Fraction
    """UTC of the later one."""


UPDATES: Final = Rulebook[Update]()


@UPDATES.rule("publish-time", PROBLEM, f"{DASH} §5.3.1.2, §5.4", "what changes is newer")
def _(update: Update) -> Iterator[Breach]:
    before, after = (mpd.moment("publishTime") for mpd in (update.before, update.after))
    if before is None or after is None:
        return
    if after < before:
        yield Breach("MPD", f"@publishTime went back by {float(before - after):.3f} s")
    elif update.changed and after == before:
        yield Breach("MPD", "has changed, and its @publishTime has not: players ignore it")


@UPDATES.rule("start-time-constant", PROBLEM, f"{TIMING}; {DASH} §5.4",
              "availabilityStartTime never changes")  # fmt: skip
def _(update: Update) -> Iterator[Breach]:
    before, after = (mpd.moment("availabilityStartTime") for mpd in (update.before, update.after))
    if before != after and update.after.live:
        yield Breach("MPD", "@availabilityStartTime has changed: all segments move")


@UPDATES.rule("period-constant", PROBLEM, f"{DASH} §5.4", "a period stays where it is")
def _(update: Update) -> Iterator[Breach]:
    for before, after in _periods(update):
        if before.start != after.start:
            yield Breach(f"Period {after.id}", "has moved by"
                         f" {float(after.start - before.start):+.3f} s")  # fmt: skip


@UPDATES.rule("period-kept", PROBLEM, f"{DASH} §5.4, §5.3.1.2",
              "a period stays until its time shift is over")  # fmt: skip
def _(update: Update) -> Iterator[Breach]:
    left = {period.id for period in update.after.periods}
    depth = update.before.seconds("timeShiftBufferDepth")
    for period in update.before.periods:
        is_old = depth is not None and period.end is not None and period.end + depth <= update.at
        if period.id not in left and not is_old:
            yield Breach(f"Period {period.id}", "has gone, though it is within the time shift")


@UPDATES.rule("segments-forward", PROBLEM, f"{DASH} §5.4", "the live edge never goes back")
def _(update: Update) -> Iterator[Breach]:
    for before, after in _representations(update):
        old, new = before.addressing, after.addressing
        if old is None or new is None:
            continue
        if new.start_number < old.start_number:
            yield Breach(after.name, f"@startNumber went back from {old.start_number} to"
                         f" {new.start_number}")  # fmt: skip
        if old.listed and new.listed and new.listed[-1][0] < old.listed[-1][0]:
            yield Breach(after.name, "the last segment that is listed is older than before")


@UPDATES.rule("segments-constant", PROBLEM, f"{DASH} §5.4", "a number stands for one time")
def _(update: Update) -> Iterator[Breach]:
    for before, after in _representations(update):
        old, new = before.addressing, after.addressing
        if old is None or new is None or not old.by_name or old.media != new.media:
            continue
        number = max(old.start_number, new.start_number)
        was, now = old.numbered(number), new.numbered(number)
        if was and now and "$Number" in old.media and abs(was.starts - now.starts) > MOVED_SECONDS:
            yield Breach(after.name, f"segment {number} was at {float(was.starts):.3f}, and is at"
                         f" {float(now.starts):.3f} now")  # fmt: skip


@UPDATES.rule("representation-kept", PROBLEM, f"{DASH} §5.4", "representations of a period stay")
def _(update: Update) -> Iterator[Breach]:
    for before, after in _periods(update):
        left = {each.id for each in after.representations}
        for each in before.representations:
            if each.id not in left:
                yield Breach(each.name, f"has gone from period {after.id}")


def _periods(update: Update) -> Iterator[tuple[Period, Period]]:
    """Those of both. Of a recording none is where it was in the event."""
    if update.before.on_wall_clock and not update.after.on_wall_clock:
        return
    known = {period.id: period for period in update.before.periods}
    for period in update.after.periods:
        if period.id in known:
            yield known[period.id], period


def _representations(update: Update) -> Iterator[tuple[Representation, Representation]]:
    for before, after in _periods(update):
        known = {each.id: each for each in before.representations}
        for each in after.representations:
            if each.id in known:
                yield known[each.id], each
