"""What the components are told of what the operator set, and the bounds nobody has had to set yet.

A function each; which of them an origin is made of, and when, ``server.py`` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from sorgente.authorize import Program
from sorgente.broker import BrokerLimits
from sorgente.http.access import Access
from sorgente.http.following import DeliveryRules
from sorgente.http.frontend import FrontendLimits
from sorgente.http.gate import Gate
from sorgente.http.household import ConnectionLimits
from sorgente.http.ingest import IngestRules
from sorgente.http.routing import Router
from sorgente.isobmff.scanner import BoxLimits
from sorgente.journal import LogJournal
from sorgente.keys import Key
from sorgente.media.channel import ChannelRules
from sorgente.media.feed import FeedRules
from sorgente.media.presentation import PresentationRules
from sorgente.media.window import WindowBounds
from sorgente.settings import Settings
from sorgente.tokens.desk import BadTokenKey, Signatures, TokenDesk

LINGER_SECONDS: Final = 2.0
"""For an encoder to read an early answer while it still sends."""

HOLD_SECONDS: Final = 4.0
"""How long a request for what is next may wait. Shaka gives a request up that has not had a byte in
5 s (``stallTimeout``); dash.js waits 20 s."""

MIN_MAX_AGE: Final = 3600
"""Seconds that caches may keep segments, at least: their URLs never mean anything else."""

SILENCE_BYTES: Final = 256
"""Less than this in ``--publisher-timeout`` is silence: an empty fragment of one audio track is
more, one byte every few seconds (slowloris) is not."""

BURST_SECONDS: Final = 2.0
"""An upload that fills its window faster than this is a file, not an encoder."""


def channel_rules(settings: Settings) -> ChannelRules:
    """How each channel, its tracks and what is announced of them behave."""
    window, encoders, players = settings.window, settings.encoders, settings.players
    target = players.latency_target
    return ChannelRules(
        feed=FeedRules(
            window=WindowBounds(window.window, window.window_bytes),
            boxes=BoxLimits(max_box=encoders.max_box_bytes, max_chunk=encoders.max_chunk_bytes),
            max_lag=players.max_lag,
            reconnect_grace=encoders.reconnect_grace,
            silence=encoders.publisher_timeout,
            memory=encoders.absence,
        ),
        presentation=PresentationRules(
            window=window.window,
            window_bytes=window.window_bytes,
            segment_target=_exact(window.segment_target),
            latency_target=None if target is None else _exact(target),
            linger=encoders.linger,
            absence=encoders.absence,
            held=players.max_held,
        ),
        tracks=encoders.max_tracks,
    )


def _exact(seconds: float) -> Fraction:
    """What was typed: 0.2 is a fifth."""
    return Fraction(str(seconds))


def access(
    settings: Settings,
    journal: LogJournal,
    source_keys: Mapping[str, Key],
    desk: TokenDesk | None,
) -> Access:
    """Who may publish: encoders by their keys, those of this machine by theirs, and tokens."""
    given = settings.access
    own = {name: each.publish_key for name, each in given.channel.items() if each.publish_key}
    return Access(given.publish_key, own, journal.refused, source_keys, desk)


def desk(settings: Settings) -> TokenDesk | None:
    """Where tokens are looked at, if there are any. Raises BadTokenKey."""
    if settings.tokens.token_key:
        return TokenDesk(token_keys(settings))
    asking = [name for name, each in settings.access.channel.items() if each.watch == "token"]
    if settings.tokens.watch_tokens or asking:
        what = "--watch-tokens" if settings.tokens.watch_tokens else f"channel {asking[0]}"
        raise BadTokenKey(f"{what} takes tokens, and nobody could sign one: --token-key FILE")
    return None


def token_keys(settings: Settings) -> Signatures:
    """The keys for tokens, as their files say now. Raises BadTokenKey."""
    from sorgente.tokens.keys import read_keys  # 0.1 s that few need

    return read_keys(settings.tokens.token_key)


def gate(settings: Settings, router: Router, desk: TokenDesk | None, asker: Program | None) -> Gate:
    """Where it is asked who may watch; a channel may say otherwise than the origin."""
    watching = {name: each.watch for name, each in settings.access.channel.items() if each.watch}
    asked = "token" if settings.tokens.watch_tokens else "open"
    return Gate(router, desk, lambda channel: watching.get(channel, asked) == "token", asker)


def delivery_rules(settings: Settings) -> DeliveryRules:
    """How players are served."""
    return DeliveryRules(
        hold_seconds=HOLD_SECONDS,
        held=settings.players.max_held,
        stall_seconds=settings.players.stall_timeout,
        max_age=max(MIN_MAX_AGE, int(settings.window.window)),
    )


def ingest_rules(settings: Settings) -> IngestRules:
    """When an encoder is taken for silent, and an upload for a file."""
    return IngestRules(settings.encoders.publisher_timeout, SILENCE_BYTES, BURST_SECONDS)


def broker_limits(settings: Settings) -> BrokerLimits:
    """Bounds over all channels."""
    return BrokerLimits(
        channels=settings.encoders.max_channels,
        waiting=settings.players.max_waiting,
        memory=settings.window.memory,
    )


def connection_limits(settings: Settings) -> ConnectionLimits:
    """Bounds of each connection."""
    connections = settings.connections
    return ConnectionLimits(
        head_bytes=connections.max_head_bytes,
        uri_bytes=connections.max_head_bytes // 2,
        head_seconds=connections.head_timeout,
        idle_seconds=connections.idle_timeout,
        linger_seconds=LINGER_SECONDS,
        stall_seconds=settings.players.stall_timeout,
    )


def frontend_limits(settings: Settings) -> FrontendLimits:
    """Bounds over all connections."""
    connections = settings.connections
    return FrontendLimits(connections.max_connections, connections.max_connections_per_address)
