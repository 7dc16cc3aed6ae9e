"""EventStream: what metadata tracks tell, in the MPD (ISO/IEC 23009-1 §5.10.2).

Players have no use for the tracks themselves (see :data:`~.adaptation.SHOWN`), but hand out the
events of an MPD by scheme, with their times.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from sorgente.dash.xml import Element, element
from sorgente.media.snapshot import EventSnapshot, EventStreamSnapshot


def event_stream(stream: EventStreamSnapshot) -> Element:
    """Events of one scheme and value. Times count from where the Period starts
    (``presentationTimeOffset``), as those of its segments do."""
    return element(
        "EventStream",
        {
            "schemeIdUri": stream.scheme,
            "value": stream.value or None,
            "timescale": stream.timescale,
            "presentationTimeOffset": stream.presentation_time_offset,
        },
        *map(_event, stream.events),
    )


def _event(event: EventSnapshot) -> Element:
    """Always base64: what is text, and what only looks like it, is for the scheme to say."""
    told = element(
        "Event",
        {
            "presentationTime": event.time,
            "duration": event.duration,
            "id": event.id,
            "contentEncoding": "base64",
        },
    )
    return replace(told, text=b64encode(event.payload).decode("ascii"))
