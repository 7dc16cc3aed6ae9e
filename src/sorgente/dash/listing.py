"""The live edge for clients that do not know where a Period starts.

ffmpeg's demuxer finds segments that are numbered as ``startNumber + (now − availabilityStartTime) /
duration``: without ``Period@start``, which here is all of it (design §3 rule 7), so it asks for
those of the next century. Of several periods it takes the longest one that is over. Listed segments
it takes from the list. So it gets one period with the newest segments listed. It begins with the
oldest of them, counts on at the end of the list, and is held until there is more (design §3 rule
6): it stays as close to live as it began.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Final

from sorgente.dash.manifest import render
from sorgente.media.snapshot import (
    PeriodSnapshot,
    PresentationSnapshot,
    SegmentEntry,
    TrackSnapshot,
)

LISTED: Final = 3
"""Segments: one to begin with, one for what the network does meanwhile, and the one that grows."""


def render_listed(snapshot: PresentationSnapshot, now: Fraction) -> bytes:
    """The MPD at ``now``, in UTC seconds; that of an event which is over is as for all others."""
    if snapshot.ended:
        return render(snapshot)
    return render(listed(snapshot, now))


def listed(snapshot: PresentationSnapshot, now: Fraction) -> PresentationSnapshot:
    """The newest period alone, the newest segments of its tracks one by one."""
    newest = snapshot.periods[-1]
    tracks = tuple(replace(track, segments=_newest(track, newest, now)) for track in newest.tracks)
    return replace(snapshot, periods=(replace(newest, tracks=tracks, continues=None),))


def _newest(
    track: TrackSnapshot, period: PeriodSnapshot, now: Fraction
) -> tuple[SegmentEntry, ...]:
    """At their nominal times, the one that grows by the clock included."""
    elapsed = max(Fraction(0), now - period.start)
    growing = floor(elapsed * track.timescale / track.segment_duration)
    return tuple(
        SegmentEntry(
            number=track.start_number + index,
            time=track.presentation_time_offset + index * track.segment_duration,
            duration=track.segment_duration,
        )
        for index in range(max(0, growing + 1 - LISTED), growing + 1)
    )
