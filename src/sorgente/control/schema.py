"""What the API says, as msgspec structs: the one place that its documents and its OpenAPI are made
of. Times are seconds, rates bit/s; None: not known, or does not apply."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

State = Annotated[
    Literal["waiting", "live", "reconnecting", "ending", "ended"],
    Meta(
        description="waiting: players, no encoder; reconnecting: the encoder is away and awaited; "
        "ending: it came to a clean end, and for --linger another may go on; "
        "ended: the event is over and still to be seen."
    ),
]
Setting = str | float | int | bool | list[str] | None

Level = Literal["debug", "info", "warning", "error"]
Count = Annotated[int, Meta(ge=0)]


class Advice(Struct, frozen=True):
    """Something is not as well as it could be, and what to do about it."""

    rule: Annotated[str, Meta(description="Stays the same, for programs.")]
    text: Annotated[str, Meta(description="What is so, and what comes of it.")]
    remedy: Annotated[str, Meta(description="What to do.")]
    serious: Annotated[bool, Meta(description="Viewers notice.")]
    track: str | None = None


class Publisher(Struct, frozen=True):
    """An encoder at work."""

    path: Annotated[str, Meta(description="channel, or channel/track.")]
    who: str
    since: Annotated[float, Meta(description="UTC, seconds since 1970.")]
    bytes_in: Count


class Track(Struct, frozen=True):
    """A track of a channel."""

    name: str
    kind: Literal["video", "audio", "text", "meta"]
    codec: Annotated[str, Meta(description="As in RFC 6381.")]
    language: str
    away: Annotated[bool, Meta(description="Its encoder sends nothing: players get a slate.")]
    width: int | None
    height: int | None
    frame_rate: float | None
    sample_rate: int | None
    channels: int | None
    bit_rate: Annotated[float | None, Meta(description="Of the newest complete segment.")]
    peak_bit_rate: Annotated[float | None, Meta(description="Of the segment that needed most.")]
    chunk_duration: Annotated[float | None, Meta(description="Of the longest chunk, lately.")]
    chunk_interval: Annotated[
        float | None, Meta(description="Between the arrivals of two chunks, smoothed.")
    ]
    jitter: Annotated[
        float | None, Meta(description="How much arrivals stray from the media's pace, smoothed.")
    ]
    encoder_delay: Annotated[
        float | None,
        Meta(description="Age of a chunk's first sample when it is here, by its prft box."),
    ]
    segments: Count
    window_bytes: Count
    reading: Annotated[Count, Meta(description="Players that follow the segment in progress.")]
    held: Annotated[Count, Meta(description="Requests that wait for the next segment.")]


class Counters(Struct, frozen=True):
    """What happened since the channel, or the origin, began."""

    bytes_in: Count
    bytes_out: Count
    chunks: Count
    deliveries: Annotated[Count, Meta(description="Chunks handed out, counted for each player.")]
    lag_skips: Annotated[Count, Meta(description="Slow players moved forward.")]
    lag_aborts: Annotated[Count, Meta(description="Slow players cut off: it had left the window.")]
    stall_aborts: Annotated[Count, Meta(description="Players cut off that took nothing.")]
    upload_aborts: Annotated[Count, Meta(description="Uploads broken off, or refused.")]
    repeated_chunks: Count
    filler_chunks: Count
    periods: Annotated[Count, Meta(description="Timelines begun: restarts, jumps, drift.")]


class Quantiles(Struct, frozen=True):
    """Of what players said last."""

    p5: float
    p50: float
    p95: float


class Audience(Struct, frozen=True):
    """The players that say how they fare (CMCD), where they can be believed. What is null, none of
    them says."""

    sessions: Annotated[Count, Meta(description="Heard of in the last 40 s.")]
    formats: Annotated[
        dict[str, Count], Meta(description="Sessions by format: dash, hls, smooth, other, unknown.")
    ]
    states: Annotated[
        dict[str, Count],
        Meta(description="By state (CMCD 2), of the 1000 heard of last, like what follows."),
    ]
    stalled: Annotated[float, Meta(description="Part that ran dry in the last 40 s.", ge=0, le=1)]
    latency: Quantiles | None
    buffer: Annotated[Quantiles | None, Meta(description="Of picture and sound, what is less.")]
    bit_rate: Annotated[Quantiles | None, Meta(description="As encoded, picture and sound.")]
    throughput: Annotated[Quantiles | None, Meta(description="As players measure it.")]
    playback_rate: Quantiles | None
    stalls: Annotated[Count, Meta(description="Since the channel began, like what follows.")]
    stalled_seconds: float
    failures: Annotated[Count, Meta(description="Errors of players (CMCD 2, events).")]
    reports: Count


class Channel(Struct, frozen=True):
    """A live event."""

    name: str
    state: State
    publishers: list[Publisher]
    content_types: list[str]
    opaque: Annotated[bool, Meta(description="Relayed as bytes: no tracks, no manifest.")]
    tracks: list[Track]
    latency_target: Annotated[float | None, Meta(description="What manifests ask players for.")]
    segment_duration: float | None
    key_frame_interval: Annotated[
        float | None,
        Meta(description="Between the newest two; since the newest if one is missing."),
    ]
    key_frames_regular: bool | None
    drift: Annotated[float, Meta(description="Media come so much later than announced.")]
    viewers: Annotated[
        Count,
        Meta(description="Players of progressive streams, and those that read or await a segment."),
    ]
    waiting: Annotated[Count, Meta(description="Players who came before their encoder.")]
    held: Annotated[Count, Meta(description="Requests for what is next.")]
    window_bytes: Count
    counters: Counters
    advice: list[Advice] = []
    audience: Annotated[
        Audience | None, Meta(description="null: no player has said anything of itself.")
    ] = None


class Channels(Struct, frozen=True):
    """All channels, by name."""

    channels: list[Channel]


class Tracks(Struct, frozen=True):
    """The tracks of a channel."""

    tracks: list[Track]


class Subscriber(Struct, frozen=True):
    """A player of a progressive stream."""

    number: Annotated[Count, Meta(description="What it is called, until it leaves.")]
    path: str
    who: str
    for_seconds: float
    waiting: Annotated[bool, Meta(description="It came before its encoder.")]
    unsent_chunks: Annotated[Count, Meta(description="There, and not taken yet.")]


class Subscribers(Struct, frozen=True):
    """Players of a channel's progressive streams, in the order they came. Players of DASH come with
    a request for every segment; they have no number."""

    subscribers: list[Subscriber]
    total: Count


class Source(Struct, frozen=True):
    """The source of a channel, which the origin runs itself. What it is made of is not told."""

    channel: str
    state: Literal["starting", "waiting", "running", "restarting", "failed", "ended"]
    line: Annotated[str, Meta(description="How it goes, or why it does not.")]
    wait: Annotated[float, Meta(description="Seconds until it begins again.")]
    restarts: Count


class Origin(Struct, frozen=True):
    """The origin itself."""

    version: str
    closing: Annotated[bool, Meta(description="It takes nobody new any more.")]
    channels_live: Count
    channels_awaited: Annotated[
        Count, Meta(description="Names that players wait at, and nobody has published.")
    ]
    connections: Count
    connections_refused: Count
    held: Count
    window_bytes: Count
    clock_ahead: Annotated[
        float, Meta(description="Seconds that it is ahead of the machine's clock, if set back.")
    ]
    totals: Counters
    sources: list[Source]


class Settings(Struct, frozen=True):
    """What the origin was started with. Of keys: whether there are any."""

    settings: dict[str, Setting | dict[str, Setting]]


class LogLevel(Struct, frozen=True, forbid_unknown_fields=True):
    """From which level on there is a line in the log."""

    level: Level


class LogLevelChanged(Struct, frozen=True):
    """What it was, and what it is."""

    before: Level
    level: Level


class Snapshot(Struct, frozen=True):
    """The first event, ``snapshot``: all there is."""

    origin: Origin
    channels: list[Channel]


class Changes(Struct, frozen=True):
    """Every other event, ``changes``: what is not as it was told before."""

    origin: Origin | None
    channels: list[Channel]
    gone: list[str]
