"""A channel as those see it who look after it: API, dashboard, advice. Frozen, complete, without
methods, in seconds and bit/s as floats: nothing is computed from it that players would be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from sorgente.media.catalogue import SILENT_TRACK
from sorgente.media.channel import Channel
from sorgente.media.fanout import Counters
from sorgente.media.member import Member
from sorgente.media.period import Period
from sorgente.media.snapshot import Kind
from sorgente.media.track import Track

State = Literal["waiting", "live", "reconnecting", "ending", "ended"]
"""``waiting``: players, no encoder; ``reconnecting``: the encoder is away, and awaited; ``ended``:
the event is over, and still to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherReport:
    """An encoder at work."""

    path: str
    """``channel`` or ``channel/track``."""
    who: str
    since: float
    """UTC, seconds since 1970."""
    bytes_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberReport:
    """A player of a progressive stream."""

    number: int
    path: str
    who: str
    for_seconds: float
    waiting: bool
    """It came before the encoder."""
    unsent_chunks: int
    """There, and not taken yet: more than 0 while it is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackReport:
    """A track; None for what is not known, or does not apply."""

    name: str
    kind: Kind
    codec: str
    language: str
    away: bool
    """Its encoder sends nothing; players get a slate, or a gap."""
    width: int | None
    height: int | None
    frame_rate: float | None
    sample_rate: int | None
    channels: int | None
    bit_rate: float | None
    """Of the newest complete segment."""
    peak_bit_rate: float | None
    """Of the segment that needed most."""
    chunk_duration: float | None
    """The longest."""
    chunk_interval: float | None
    """From one chunk's arrival to the next one's, smoothed."""
    jitter: float | None
    """How much these stray from the pace of what they carry, smoothed."""
    encoder_delay: float | None
    """Age of a chunk's first sample when the chunk is here, by the encoder's clock (``prft``)."""
    segments: int
    window_bytes: int
    reading: int
    """Players that follow the segment in progress."""
    held: int
    """Requests that wait for the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """A channel, now."""

    name: str
    state: State
    publishers: tuple[PublisherReport, ...]
    content_types: tuple[str, ...]
    """Of what is relayed."""
    opaque: bool
    """It is relayed as bytes: there are no tracks, and no manifest."""
    tracks: tuple[TrackReport, ...]
    latency_target: float | None
    segment_duration: float | None
    key_frame_interval: float | None
    """The newest one; since the newest key frame, if one is missing."""
    key_frames_regular: bool | None
    drift: float
    """Media come so much later than announced."""
    viewers: int
    """Players of progressive streams, and those in the middle of a segment or waiting for one."""
    waiting: int
    """Players who came before their encoder."""
    held: int
    """Requests for what is next."""
    window_bytes: int
    counters: Counters
    """What happened since the channel began."""
    too_slow: int
    """Times a player could not keep up in the last minutes."""


def report(channel: Channel, now: float) -> ChannelReport:
    """What there is to say of ``channel``."""
    presentation = channel.presentation
    period = presentation.newest_period
    tracks = presentation.tracks.values()
    relays = [feed.relay for feed in channel if feed.relay is not None]
    return ChannelReport(
        name=channel.name,
        state=state_of(channel),
        publishers=tuple(_publishers(channel)),
        content_types=tuple(dict.fromkeys(relay.content_type for relay in relays)),
        opaque=any(relay.init is None for relay in relays),
        tracks=tuple(_track(track, period) for track in tracks),
        latency_target=_float(presentation.latency_target),
        segment_duration=None if period is None else float(period.segment_duration),
        key_frame_interval=_float(presentation.key_frame_interval),
        key_frames_regular=None if period is None else period.rhythm.steady,
        drift=float(presentation.drift),
        viewers=channel.watching + max((each.reading + each.held for each in tracks), default=0),
        waiting=channel.waiting,
        held=channel.held,
        window_bytes=channel.bytes_kept,
        counters=replace(channel.counters),
        too_slow=channel.slow.of(channel.counters.too_slow),
    )


def subscribers(channel: Channel, now: float) -> list[SubscriberReport]:
    """The players of the progressive streams of ``channel``, in the order they came."""
    found = [
        SubscriberReport(
            number=each.number,
            path=feed.name,
            who=each.who,
            for_seconds=now - each.since,
            waiting=feed.relay is None,
            unsent_chunks=0 if feed.relay is None else feed.relay.unsent(each),
        )
        for feed in channel
        for each in feed.subscribers
    ]
    return sorted(found, key=lambda each: each.number)


def state_of(channel: Channel) -> State:
    """How it is on the air."""
    if any(feed.session is not None for feed in channel):
        return "live"
    presentation = channel.presentation
    if presentation.ended:
        return "ended"
    if presentation.ending.lingers:
        return "ending"
    return "reconnecting" if channel.live or presentation.newest_period else "waiting"


def _publishers(channel: Channel) -> Iterator[PublisherReport]:
    for feed in channel:
        session = feed.session
        if session is not None:
            yield PublisherReport(
                path=feed.name, who=session.who, since=session.since, bytes_in=session.bytes_in
            )


def _is_away(member: Member | None, period: Period | None) -> bool:
    """Before the first period, that of an encoder with chunks of ten seconds too, nobody is."""
    return period is not None if member is None else member.is_away


def _track(track: Track, period: Period | None) -> TrackReport:
    facts, pulse = track.init.leading_track, track.pulse
    member = None if period is None else period.members.get(track.name)
    return TrackReport(
        name=track.name,
        kind=track.kind,
        codec=facts.codec,
        language=facts.language,
        # Silence: nobody sends it, and nobody is to look after its encoder.
        away=track.name != SILENT_TRACK and _is_away(member, period),
        width=facts.width or None,
        height=facts.height or None,
        frame_rate=None if member is None else _float(member.frame_rate),
        sample_rate=facts.sample_rate or None,
        channels=facts.channels or None,
        bit_rate=_bit_rate(track),
        peak_bit_rate=float(track.needs.bandwidth) or None,
        chunk_duration=None if member is None else float(member.chunk_duration) or None,
        chunk_interval=pulse.interval,
        jitter=pulse.jitter,
        encoder_delay=pulse.age,
        segments=len(track.segments),
        window_bytes=track.bytes_held,
        reading=track.reading,
        held=track.held,
    )


def _bit_rate(track: Track) -> float | None:
    complete = (each for each in reversed(track.segments.values()) if each.complete)
    newest = next(complete, None)
    if newest is None or not newest.duration:
        return None
    timescale = track.inits.get(newest.epoch, track.init).leading_track.timescale
    return newest.bytes * 8 * timescale / newest.duration


def _float(exact: Fraction | None) -> float | None:
    return None if exact is None else float(exact)
