"""What the channels of these tests keep to."""

from __future__ import annotations

from fractions import Fraction

from sorgente.isobmff.scanner import BoxLimits
from sorgente.media.channel import ChannelRules
from sorgente.media.feed import FeedRules
from sorgente.media.presentation import PresentationRules
from sorgente.media.window import WindowBounds


def channel_rules(
    *,
    window: float = 60.0,
    window_bytes: int = 1 << 20,
    tracks: int = 4,
    held: int = 10,
    latency_target: Fraction | None = None,
) -> ChannelRules:
    """The defaults of the origin, but for what a test sets and a lag of 5 s."""
    return ChannelRules(
        FeedRules(
            WindowBounds(window, window_bytes),
            BoxLimits(),
            5.0,
            reconnect_grace=10.0,
            silence=30.0,
            memory=60.0,
        ),
        PresentationRules(
            window=window,
            window_bytes=window_bytes,
            segment_target=Fraction(2),
            latency_target=latency_target,
            linger=10.0,
            absence=60.0,
            held=held,
        ),
        tracks=tracks,
    )
