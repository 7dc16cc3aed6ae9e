"""SegmentTemplate: where the segments of a track are, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from sorgente.dash.values import decimal
from sorgente.dash.xml import Element, element
from sorgente.media.snapshot import SegmentEntry, TrackSnapshot

MEDIA: Final = "$RepresentationID$/$Number$.m4s"
"""Relative to ``/live/{channel}/manifest.mpd``. By number also where times are listed, so that a
segment has one URL in every manifest and playlist."""


def shared(tracks: Sequence[TrackSnapshot]) -> bool:
    """Whether one SegmentTemplate, on the AdaptationSet, can speak for all tracks of it."""
    return len({_addressing(track) for track in tracks}) == 1


def segment_template(track: TrackSnapshot, offset: Fraction | None) -> Element:
    """The template of a track, or of a set whose tracks agree.

    ``@timescale`` is that of ``mdhd`` (LL: SHALL). The offset is on this element and on no other
    level: Shaka adds up those it finds on the way down, dash.js lets the lower override.
    """
    listed = None if track.segments is None else consecutive(track.segments)
    start_number = listed[0].number if listed else track.start_number
    return element(
        "SegmentTemplate",
        {
            "timescale": track.timescale,
            "duration": track.segment_duration if listed is None else None,
            "startNumber": start_number,
            "presentationTimeOffset": track.presentation_time_offset,
            "availabilityTimeOffset": None if offset is None else decimal(offset),
            "availabilityTimeComplete": None if offset is None else False,
            "initialization": f"$RepresentationID$/{track.init_name}",
            "media": MEDIA,
        },
        None if listed is None else element("SegmentTimeline", {}, *_runs(listed)),
    )


def consecutive(entries: Sequence[SegmentEntry]) -> Sequence[SegmentEntry]:
    """The newest of them whose numbers have no gap.

    ``$Number$`` counts entries from ``startNumber``, so a number that never was cannot be told
    (``S@n`` could, players do not read it): what lies before it is left out.
    """
    first = 0
    for index, (before, after) in enumerate(pairwise(entries), start=1):
        if after.number != before.number + 1:
            first = index
    return entries[first:]


def _addressing(track: TrackSnapshot) -> tuple[object, ...]:
    return (
        track.timescale,
        track.segment_duration,
        track.start_number,
        track.presentation_time_offset,
        track.init_name,
        track.segments,
    )


def _runs(entries: Sequence[SegmentEntry]) -> Iterator[Element]:
    """``S`` elements. LL: "consecutive S with the same duration SHOULD be merged" by ``@r``.

    ``@t`` is there where it says something: on the first, and where time does not go on.
    """
    start = 0
    for index, entry in enumerate(entries):
        following = entries[index + 1] if index + 1 < len(entries) else None
        if following and following.duration == entry.duration and _joined(entry, following):
            continue
        head = entries[start]
        told = start > 0 and _joined(entries[start - 1], head)
        yield element(
            "S",
            {
                "t": None if told else head.time,
                "d": head.duration,
                "r": index - start or None,
            },
        )
        start = index + 1


def _joined(before: SegmentEntry, after: SegmentEntry) -> bool:
    return before.time + before.duration == after.time
