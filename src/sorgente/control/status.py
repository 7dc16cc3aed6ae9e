"""What the control application may know: one snapshot, taken when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sorgente.cmcd.viewers import Viewers
from sorgente.hooks.tally import HookStatus
from sorgente.media.fanout import Counters
from sorgente.media.feed_snapshot import FeedSnapshot
from sorgente.media.report import ChannelReport


class HistogramStatus(Protocol):
    """A histogram to read."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The source of a channel, which the origin runs itself."""

    channel: str
    state: str
    """starting, waiting, running, restarting, failed or ended."""
    line: str
    """How it goes, or why it does not."""
    wait: float
    """Seconds until it begins again, when it is restarting or has failed."""
    restarts: int
    """How often it had to begin again."""

    @property
    def running(self) -> bool:
        """It makes media."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class TlsStatus:
    """HTTPS, if it is spoken."""

    expires: float
    """UTC of the certificate's end, seconds since 1970."""
    reloaded: bool
    """The certificate is what its files held when they were read last."""
    failures: Mapping[str, int]
    """Handshakes, by why they failed."""


@dataclass(frozen=True, slots=True)
class OriginStatus:
    """The origin, now."""

    version: str
    closing: bool
    channels: Sequence[FeedSnapshot]
    drifts: Mapping[str, float]
    """Seconds by channel: how much later its media come than announced."""
    sources: Sequence[SourceStatus]
    awaited: int
    """Channels that players wait for, and nobody has published."""
    held: int
    """Requests that wait: players for their encoder, or for what is next."""
    totals: Counters
    window_bytes: int
    clock_ahead: float
    """Seconds that our UTC is ahead of the machine's clock."""
    connections: int
    refused: int
    """Connections that were one too many."""
    refusals: Mapping[int, int]
    """Requests that were answered with an error, by its status."""
    unread_reports: int
    """What players said of themselves, and nobody could read."""
    publish_refused: Mapping[str, int]
    """Uploads, by the reason why they were not let in."""
    hooks: HookStatus
    watch_refused: Mapping[str, int]
    """Requests of players, by what their token lacks; empty if there are no tokens."""
    tls: TlsStatus | None
    relay_time: HistogramStatus
    loop_lag: HistogramStatus

    @property
    def channels_live(self) -> int:
        """Channels with an encoder, or one that is expected back."""
        return len({feed.channel for feed in self.channels if feed.state != "waiting"})

    @property
    def publishers(self) -> int:
        """Encoders at work."""
        return sum(channel.publisher is not None for channel in self.channels)


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel, now."""

    report: ChannelReport
    viewers: Viewers | None
    """Its players, if any of them says how it fares."""
    relay_time: HistogramStatus


StatusSource = Callable[[], OriginStatus]
ChannelSource = Callable[[], Sequence[ChannelStatus]]
"""All channels, by name. Takes 0.1 ms a channel."""
