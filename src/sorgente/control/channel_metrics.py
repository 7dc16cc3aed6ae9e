"""Prometheus metrics of each channel, of its tracks, and of its players.

Their series exist while the channel does. There are at most ``--max-channels`` of these (100), with
33 series, 5 for each of ``--max-tracks`` (16), and 60 for players, if any of them reports (CMCD).
What a player says is never a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import accumulate
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from sorgente.cmcd.viewers import Viewers
from sorgente.control.status import ChannelStatus, HistogramStatus
from sorgente.media.fanout import Counters
from sorgente.media.report import ChannelReport, TrackReport

COUNTERS: Final = {
    "bytes_in": "Bytes of media received from encoders.",
    "bytes_out": "Bytes of media handed to players.",
    "chunks": "Chunks relayed.",
    "deliveries": "Chunks handed to players, counted for each player.",
    "lag_skips": "Times a slow player was moved forward to a random access point.",
    "lag_aborts": "Players cut off because what they needed next had left the window.",
    "stall_aborts": "Players cut off because they took nothing for too long.",
    "upload_aborts": "Uploads that broke off or were refused.",
    "repeated_chunks": "Chunks dropped because they were here already.",
    "filler_chunks": "Chunks that encoders sent in place of an input they had lost.",
    "periods": "Timelines begun: encoders that began anew, jumps, drift that was corrected.",
}
"""By the field of :class:`~sorgente.media.fanout.Counters`; here in all, and of each channel."""

CHANNEL_GAUGES: Final[dict[str, tuple[str, Callable[[ChannelReport], float | None]]]] = {
    "live": ("1 while an encoder is at work.", lambda each: each.state == "live"),
    "awaited": (
        "1 while its encoder is away, and expected back.",
        lambda each: each.state == "reconnecting",
    ),
    "players": (
        "Players of progressive streams, and those that read or await a segment.",
        lambda each: each.viewers,
    ),
    "held": ("Requests that wait.", lambda each: each.held + each.waiting),
    "latency_target_seconds": (
        "How far behind the encoder players are asked to be.",
        lambda each: each.latency_target,
    ),
    "key_frame_interval_seconds": (
        "Between the newest two key frames; since the newest if one is missing.",
        lambda each: each.key_frame_interval,
    ),
}
TRACK_GAUGES: Final[dict[str, tuple[str, Callable[[TrackReport], float | None]]]] = {
    "away": ("1 while its encoder sends nothing of it.", lambda each: each.away),
    "bytes_per_second": (
        "Of media, in the newest complete segment.",
        lambda each: None if each.bit_rate is None else each.bit_rate / 8,
    ),
    "chunk_interval_seconds": (
        "Between the arrivals of two chunks, smoothed.",
        lambda each: each.chunk_interval,
    ),
    "jitter_seconds": (
        "How much arrivals stray from the media's pace, smoothed.",
        lambda each: each.jitter,
    ),
    "encoder_delay_seconds": (
        "Age of a chunk's first sample when it is here, by its prft box.",
        lambda each: each.encoder_delay,
    ),
}
VIEWER_HISTOGRAMS: Final[dict[str, tuple[str, Callable[[Viewers], HistogramStatus]]]] = {
    "buffer_seconds": ("Media in players' buffers, by their own word.", lambda each: each.buffer),
    "latency_seconds": (
        "How far players are behind live, by their own word.",
        lambda each: each.latency,
    ),
    "bytes_per_second": (
        "Of media, at the bit rates that players ask for.",
        lambda each: each.byte_rate,
    ),
}
VIEWER_COUNTERS: Final[dict[str, tuple[str, Callable[[Viewers], float]]]] = {
    "stalls": ("Times a player ran dry, by its own word.", lambda each: each.stalls),
    "stalled_seconds": ("For how long, as far as they say.", lambda each: each.stalled_seconds),
    "failures": ("Errors that players tell of.", lambda each: each.failures),
    "reports": ("What players said of themselves (CMCD).", lambda each: each.reports),
}
Labelled = tuple[Sequence[str], HistogramStatus]


def channel_metrics(channels: Sequence[ChannelStatus]) -> Iterator[Metric]:
    """All of them."""
    reports = [each.report for each in channels]
    yield from _channel_gauges(reports)
    for field in fields(Counters):
        name = f"sorgente_channel_{field.name}"
        counter = CounterMetricFamily(name, COUNTERS[field.name], labels=["channel"])
        for report in reports:
            counter.add_metric([report.name], getattr(report.counters, field.name))
        yield counter
    yield histogram(
        "sorgente_channel_relay_seconds",
        "From a chunk's last byte in to its last byte handed to the kernel for every player.",
        [([each.report.name], each.relay_time) for each in channels],
        ["channel"],
    )
    yield from _track_gauges(reports)
    yield from _viewer_metrics(
        [(each.report.name, each.viewers) for each in channels if each.viewers is not None]
    )


def histogram(
    name: str, text: str, values: Iterable[Labelled], labels: Sequence[str] = ()
) -> Metric:
    """A histogram for each set of labels."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for label, each in values:
        bounds = [*map(str, each.bounds), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(each.counts)), strict=True))
        family.add_metric(label, buckets, each.total)
    return family


def _channel_gauges(reports: Sequence[ChannelReport]) -> Iterator[Metric]:
    for name, (text, of) in CHANNEL_GAUGES.items():
        gauge = GaugeMetricFamily(f"sorgente_channel_{name}", text, labels=["channel"])
        for report in reports:
            value = of(report)
            if value is not None:
                gauge.add_metric([report.name], value)
        yield gauge


def _track_gauges(reports: Sequence[ChannelReport]) -> Iterator[Metric]:
    for name, (text, of) in TRACK_GAUGES.items():
        gauge = GaugeMetricFamily(f"sorgente_track_{name}", text, labels=["channel", "track"])
        for report in reports:
            for track in report.tracks:
                value = of(track)
                if value is not None:
                    gauge.add_metric([report.name, track.name], value)
        yield gauge


def _viewer_metrics(channels: Sequence[tuple[str, Viewers]]) -> Iterator[Metric]:
    sessions = GaugeMetricFamily(
        "sorgente_viewers",
        "Players that have said something of themselves (CMCD) in the last 40 s.",
        labels=["channel", "format"],
    )
    for name, viewers in channels:
        for form, count in viewers.formats.items():
            sessions.add_metric([name, form], count)
    yield sessions
    for name, (text, of) in VIEWER_COUNTERS.items():
        counter = CounterMetricFamily(f"sorgente_viewer_{name}", text, labels=["channel"])
        for channel, viewers in channels:
            counter.add_metric([channel], of(viewers))
        yield counter
    for name, (text, histogram_of) in VIEWER_HISTOGRAMS.items():
        labelled = [([channel], histogram_of(viewers)) for channel, viewers in channels]
        yield histogram(f"sorgente_viewer_{name}", text, labelled, ["channel"])
