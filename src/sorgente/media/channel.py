"""One named live event: its paths, and the presentation made of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final
from weakref import proxy

from sorgente.errors import ChannelConflict, OriginError, TooManyTracks
from sorgente.histogram import Histogram
from sorgente.media.addresses import Addresses, Posted
from sorgente.media.fanout import Counters
from sorgente.media.feed import LONG_AGO, Feed, FeedRules, Journal, OnEnded
from sorgente.media.lately import Lately
from sorgente.media.merger import Merger
from sorgente.media.presentation import Presentation, PresentationRules
from sorgente.media.publisher import Form, Publisher
from sorgente.media.shelf import Copy, Shelf
from sorgente.media.utc import UtcClock

WHOLE: Final = ""
"""The name of the path that is the channel itself."""


RELAY_BOUNDS: Final = (
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
)  # fmt: skip
"""Seconds, by upper bound: from one player of a small chunk to more than a core can do."""

LAST_OBJECTS: Final = 1.0
"""Seconds from the manifest that says that all is over: what came before it may be read later, as
it is on other connections."""


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """What every channel of an origin keeps to."""

    feed: FeedRules
    presentation: PresentationRules
    tracks: int
    """How many a channel may have."""


class Channel:
    """A channel is either one muxed stream, or tracks with a path each."""

    def __init__(self, name: str, rules: ChannelRules, journal: Journal, utc: UtcClock) -> None:
        self.name = name
        self.counters = Counters()
        self.relay_time = Histogram(RELAY_BOUNDS)
        """Seconds from a chunk's last byte in to its last byte handed to the kernel for all."""
        self.slow = Lately()
        """Of ``counters.too_slow``."""
        self._rules = rules
        self._journal = journal
        self._feeds: dict[str, Feed] = {}
        self._expected_until: float | None = None
        self.addresses = Addresses()
        self._ended_at: dict[str, float] = {}
        """Seconds: when the encoder said so of a track."""
        window = rules.presentation
        self.shelf = Shelf(window.window, window.window_bytes, self.counters)
        self._utc = utc
        channel = proxy(self)  # it owns the merger: no cycle is left when it is forgotten
        merger = Merger(lambda: channel.feed(WHOLE))
        self.presentation = Presentation(name, rules.presentation, self.counters, utc, merger)

    def __iter__(self) -> Iterator[Feed]:
        return iter(tuple(self._feeds.values()))

    @property
    def whole(self) -> Feed | None:
        """The path of the channel itself, if anybody is there."""
        return self._feeds.get(WHOLE)

    @property
    def live(self) -> bool:
        """Somebody publishes, or is expected back."""
        return any(feed.live for feed in self._feeds.values())

    @property
    def expected(self) -> bool:
        """An encoder has said what it is going to send."""
        return self._expected_until is not None

    @property
    def is_dated(self) -> bool:
        """Our UTC says when its media are to be seen, or is about to: it may not go back."""
        return self.live or self.presentation.newest_period is not None

    @property
    def idle(self) -> bool:
        """Nobody publishes, nobody is expected, nobody waits, and nothing is left to see."""
        unused = self.presentation.over and all(feed.idle for feed in self._feeds.values())
        return unused and not self.expected

    @property
    def waiting(self) -> int:
        """Players of progressive streams who came before their encoder."""
        return sum(feed.waiting for feed in self._feeds.values())

    @property
    def held(self) -> int:
        """Requests for the manifest, segment or object that is next."""
        return self.presentation.held + self.shelf.held

    @property
    def early(self) -> int:
        """All who wait for something that is not there at all. Who waits for what is next of a
        channel that is on the air is not among them: that comes within seconds."""
        return self.waiting + (0 if self.presentation.newest_period else self.held)

    @property
    def watching(self) -> int:
        """All players of progressive streams, the waiting ones included."""
        return sum(feed.watching for feed in self._feeds.values())

    @property
    def bytes_kept(self) -> int:
        """Memory of windows, in bytes: what can be given back."""
        windows = sum(feed.bytes_kept for feed in self._feeds.values())
        return self.presentation.bytes_held + self.shelf.bytes_held + windows

    @property
    def bytes_held(self) -> int:
        """Memory in use, in bytes: the chunks that are coming in too."""
        kept = self.presentation.bytes_held + self.shelf.bytes_held
        return kept + sum(feed.bytes_held for feed in self._feeds.values())

    def bytes_bound(self, feed: Feed) -> int:
        """Memory, in bytes, of what is published on ``feed`` that cannot be given back while it
        comes in: chunks, objects and segments that are not whole yet."""
        coming = 0 if feed.session is None else feed.session.bytes_bound
        return coming + self.presentation.retention.bytes_growing(feed)

    def drop_oldest(self) -> int:
        """Let the oldest of the largest part go that has anything to give; return the bytes that
        frees."""
        parts = [(feed.bytes_kept, feed.drop_oldest) for feed in self._feeds.values()]
        parts.append((self.shelf.bytes_held, self.shelf.drop_oldest))
        parts.append((self.presentation.bytes_held, self.presentation.retention.drop_oldest))
        parts.sort(key=itemgetter(0), reverse=True)
        return next((freed for _, drop in parts if (freed := drop())), 0)

    def feed(self, track: str) -> Feed:
        """The path of ``track``; made if it is not there."""
        feed = self._feeds.get(track)
        if feed is None:
            name = f"{self.name}/{track}" if track else self.name
            feed = Feed(name, self._rules.feed, self._journal, self.counters, self.presentation)
            self._feeds[track] = feed
        return feed

    def find(self, track: str) -> Feed | None:
        """The path of ``track``, if it is there."""
        return self._feeds.get(track)

    def publish(
        self,
        track: str,
        who: str,
        now: float,
        wall: float,
        on_ended: OnEnded,
        *,
        form: Form = Form.ANY,
        takeover: bool,
        file: str = "",
    ) -> Publisher:
        """Give the right to publish ``track`` (``WHOLE``: the channel as one stream), with one
        body, to ``who``. ``file``: its path, if it is an object that the encoder lists in a
        manifest of its own.

        Raises:
            PublisherConflict: somebody else has it.
            ChannelConflict: the channel is published the other way.
            TooManyTracks
        """
        for name, feed in self._feeds.items():
            if feed.session is not None and (name == WHOLE) is not (track == WHOLE):
                raise ChannelConflict(self.name, by_track=name != WHOLE)
        here = self.find(track)
        if track != WHOLE and (here is None or not here.published):
            self._make_sure_of_room()
        feed = self.feed(track)
        publisher = feed.publish(who, now, wall, on_ended, form=form, takeover=takeover)
        if file:
            publisher.copy = Copy(self.shelf, file, self._utc.at)
        return publisher

    def _make_sure_of_room(self) -> None:
        """For one more track. Names that players wait at are no tracks: else they could keep
        encoders out."""
        known = sum(name != WHOLE and feed.published for name, feed in self._feeds.items())
        if known >= self._rules.tracks:
            raise TooManyTracks(
                f"{self.name} has {known} tracks, and --max-tracks allows {self._rules.tracks}"
            )

    def describe(self, switching_sets: Mapping[str, str], now: float) -> None:
        """An encoder says what its tracks belong to, perhaps before it sends any."""
        self.presentation.describe(switching_sets, now)
        self._expected_until = now + self._rules.feed.memory

    def announce(self, manifest: str, body: bytes, posted: Posted, now: float) -> None:
        """An encoder's own manifest, at path ``manifest``, says what its tracks are; or that there
        is no more of them."""
        self.shelf.post(manifest, body, posted)
        self.describe(self.addresses.announce(manifest, posted.tracks), now)
        folder = manifest.rpartition("/")[0]
        for announced in posted.tracks:
            track = self.addresses.track_of(announced, folder)
            if not posted.ended:
                self._ended_at.pop(track, None)
            elif track in self._feeds:
                self._ended_at[track] = now

    def tick(self, now: float) -> None:
        """Do what only time brings about."""
        self._conclude(now)
        self.slow.tick(self.counters.too_slow, now)
        if self._expected_until is not None and now >= self._expected_until:
            self._expected_until = None
        sessions = [feed.session for feed in self if feed.session is not None]
        heard = [session.heard_at for session in sessions if not session.is_sparse]
        for feed in self:
            feed.tick(now, max(heard, default=LONG_AGO))
        self.forget_idle_feeds()
        self.presentation.tick(now)
        self.shelf.expire(now, float(self.presentation.depth))

    def _conclude(self, now: float) -> None:
        """End what its encoder said is over, unless it goes on."""
        due = [track for track, at in self._ended_at.items() if now - at >= LAST_OBJECTS]
        for track in due:
            ended_at, feed = self._ended_at.pop(track), self._feeds.get(track)
            session = None if feed is None else feed.session
            if session is not None and session.heard_at - ended_at < LAST_OBJECTS / 2:
                session.conclude(now)

    def end(self, error: OriginError, now: float) -> None:
        """The event is over, by order; encoders that are sending are told ``error``. What is kept
        stays to be seen."""
        for feed in self:
            feed.end(error, now)
        self._expected_until = None
        self.presentation.conclude(now)

    def release(self, error: OriginError, now: float) -> None:
        """Take the right to publish from whoever has it. Players wait, as for an encoder that broke
        off."""
        for feed in self:
            if feed.session is not None:
                feed.session.end(error, now)

    def forget_idle_feeds(self) -> None:
        """Forget paths where nobody publishes, is expected, or waits."""
        self._feeds = {name: feed for name, feed in self._feeds.items() if not feed.idle}

    def close(self) -> None:
        """The origin shuts down: nothing here looks complete."""
        for feed in self._feeds.values():
            feed.close()
        self.presentation.close()
