"""Period: one epoch of the channel."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sorgente.dash.adaptation import TrackSet, adaptation_set, track_sets
from sorgente.dash.events import event_stream
from sorgente.dash.values import duration
from sorgente.dash.xml import Element, element
from sorgente.media.snapshot import PeriodSnapshot


def period_element(
    period: PeriodSnapshot,
    predecessor: PeriodSnapshot | None,
    *,
    target: Fraction | None,
    longest: Fraction,
    reference_ids: Iterator[int],
) -> Element:
    """The Period.

    ``predecessor`` is the one listed before it, ``target`` the latency to aim at, None in a
    recording, ``longest`` the longest segment of the MPD, in seconds.

    ``@start`` is the UTC second it starts at, ``availabilityStartTime`` being 1970.
    ``@duration`` is there once the end is known, and no earlier (design §3 rule 8).
    """
    continued = _continued(period, predecessor)
    return element(
        "Period",
        {
            "id": period.id,
            "start": duration(period.start),
            "duration": None if period.end is None else duration(period.end - period.start),
        },
        *map(event_stream, period.event_streams),
        *(
            adaptation_set(
                tracks,
                period,
                target=target,
                longest=longest,
                reference_ids=reference_ids,
                continues=period.continues if (tracks.id, tracks.key) in continued else None,
            )
            for tracks in track_sets(period)
        ),
    )


def _continued(
    period: PeriodSnapshot, predecessor: PeriodSnapshot | None
) -> set[tuple[int, object]]:
    """The sets that go on from the period before: by DASH these have the same ``@id`` there."""
    if predecessor is None or period.continues != predecessor.id:
        return set()
    return {_identity(tracks) for tracks in track_sets(predecessor)}


def _identity(tracks: TrackSet) -> tuple[int, object]:
    return (tracks.id, tracks.key)
