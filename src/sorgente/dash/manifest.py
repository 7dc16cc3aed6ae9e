"""The MPD of a channel."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, count, pairwise
from math import ceil
from typing import Final

from sorgente.dash.adaptation import shown
from sorgente.dash.availability import segment_length
from sorgente.dash.descriptors import HTTP_HEAD, HTTP_ISO
from sorgente.dash.period import period_element
from sorgente.dash.recording import presentation_end, recorded
from sorgente.dash.service import service_description
from sorgente.dash.values import date_time, duration
from sorgente.dash.xml import Element, Value, document, element
from sorgente.media.snapshot import PeriodSnapshot, PresentationSnapshot, TrackSnapshot

CONTENT_TYPE: Final = "application/dash+xml"
NAMESPACE: Final = "urn:mpeg:dash:schema:mpd:2011"
AVAILABILITY_START_TIME: Final = "1970-01-01T00:00:00Z"
"""For ever (design §3 rule 7): TIM: "SHALL NOT change between MPD updates", and a start of our own
would be lost with the origin. The timeline of the MPD is UTC, in seconds."""

MINIMUM_UPDATE_PERIOD: Final = Fraction(1)
"""How soon players notice a restart of the encoder and the end of the event (design §3 rule 8). A
refresh that finds nothing new costs a 304."""

_LIVE_PROFILE: Final = "urn:mpeg:dash:profile:isoff-live:2011"
_LOW_LATENCY_PROFILE: Final = "http://www.dashif.org/guidelines/low-latency-live-v5"


def render(snapshot: PresentationSnapshot) -> bytes:
    """The MPD as a player gets it. A function of the snapshot: rendered once per revision."""
    return document(manifest(snapshot))


def manifest(snapshot: PresentationSnapshot) -> Element:
    """The MPD element: dynamic while the event goes on, static when it is over.

    In between (``farewell``), it is dynamic with an end: players that are there play to the end on
    the timeline they know, which a static MPD, with its other timeline, would not let all of them
    do. They go on looking: Shaka ends only with a static MPD.
    """
    if snapshot.ended and not snapshot.farewell:
        return _static(recorded(snapshot))
    return _dynamic(snapshot)


def _dynamic(snapshot: PresentationSnapshot) -> Element:
    periods = _periods(snapshot, snapshot.latency_target)
    reference = periods[-1].first("ProducerReferenceTime")
    reference_id = reference.attributes["id"] if reference else None
    end = duration(presentation_end(snapshot)) if snapshot.ended else None
    return _mpd(
        snapshot,
        {
            "profiles": _profiles(periods),
            "type": "dynamic",
            "availabilityStartTime": AVAILABILITY_START_TIME,
            "publishTime": date_time(snapshot.changed_at),
            "minimumUpdatePeriod": duration(MINIMUM_UPDATE_PERIOD),
            "mediaPresentationDuration": end,
            "timeShiftBufferDepth": duration(snapshot.window),
            # Shaka follows this one, dash.js the Latency@target of the service description.
            "suggestedPresentationDelay": duration(snapshot.latency_target),
            "minBufferTime": duration(min(snapshot.latency_target, _longest(snapshot))),
        },
        service_description(
            snapshot.latency_target, reference_id, snapshot.periods[-1].encoder_delay
        ),
        *periods,
        HTTP_ISO,
        HTTP_HEAD,
        # No LeapSecondInformation (LL: SHOULD). Its one attribute is the leap offset at
        # availabilityStartTime, and in 1970 there was none to give: UTC had no leap seconds. Our
        # seconds since then are those of POSIX, which has none either; no player reads it.
    )


def _static(snapshot: PresentationSnapshot) -> Element:
    """TIM: without MUP, time shift and delay; nor is there anything to be early or in sync for."""
    return _mpd(
        snapshot,
        {
            "profiles": _LIVE_PROFILE,
            "type": "static",
            "publishTime": date_time(snapshot.changed_at),
            "mediaPresentationDuration": duration(presentation_end(snapshot)),
            "minBufferTime": duration(_longest(snapshot)),
        },
        *(_periods(snapshot, None) or [element("Period", {"id": "empty", "start": "PT0S"})]),
    )


def _mpd(
    snapshot: PresentationSnapshot, attributes: dict[str, Value], *children: Element | None
) -> Element:
    return element(
        "MPD",
        {
            "xmlns": NAMESPACE,
            "id": snapshot.channel,
            **attributes,
            "maxSegmentDuration": duration(_longest(snapshot)),
        },
        *children,
    )


def _periods(snapshot: PresentationSnapshot, target: Fraction | None) -> list[Element]:
    reference_ids = count(1)
    longest = _longest(snapshot)
    listed: chain[PeriodSnapshot | None] = chain([None], snapshot.periods)
    return [
        period_element(period, before, target=target, longest=longest, reference_ids=reference_ids)
        for before, period in pairwise(listed)
        if period is not None
    ]


def _profiles(periods: list[Element]) -> str:
    """The low-latency profile is claimed where every set has chunks to be early for."""
    templates = [
        node for period in periods for node in period.walk() if node.name == "SegmentTemplate"
    ]
    if templates and all("availabilityTimeOffset" in node.attributes for node in templates):
        return f"{_LIVE_PROFILE},{_LOW_LATENCY_PROFILE}"
    return _LIVE_PROFILE


def _longest(snapshot: PresentationSnapshot) -> Fraction:
    """Rounded up: TIM: no ``S@d`` "SHALL exceed the value of MPD@maxSegmentDuration"."""
    longest = max((segment_length(track) for track in _tracks(snapshot)), default=Fraction(1))
    return Fraction(ceil(longest * 1000), 1000)


def _tracks(snapshot: PresentationSnapshot) -> Iterator[TrackSnapshot]:
    return (track for period in snapshot.periods for track in shown(period))
