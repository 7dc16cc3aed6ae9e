"""The registry of channels and of the right to publish; the bounds over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sorgente.errors import (
    EndedByOperator,
    NotFound,
    OutOfMemory,
    Overloaded,
    ShuttingDown,
    TakenOver,
)
from sorgente.histogram import Histogram
from sorgente.media.addresses import Addresses, Posted
from sorgente.media.channel import RELAY_BOUNDS, WHOLE, Channel, ChannelRules
from sorgente.media.crowd import Crowd
from sorgente.media.fanout import Counters, total
from sorgente.media.feed import Feed, Journal, OnEnded
from sorgente.media.feed_snapshot import FeedSnapshot, feed_snapshot
from sorgente.media.presentation import Presentation
from sorgente.media.publisher import Form, Publisher
from sorgente.media.report import ChannelReport, report
from sorgente.media.subscriber import Subscriber
from sorgente.media.utc import UtcClock

MEMORY_CHECKS_PER_LIMIT: Final = 256
"""The memory of all channels is added up each time this part of the limit has come in: a busy
origin does not count its channels for every packet. What comes in may be held four times over (by
its path, by the channel as one stream, to be announced, and as an object): the bound holds to
1/64."""


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """Bounds over all channels."""

    channels: int
    """Live at a time."""
    waiting: int
    """Players waiting for an encoder, over all channels: they cost a connection each, and a channel
    if they name one that nobody will ever publish."""
    memory: int
    """Bytes of media in all windows and uploads."""


class Broker:
    """Channels by name. A channel exists while somebody publishes, watches or waits."""

    def __init__(
        self, rules: ChannelRules, limits: BrokerLimits, journal: Journal, utc: UtcClock
    ) -> None:
        self.utc = utc
        self._rules = rules
        self._limits = limits
        self._journal = journal
        self._channels: dict[str, Channel] = {}
        self._published: dict[str, Channel] = {}
        """Those that an encoder is, or was, at, or has said that it comes to."""
        self._crowd = Crowd()
        """Who waits at the others: at names that only players know."""
        self._bytes_unchecked = 0
        self._full = False
        """When it was last looked at, no window had anything to give."""
        self.closing = False
        self._numbered = 0
        """Players that have a number."""
        self._retired = Counters()
        """What channels that are gone did."""
        self._retired_relay_time = Histogram(RELAY_BOUNDS)

    def __iter__(self) -> Iterator[Channel]:
        return iter(tuple(self._channels.values()))

    def get(self, name: str) -> Channel | None:
        """The channel called ``name``, if anybody publishes, watches or waits."""
        return self._channels.get(name)

    @property
    def published(self) -> list[Channel]:
        """Those that an encoder is, or was, at, by name: what has lines of its own in lists and
        metrics. Names that only players know have none: they are as many as anybody likes."""
        return [channel for _, channel in sorted(self._published.items())]

    @property
    def awaited(self) -> int:
        """Channels that players wait for, and nobody has published."""
        return len(self._crowd)

    @property
    def publishers(self) -> int:
        """Encoders at work."""
        return sum(feed.session is not None for each in self._published.values() for feed in each)

    @property
    def held(self) -> int:
        """Requests that wait, over all channels: players for their encoder, or for what is next."""
        held = sum(channel.waiting + channel.held for channel in self._published.values())
        return self._crowd.total + held

    def drifts(self) -> dict[str, float]:
        """Seconds by channel: how much later its media come than announced."""
        return {each.name: float(each.presentation.drift) for each in self.published}

    @property
    def busy(self) -> bool:
        """Somebody publishes or watches."""
        return any(channel.live for channel in self._published.values())

    def totals(self) -> Counters:
        """What all channels did, those that are gone too."""
        return total([self._retired, *(each.counters for each in self._published.values())])

    def relay_time(self) -> Histogram:
        """Of all channels, those that are gone too."""
        each = (channel.relay_time for channel in self._published.values())
        return Histogram.sum([self._retired_relay_time, *each], RELAY_BOUNDS)

    @property
    def bytes_held(self) -> int:
        """Memory in use for media, over all channels."""
        return sum(channel.bytes_held for channel in self._published.values())

    def publish(
        self,
        name: str,
        who: str,
        now: float,
        on_ended: OnEnded,
        *,
        track: str = WHOLE,
        form: Form = Form.ANY,
        takeover: bool = False,
        file: str = "",
    ) -> Publisher:
        """Give the right to publish ``name``, or one track of it, with one body, to ``who``.

        Raises:
            PublisherConflict: somebody else has it.
            ChannelConflict: the channel is published the other way.
            Overloaded: too many channels are live.
            TooManyTracks: in this one.
            ShuttingDown: no new publishers.
        """
        if self.closing:
            raise ShuttingDown
        channel = self._channels.get(name)
        if channel is None or not channel.live:
            live = sum(other.live for other in self._published.values())
            if live >= self._limits.channels:
                raise Overloaded(f"{live} channels are live, and {self._limits.channels} may be")
        wall = self.utc.at(now)
        return self._enter(name).publish(
            track, who, now, wall, on_ended, form=form, takeover=takeover, file=file
        )

    def describe(self, name: str, switching_sets: Mapping[str, str], now: float) -> None:
        """An encoder says what the tracks of ``name`` belong to, perhaps before it sends any.

        Raises:
            Overloaded: too many channels are live, or expected.
            ShuttingDown
        """
        self._expected(name).describe(switching_sets, now)

    def announce(self, name: str, manifest: str, body: bytes, posted: Posted, now: float) -> None:
        """An encoder's own manifest, at path ``manifest`` of channel ``name``, says what comes.
        One that lists other manifests says nothing, and makes no channel.

        Raises:
            Overloaded, ShuttingDown: see :meth:`describe`.
        """
        if posted.tracks or name in self._channels:
            self._expected(name).announce(manifest, body, posted, now)

    def track_of_init(self, name: str, file: str) -> str:
        """What a track of channel ``name`` is called whose init segment is ``file``."""
        channel = self._channels.get(name)
        addresses = Addresses() if channel is None else channel.addresses
        return addresses.of_init(file)

    def track_of_media(self, name: str, file: str, alone: str, *, guess: bool) -> str | None:
        """The track of channel ``name`` that segment ``file`` is of, if that can be told, or
        guessed; ``alone`` is what it is called if all its objects have one address."""
        channel = self._channels.get(name)
        if channel is None:
            return None
        track = channel.addresses.of_media(file, guess=guess)
        return track or (alone if channel.find(alone) else None)

    def note_init(self, name: str, file: str, track: str) -> None:
        """The init segment of ``track`` comes in as ``file``."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.addresses.note_init(file, track)

    def remove(self, name: str, file: str) -> None:
        """The encoder of channel ``name`` takes ``file`` back."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.shelf.remove(file)

    def has_object(self, name: str, track: str, file: str) -> bool:
        """Whether channel ``name`` has ``track``, or can have got ``file``."""
        channel = self._channels.get(name)
        if channel is None:
            return False
        return channel.find(track) is not None if track else channel.addresses.knows(file)

    def _expected(self, name: str) -> Channel:
        if self.closing:
            raise ShuttingDown
        if name not in self._published:
            known = sum(other.live or other.expected for other in self._published.values())
            if known >= self._limits.channels:
                raise Overloaded(f"{known} channels are known, and {self._limits.channels} may be")
        return self._enter(name)

    def subscribe(self, name: str, subscriber: Subscriber, track: str = WHOLE) -> Feed:
        """Let ``subscriber`` watch ``name``, or one track of it, now or when it begins.

        Raises:
            Overloaded: too many players wait for encoders.
            ShuttingDown: no new players.
        """
        if self.closing:
            raise ShuttingDown
        channel = self._channels.get(name)
        feed = None if channel is None else channel.find(track)
        if feed is None or feed.relay is None:
            self._make_sure_of_room()
        channel = self._open(name)
        feed = channel.feed(track)
        self._numbered += 1
        subscriber.number = self._numbered
        feed.subscribe(subscriber)
        self._count(channel)
        return feed

    def await_announcement(self, name: str, key: object, call: Callable[[], None]) -> Presentation:
        """Call ``call`` when channel ``name`` has something to announce.

        Raises:
            Overloaded: too many wait already.
            ShuttingDown
        """
        if self.closing:
            raise ShuttingDown
        channel = self._channels.get(name)
        if channel is None or channel.presentation.newest_period is None:
            self._make_sure_of_room()
        channel = self._open(name)
        channel.presentation.await_announcement(key, call)
        self._count(channel)
        return channel.presentation

    def _make_sure_of_room(self) -> None:
        """For one more who waits for something that is not there."""
        waiting = self._crowd.total + sum(each.early for each in self._published.values())
        if waiting >= self._limits.waiting:
            raise Overloaded(f"{waiting} players wait for encoders, and {self._limits.waiting} may")

    def await_no_longer(self, name: str, key: object) -> None:
        """Whoever waited is gone."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.presentation.await_no_longer(key)
            self._count(channel)
            self._forget_if_idle(channel)

    def leave(self, name: str, feed: Feed, subscriber: Subscriber) -> None:
        """A player of a path of channel ``name`` went away."""
        feed.leave(subscriber)
        channel = self._channels.get(name)
        if channel is not None:
            channel.forget_idle_feeds()
            self._count(channel)
            self._forget_if_idle(channel)

    def feed(self, publisher: Publisher, data: bytes, now: float) -> None:
        """Give ``data`` to ``publisher``, and keep the memory bound: the largest window gives.

        Raises:
            MediaError: see :meth:`Publisher.feed`.
            OutOfMemory: no window is left to give; the upload has ended.
        """
        if self._full:
            self._make_room(publisher, now)  # not 1/64 later: each that is refused would leave that
        publisher.feed(data, now)
        self._bytes_unchecked += len(data)
        if self._bytes_unchecked * MEMORY_CHECKS_PER_LIMIT >= self._limits.memory:
            self._bytes_unchecked = 0
            self._make_room(publisher, now)

    def _make_room(self, publisher: Publisher, now: float) -> None:
        error = OutOfMemory(f"uploads alone hold more than {self._limits.memory} bytes")
        while self._give_back() > 0:
            if not self._end_larger(publisher, error, now):
                self._full = True
                publisher.break_off(str(error), now)
                raise error
        self._full = False

    def _give_back(self) -> int:
        """Let the largest windows give what is too much; return the bytes that they cannot."""
        excess = self.bytes_held - self._limits.memory
        while excess > 0:
            largest_first = sorted(self._published.values(), key=lambda each: -each.bytes_kept)
            freed = next((freed for each in largest_first if (freed := each.drop_oldest())), 0)
            if not freed:
                break
            excess -= freed
        return excess

    def _end_larger(self, publisher: Publisher, error: OutOfMemory, now: float) -> bool:
        """End the uploads of the path which holds most that cannot be given back while they come
        in, if that is more than those of ``publisher`` hold; return whether there is one. Who fills
        the memory and falls silent pays, not who comes next."""
        bound = {
            feed.session: channel.bytes_bound(feed)
            for channel in self._published.values()
            for feed in channel
            if feed.session is not None
        }
        largest = max(bound, key=bound.__getitem__, default=None)
        if largest is None or publisher.is_of(largest):
            return False
        of_own = (held for each, held in bound.items() if publisher.is_of(each))
        if bound[largest] <= next(of_own, publisher.bytes_pending):
            return False
        largest.end(error, now)
        return True

    def tick(self, now: float, wall: float) -> None:
        """Do what only time brings about; call it a few times a second."""
        channels = tuple(self._published.values())  # for the others, time brings nothing
        self.utc.sync(now, wall, announced=any(channel.is_dated for channel in channels))
        for channel in channels:
            channel.tick(now)
            self._forget_if_idle(channel)
        self._give_back()  # what stands in for encoders that are away takes memory too

    def close(self, now: float) -> None:
        """End all uploads, and all players without a clean end."""
        self.closing = True
        for channel in self:
            for feed in channel:
                if feed.session is not None:
                    feed.session.end(ShuttingDown(), now)
            channel.close()
            self._forget_if_idle(channel)

    # By order of whoever runs the origin

    def end(self, name: str, now: float) -> None:
        """Channel ``name`` is over: its encoders are told so, its players get a clean end, what is
        kept stays to be seen.

        Raises:
            NotFound
        """
        self._known(name).end(EndedByOperator(name), now)

    def drop(self, name: str, now: float) -> None:
        """Forget channel ``name`` at once, and all that is kept of it; nothing that anybody is in
        the middle of looks complete.

        Raises:
            NotFound
        """
        channel = self._known(name)
        channel.release(EndedByOperator(name), now)
        channel.close()
        self._forget(channel)

    def release(self, name: str, now: float) -> None:
        """Take the right to publish channel ``name`` from whoever has it: another encoder may come
        and go on.

        Raises:
            NotFound
        """
        self._known(name).release(TakenOver(name, "the operator of this origin"), now)

    def kick(self, name: str, number: int) -> None:
        """Cut off the player of channel ``name`` that has this number.

        Raises:
            NotFound
        """
        for feed in self._known(name):
            for subscriber in feed.subscribers:
                if subscriber.number == number:
                    self.leave(name, feed, subscriber)
                    subscriber.sink.abort()
                    return
        raise NotFound(f"{name} has no subscriber {number}")

    def _known(self, name: str) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            raise NotFound(f"there is no channel {name}")
        return channel

    # What others see

    def report(self, now: float) -> list[ChannelReport]:
        """Channels that an encoder is, or was, at, by name."""
        return [report(channel, now) for channel in self.published]

    def snapshot(self, now: float) -> list[FeedSnapshot]:
        """The paths that an encoder is, or was, at, by name."""
        return [
            feed_snapshot(channel, feed, now)
            for channel in self.published
            for feed in channel
            if feed.published
        ]

    def _open(self, name: str) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name, self._rules, self._journal, self.utc)
        return channel

    def _enter(self, name: str) -> Channel:
        """The channel called ``name``, now that an encoder comes to it."""
        channel = self._published[name] = self._open(name)
        self._crowd.note(name, 0)
        return channel

    def _count(self, channel: Channel) -> None:
        """Somebody may have come to wait at ``channel``, or gone."""
        if channel.name not in self._published:
            self._crowd.note(channel.name, channel.early)

    def _forget_if_idle(self, channel: Channel) -> None:
        if channel.idle and channel.name in self._channels:
            self._forget(channel)

    def _forget(self, channel: Channel) -> None:
        del self._channels[channel.name]
        self._published.pop(channel.name, None)
        self._crowd.note(channel.name, 0)
        self._retired = total([self._retired, channel.counters])
        both = (self._retired_relay_time, channel.relay_time)
        self._retired_relay_time = Histogram.sum(both, RELAY_BOUNDS)
