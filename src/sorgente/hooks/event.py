"""What is told, as msgspec structs: the one place that the bodies of hooks and their part of the
OpenAPI description are made of.

The shape is that of Standard Webhooks 1.0.0, "Payload structure": ``type``, ``timestamp``, and the
data "squashed as part of the top-level object".
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Channel = Annotated[str, Meta(description="Its name.", examples=["live"])]
Time = Annotated[datetime, Meta(description="UTC: when it happened, not when it is told.")]
Count = Annotated[int, Meta(ge=0)]


class Published(Struct, frozen=True, tag_field="type", tag="channel.publish"):
    """An encoder has come to a channel that had none, and awaited none."""

    timestamp: Time
    channel: Channel
    publisher: Annotated[str, Meta(description="Its address, and what it calls itself.")]


class Unpublished(Struct, frozen=True, tag_field="type", tag="channel.unpublish"):
    """The channel is off the air: its last encoder has ended, or broke off and was awaited in
    vain."""

    timestamp: Time
    channel: Channel
    complete: Annotated[bool, Meta(description="It came to a clean end.")]
    reason: Annotated[str, Meta(description="For people.")]


class Stalled(Struct, frozen=True, tag_field="type", tag="channel.stall"):
    """Nothing comes, of a channel on the air or of some of its paths; again, when there are
    more."""

    timestamp: Time
    channel: Channel
    paths: Annotated[list[str], Meta(description="channel, or channel/track: all of them.")]
    reason: Annotated[
        Literal["silent", "away"],
        Meta(description="silent: the encoder is connected; away: one broke off, and is awaited."),
    ]
    seconds: Annotated[float, Meta(description="For so long, of the one that was quiet longest.")]


class Resumed(Struct, frozen=True, tag_field="type", tag="channel.resume"):
    """The stall is over: media come again of all that is expected."""

    timestamp: Time
    channel: Channel


class Drifted(Struct, frozen=True, tag_field="type", tag="channel.drift"):
    """The encoder's clock went so far from the origin's that players were told a new time: a new
    period."""

    timestamp: Time
    channel: Channel
    seconds: Annotated[
        float, Meta(description="Media come so much later than before; less than 0: earlier.")
    ]
    corrections: Annotated[Count, Meta(description="New periods since it was last told.")]


class FirstViewer(Struct, frozen=True, tag_field="type", tag="channel.first_viewer"):
    """Somebody watches a channel that nobody watched."""

    timestamp: Time
    channel: Channel


class LastViewer(Struct, frozen=True, tag_field="type", tag="channel.last_viewer"):
    """Nobody has watched for a while."""

    timestamp: Time
    channel: Channel


Event = Published | Unpublished | Stalled | Resumed | Drifted | FirstViewer | LastViewer

EVENTS: Final[tuple[type[Struct], ...]] = (
    Published,
    Unpublished,
    Stalled,
    Resumed,
    Drifted,
    FirstViewer,
    LastViewer,
)


def type_of(event: type[Struct] | Struct) -> str:
    """What stands in its ``type``."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str), "every event has one"
    return tag


TYPES: Final = tuple(map(type_of, EVENTS))
