"""A path as pages and metrics see it; what an operator sees of a whole channel is a ``report``."""

from __future__ import annotations

from dataclasses import dataclass

from sorgente.media.channel import Channel
from sorgente.media.fanout import Counters
from sorgente.media.feed import Feed


@dataclass(frozen=True, slots=True)
class FeedSnapshot:
    """A path at one moment."""

    channel: str
    name: str
    """``channel``, or ``channel/track``."""
    state: str
    """``waiting`` (players, no encoder), ``live`` or ``reconnecting``."""
    content_type: str | None
    publisher: str | None
    since: float | None
    """UTC, seconds since 1970, when the publisher began."""
    watching: int
    window_bytes: int
    window_seconds: float
    tracks: tuple[str, ...]
    """Codec strings."""
    counters: Counters


def feed_snapshot(channel: Channel, feed: Feed, now: float) -> FeedSnapshot:
    """How ``feed``, a path of ``channel``, is at ``now``."""
    relay, session = feed.relay, feed.session
    state = "reconnecting" if feed.reconnecting else "live" if feed.live else "waiting"
    oldest = None if relay is None else relay.window.oldest_received_at
    init = None if relay is None else relay.init
    return FeedSnapshot(
        channel=channel.name,
        name=feed.name,
        state=state,
        content_type=None if relay is None else relay.content_type,
        publisher=None if session is None else session.who,
        since=None if session is None else session.since,
        watching=feed.watching,
        window_bytes=0 if relay is None else relay.window.bytes,
        window_seconds=0.0 if oldest is None else now - oldest,
        tracks=() if init is None else tuple(track.codec for track in init.tracks),
        counters=channel.counters,
    )
