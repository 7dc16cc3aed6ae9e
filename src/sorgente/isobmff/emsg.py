"""Event messages that travel in front of a fragment (ISO/IEC 23009-1 §5.10.3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sorgente.isobmff.box import Box


@dataclass(frozen=True, slots=True)
class EventMessage:
    """One ``emsg``; times in ticks of its own ``timescale``."""

    scheme: str
    value: str
    timescale: int
    presentation_time: int
    """On the track's timeline (version 1), or after the earliest time of the segment (0)."""

    is_delta: bool
    """Version 0: ``presentation_time`` is relative to the segment the event comes with."""

    duration: int
    """0xFFFFFFFF when not known."""

    event_id: int
    payload: bytes = field(repr=False)


def parse_emsg(box: Box) -> EventMessage:
    """Read one ``emsg``; raises MalformedBox when it is cut short."""
    fields = box.fields()
    version, _ = fields.version_and_flags()
    if version:
        timescale, time = fields.u32(), fields.u64()
        duration, event_id = fields.u32(), fields.u32()
        scheme, value = fields.text(), fields.text()
    else:
        scheme, value = fields.text(), fields.text()
        timescale, time = fields.u32(), fields.u32()
        duration, event_id = fields.u32(), fields.u32()
    return EventMessage(
        scheme=scheme,
        value=value,
        timescale=timescale,
        presentation_time=time,
        is_delta=not version,
        duration=duration,
        event_id=event_id,
        payload=fields.raw(fields.left),
    )
