"""What the origin is like now, as the API says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from sorgente.broker import Broker
from sorgente.cmcd.audience import Audience
from sorgente.control import schema
from sorgente.control.advice import advise
from sorgente.control.status import StatusSource
from sorgente.errors import NotFound
from sorgente.media.channel import Channel
from sorgente.media.report import ChannelReport, report, subscribers

Struct = TypeVar("Struct", bound=msgspec.Struct)


class View:
    """Looks, and changes nothing."""

    def __init__(
        self,
        broker: Broker,
        now: Callable[[], float],
        status: StatusSource,
        audience: Audience,
    ) -> None:
        """``now``: seconds of a clock that only grows."""
        self._broker = broker
        self._now = now
        self._status = status
        self._audience = audience

    @property
    def closing(self) -> bool:
        """The origin is going away."""
        return self._broker.closing

    def origin(self) -> schema.Origin:
        """The origin itself."""
        status = self._status()
        return schema.Origin(
            version=status.version,
            closing=status.closing,
            channels_live=status.channels_live,
            channels_awaited=status.awaited,
            connections=status.connections,
            connections_refused=status.refused,
            held=status.held,
            window_bytes=status.window_bytes,
            clock_ahead=round(status.clock_ahead, 1),
            totals=_as(schema.Counters, status.totals),
            sources=[_as(schema.Source, each) for each in status.sources],
        )

    def channels(self) -> list[schema.Channel]:
        """Those that an encoder is, or was, at."""
        now = self._now()
        return [self._channel(each, now) for each in self._broker.report(now)]

    def channel(self, name: str) -> schema.Channel:
        """One. Raises NotFound."""
        now = self._now()
        return self._channel(report(self.known(name), now), now)

    def track(self, name: str, track: str) -> schema.Track:
        """One of its tracks. Raises NotFound."""
        found = next((each for each in self.channel(name).tracks if each.name == track), None)
        if found is None:
            raise NotFound(f"{name} has no track {track}")
        return found

    def subscribers(self, name: str, after: int, limit: int) -> schema.Subscribers:
        """At most ``limit`` of its players with a number greater than ``after``. Raises
        NotFound."""
        found = subscribers(self.known(name), self._now())
        following = [each for each in found if each.number > after]
        return schema.Subscribers(
            [_as(schema.Subscriber, each) for each in following[:limit]], len(found)
        )

    def known(self, name: str) -> Channel:
        """The channel of this name. Raises NotFound."""
        channel = self._broker.get(name)
        if channel is None:
            raise NotFound(f"there is no channel {name}")
        return channel

    def _channel(self, seen: ChannelReport, now: float) -> schema.Channel:
        viewers = self._audience.of(self.known(seen.name))
        told = None if viewers is None else viewers.report(now)
        return msgspec.structs.replace(
            _as(schema.Channel, seen),
            advice=advise(seen, told),
            audience=None if told is None else _as(schema.Audience, told),
        )


def _as(struct: type[Struct], seen: object) -> Struct:
    return msgspec.convert(seen, struct, from_attributes=True)
