"""From what happens on paths to what is worth telling of channels.

A channel is *on the air* from its first encoder on until its last one has ended, or has broken off
and is not awaited any longer; what comes in between is a stall. ::

    publish ─▶ on the air ─┬─ nothing comes ─▶ stall ─ it comes again ─▶ resume ─▶ …
                           └─ ended, or awaited in vain ─▶ unpublish
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Protocol

from sorgente.hooks.audience import Audience, Change
from sorgente.hooks.corrections import Corrections
from sorgente.hooks.event import (
    Drifted,
    Event,
    FirstViewer,
    LastViewer,
    Published,
    Resumed,
    Stalled,
    Unpublished,
)
from sorgente.hooks.silence import Silence
from sorgente.media.channel import Channel
from sorgente.media.feed import Feed
from sorgente.media.publisher import Outcome, Publisher
from sorgente.media.report import state_of
from sorgente.media.segment import Segment
from sorgente.media.session import Session
from sorgente.media.track import Track

AWAITED_SECONDS: Final = 60.0
"""A path that broke off while others go on is expected for so long: an encoder may have come back
with other tracks."""


class Channels(Protocol):
    """Where channels are: the broker."""

    def get(self, name: str) -> Channel | None:
        """The one called ``name``, if anybody publishes, watches or waits."""


class Watch:
    """A :class:`~sorgente.media.feed.Journal`, and one who looks: what nobody reports, silence, is
    seen by looking twice a second.

    Only channels that somebody has published are watched: their number is bounded, and players who
    ask for what is not there make no news.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        tell: Callable[[Event], None],
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._tell = tell
        self._watched: dict[str, _Watched] = {}

    # What is reported

    def published(self, feed: Feed, session: Session) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        name, now = _channel_of(feed), self._monotonic()
        watched = self._watched.get(name)
        if watched is None:
            watched = self._watched[name] = _Watched(name)
        if not watched.on_air:
            watched.on_air = True
            self._tell(Published(self._instant(), name, session.who))
        watched.sessions.add(feed.name)
        watched.paths.setdefault(feed.name, Silence(now)).begin(now)

    def unpublished(self, feed: Feed, session: Session, outcome: Outcome, why: str) -> None:
        """See :class:`~sorgente.media.feed.Journal`."""
        watched = self._watched[_channel_of(feed)]
        watched.why = why
        watched.sessions.discard(feed.name)
        if outcome is not Outcome.COMPLETE:
            watched.paths[feed.name].break_off(self._monotonic())
            return
        del watched.paths[feed.name]
        if not watched.sessions:
            self._take_off_air(watched, complete=True)

    def recognised(self, feed: Feed, session: Session, *, resumed: bool) -> None:
        """Nothing to tell."""

    def repeated(self, feed: Feed, publisher: Publisher) -> None:
        """Nothing to tell."""

    def cut(self, feed: Feed, track: Track, segment: Segment) -> None:
        """Nothing to tell."""

    def abandoned(self, feed: Feed) -> None:
        """Nothing to tell: players of another protocol may wait longer."""

    def audience(self, feed: Feed, joined: int, left: int) -> None:
        """Nothing to tell: see :meth:`look`."""

    # What is seen

    def look(self, channels: Channels) -> None:
        """Tell what only time brings about."""
        now = self._monotonic()
        for name, watched in list(self._watched.items()):
            channel = channels.get(name)
            if watched.on_air:
                self._look_at_encoders(watched, channel, now)
            self._look_at_audience(watched, channel, now)
            if channel is None and not watched.on_air and not watched.audience.watched:
                del self._watched[name]

    def close(self) -> None:
        """The origin ends: nothing is on the air any more, and nobody watches."""
        for watched in self._watched.values():
            if watched.on_air:
                self._take_off_air(watched, complete=False)
            if watched.audience.watched:
                watched.audience.watched = False
                self._tell(LastViewer(self._instant(), watched.name))

    def _look_at_encoders(self, watched: _Watched, channel: Channel | None, now: float) -> None:
        if channel is None or state_of(channel) not in ("live", "reconnecting", "ending"):
            self._take_off_air(watched, complete=False)
            return
        watched.note(channel, now)
        stalled = {name for name, path in watched.paths.items() if path.is_stall(now)}
        if stalled - watched.stalled:
            self._tell(watched.stall(stalled, self._instant(), now))
        elif watched.stalled and not stalled:
            self._tell(Resumed(self._instant(), watched.name))
        watched.stalled = stalled
        drift = watched.corrections
        if drift.look(channel.presentation.timeline.run, now):
            seconds = float(drift.seconds)
            self._tell(Drifted(self._instant(), watched.name, seconds, drift.count))
            drift.told(now)

    def _look_at_audience(self, watched: _Watched, channel: Channel | None, now: float) -> None:
        if channel is None:
            change = watched.audience.look(0, 0, 0.0, now)
        else:
            period = channel.presentation.newest_period
            segment = 0.0 if period is None else float(period.segment_duration)
            present, sent = _present(channel), channel.counters.bytes_out
            change = watched.audience.look(present, sent, segment, now)
        if change is not None:
            kind = FirstViewer if change is Change.FIRST else LastViewer
            self._tell(kind(self._instant(), watched.name))

    def _take_off_air(self, watched: _Watched, *, complete: bool) -> None:
        watched.on_air = False
        watched.paths, watched.stalled = {}, set()
        watched.corrections = Corrections()
        self._tell(Unpublished(self._instant(), watched.name, complete, watched.why))

    def _instant(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)


class _Watched:
    """A channel that somebody has published."""

    __slots__ = ("audience", "corrections", "name", "on_air", "paths", "sessions", "stalled", "why")

    def __init__(self, name: str) -> None:
        self.name = name
        self.on_air = False
        self.paths: dict[str, Silence] = {}
        """Those that something is expected of."""
        self.sessions: set[str] = set()
        """Those of them that are being published."""
        self.stalled: set[str] = set()
        """Those of them that were told to be."""
        self.why = "the origin shuts down"
        """How the last encoder that ended did."""
        self.audience = Audience()
        self.corrections = Corrections()

    def note(self, channel: Channel, now: float) -> None:
        """What came since the last look, and of which paths nothing is expected any more."""
        for feed in channel:
            if feed.session is not None:
                path = self.paths[feed.name]
                path.note(feed.session.bytes_in, now)
                if feed.session.is_sparse:
                    path.excuse(now)
        if self.sessions:
            self.paths = dict(self._expected(now))

    def stall(self, stalled: set[str], instant: datetime, now: float) -> Stalled:
        """How to tell of it."""
        paths = [self.paths[name] for name in sorted(stalled)]
        away = any(path.is_away for path in paths)
        seconds = max(path.lasts(now) for path in paths)
        return Stalled(
            instant, self.name, sorted(stalled), "away" if away else "silent", round(seconds, 3)
        )

    def _expected(self, now: float) -> Iterator[tuple[str, Silence]]:
        for name, path in self.paths.items():
            if name in self.sessions or path.away_for(now) < AWAITED_SECONDS:
                yield name, path


def _channel_of(feed: Feed) -> str:
    return feed.name.partition("/")[0]


def _present(channel: Channel) -> int:
    """Players that are connected: of progressive streams, and those that wait for a segment or
    follow one."""
    reading = sum(track.reading for track in channel.presentation.tracks.values())
    return channel.watching + channel.presentation.held + reading
