"""Prometheus metrics, pulled: the owners are asked at scrape time, the hot path only adds.

Names follow https://prometheus.io/docs/practices/naming/. Those of one channel, and of one track,
are in :mod:`~.channel_metrics`; those of sources are as many as the settings name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sorgente.control.channel_metrics import COUNTERS, channel_metrics, histogram
from sorgente.control.status import ChannelSource, OriginStatus, StatusSource, TlsStatus


class OriginCollector(Collector):
    """All that Sorgente exports."""

    def __init__(self, source: StatusSource, channels: ChannelSource) -> None:
        self._source = source
        self._channels = channels

    def collect(self) -> Iterator[Metric]:
        """Ask the owners now."""
        status = self._source()
        yield from _gauges(status)
        yield from _counters(status)
        yield from _tls_metrics(status.tls)
        yield histogram(
            "sorgente_relay_seconds",
            "From a chunk's last byte in to its last byte handed to the kernel for every player.",
            [((), status.relay_time)],
        )
        yield histogram(
            "sorgente_loop_lag_seconds",
            "How late the event loop came to a timer.",
            [((), status.loop_lag)],
        )
        yield from channel_metrics(self._channels())


def _gauges(status: OriginStatus) -> Iterator[Metric]:
    build = GaugeMetricFamily("sorgente_build_info", "1; what runs.", labels=["version"])
    build.add_metric([status.version], 1)
    yield build
    yield GaugeMetricFamily("sorgente_channels", "Channels live.", status.channels_live)
    yield GaugeMetricFamily(
        "sorgente_channels_awaited",
        "Channels that players wait for, and nobody has published.",
        status.awaited,
    )
    yield GaugeMetricFamily("sorgente_publishers", "Encoders at work.", status.publishers)
    yield GaugeMetricFamily("sorgente_connections", "Connections open.", status.connections)
    yield GaugeMetricFamily(
        "sorgente_held",
        "Requests that wait: players for their encoder, and for the segment that is next.",
        status.held,
    )
    drift = GaugeMetricFamily(
        "sorgente_drift_seconds",
        "How much later a channel's media come than its manifest announces.",
        labels=["channel"],
    )
    for name, seconds in status.drifts.items():
        drift.add_metric([name], seconds)
    yield drift
    yield GaugeMetricFamily("sorgente_window_bytes", "Media in memory.", status.window_bytes)
    yield GaugeMetricFamily(
        "sorgente_clock_ahead_seconds",
        "How far the time that players are told is ahead of the machine's clock, which was set.",
        status.clock_ahead,
    )
    subscribers = GaugeMetricFamily(
        "sorgente_subscribers", "Players of a channel.", labels=["channel"]
    )
    window = GaugeMetricFamily(
        "sorgente_channel_window_bytes", "Media of a channel in memory.", labels=["channel"]
    )
    for channel in status.channels:
        subscribers.add_metric([channel.name], channel.watching)
        window.add_metric([channel.name], channel.window_bytes)
    yield subscribers
    yield window
    running = GaugeMetricFamily(
        "sorgente_source_running",
        "1 while the source that the origin runs for a channel makes media.",
        labels=["channel"],
    )
    for source in status.sources:
        running.add_metric([source.channel], source.running)
    yield running
    queued = GaugeMetricFamily(
        "sorgente_hooks_queued",
        "Events that receivers of hooks have not been told yet.",
        labels=["event"],
    )
    for kind, count in status.hooks.queued.items():
        queued.add_metric([kind], count)
    yield queued


def _counters(status: OriginStatus) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "sorgente_connections_refused", "Connections that were one too many.", status.refused
    )
    refusals = CounterMetricFamily(
        "sorgente_refusals", "Requests that were answered with an error.", labels=["status"]
    )
    for code, count in status.refusals.items():
        refusals.add_metric([str(code)], count)
    yield refusals
    yield CounterMetricFamily(
        "sorgente_cmcd_unread",
        "What players said of themselves, and nobody could read.",
        status.unread_reports,
    )
    refused = CounterMetricFamily(
        "sorgente_publish_refused",
        "Uploads that were not let in, for want of the key or for where they came from.",
        labels=["reason"],
    )
    for reason, count in status.publish_refused.items():
        refused.add_metric([reason], count)
    yield refused
    unwatched = CounterMetricFamily(
        "sorgente_watch_refused",
        "Requests for media that were not let in, by what their token lacks.",
        labels=["reason"],
    )
    for reason, count in status.watch_refused.items():
        unwatched.add_metric([reason], count)
    yield unwatched
    restarts = CounterMetricFamily(
        "sorgente_source_restarts",
        "Times the source that the origin runs for a channel had to begin again.",
        labels=["channel"],
    )
    for source in status.sources:
        restarts.add_metric([source.channel], source.restarts)
    yield restarts
    hooks = CounterMetricFamily(
        "sorgente_hooks",
        "Events for receivers of hooks: delivered, failed (tried in vain), dropped (never tried).",
        labels=["event", "outcome"],
    )
    for labels, count in status.hooks.fates.items():
        hooks.add_metric(labels, count)
    yield hooks
    for field in fields(status.totals):
        yield CounterMetricFamily(
            f"sorgente_{field.name}", COUNTERS[field.name], getattr(status.totals, field.name)
        )


def _tls_metrics(status: TlsStatus | None) -> Iterator[Metric]:
    """Without series where HTTPS is not spoken: nothing expires there."""
    expiry = GaugeMetricFamily(
        "sorgente_tls_certificate_expiry_timestamp_seconds",
        "UTC of the certificate's end, since 1970.",
        labels=(),
    )
    reloaded = GaugeMetricFamily(
        "sorgente_tls_certificate_last_reload_successful",
        "0 while the certificate's files hold none, and the one of before goes on.",
        labels=(),
    )
    failures = CounterMetricFamily(
        "sorgente_tls_handshake_failures",
        "Connections that came to nothing, by why they did.",
        labels=["reason"],
    )
    if status is not None:
        expiry.add_metric((), status.expires)
        reloaded.add_metric((), status.reloaded)
        for reason, count in status.failures.items():
            failures.add_metric([reason], count)
    yield expiry
    yield reloaded
    yield failures
