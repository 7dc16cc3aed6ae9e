"""What is left of a presentation when the event is over: the window, as a recording.

A static MPD counts from 0, not from 1970: players show the length of what can be watched, and MSE
keeps its precision. 0 is where the oldest period that is still listed started. Of that period only
the end may be left, so it starts later, at its place, with the oldest segment that is there; the
place matters because Shaka, when a live MPD turns static, puts the first Period where the first
one was and counts ``mediaPresentationDuration`` from there.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

from sorgente.media.snapshot import (
    EventStreamSnapshot,
    PeriodSnapshot,
    PresentationSnapshot,
    TrackSnapshot,
)


def recorded(snapshot: PresentationSnapshot) -> PresentationSnapshot:
    """The ended presentation, on a timeline of its own, without what fell out of the window."""
    zero = snapshot.periods[0].start
    ends = [*(period.start for period in snapshot.periods[1:]), None]
    trimmed = (
        _trimmed(period, period.end if period.end is not None else end, zero)
        for period, end in zip(snapshot.periods, ends, strict=True)
    )
    return replace(snapshot, periods=tuple(period for period in trimmed if period))


def presentation_end(snapshot: PresentationSnapshot) -> Fraction:
    """Where the last period ends, on the timeline of the snapshot."""
    if not snapshot.periods:
        return Fraction(0)
    end = snapshot.periods[-1].end
    if end is None:
        raise ValueError(f"{snapshot.channel} has ended, but its last period has no end")
    return end


def _trimmed(period: PeriodSnapshot, end: Fraction | None, zero: Fraction) -> PeriodSnapshot | None:
    if end is None:
        raise ValueError(f"period {period.id} of an ended presentation has no end")
    shift, segments = _gone(period.tracks)
    if period.start + shift >= end:
        return None
    left = (_left(stream, shift) for stream in period.event_streams)
    return replace(
        period,
        start=period.start + shift - zero,
        end=end - zero,
        tracks=tuple(_moved(track, shift, segments) for track in period.tracks),
        event_streams=tuple(stream for stream in left if stream.events),
    )


def _gone(tracks: tuple[TrackSnapshot, ...]) -> tuple[Fraction, int]:
    """What no track has any more of the period, in seconds and in segments of the common grid."""
    counted = [track for track in tracks if track.segments is None]
    listed = [_first_listed(track) for track in tracks if track.segments]
    time = max([Fraction(0), *listed])
    if not counted:
        return time, 0
    grid = Fraction(counted[0].segment_duration, counted[0].timescale)
    gone = [
        track.first_number - track.start_number
        for track in counted
        if track.first_number is not None
    ]
    segments = max([0, ceil(time / grid), *gone])
    return segments * grid, segments


def _first_listed(track: TrackSnapshot) -> Fraction:
    assert track.segments
    return Fraction(track.segments[0].time - track.presentation_time_offset, track.timescale)


def _moved(track: TrackSnapshot, shift: Fraction, segments: int) -> TrackSnapshot:
    offset = track.presentation_time_offset + round(shift * track.timescale)
    if track.segments is None:
        return replace(
            track,
            start_number=track.start_number + segments,
            presentation_time_offset=offset,
        )
    remaining = tuple(entry for entry in track.segments if entry.time + entry.duration > offset)
    return replace(track, segments=remaining, presentation_time_offset=offset)


def _left(stream: EventStreamSnapshot, shift: Fraction) -> EventStreamSnapshot:
    """Without the events that are over before the period starts, ``shift`` seconds later."""
    offset = stream.presentation_time_offset + round(shift * stream.timescale)
    events = tuple(
        event
        for event in stream.events
        if event.duration is None or event.time >= offset or event.time + event.duration > offset
    )
    return replace(stream, events=events, presentation_time_offset=offset)
