"""What an operator may set. One frozen dataclass per component; the command line,
``SORGENTE_*`` variables and ``sorgente.toml`` are all derived from these (``cli.py``), so an option
is spelt once. Every number is a bound or a time with its reason beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter, Token
from cyclopts.types import ExistingFile
from cyclopts.validators import Number

from sorgente.channel_settings import ChannelSettings, PublishKey, read_channels
from sorgente.hooks.signature import Secret
from sorgente.keys import Key
from sorgente.outbound import OutboundUrl

Positive = Annotated[int, Parameter(validator=Number(gt=0))]


def _finite(_: object, seconds: float | None) -> None:
    if seconds is not None and not (0 < seconds <= MOST_SECONDS):  # nan is neither
        raise ValueError(f"Must be more than 0 and at most {MOST_SECONDS:.0f} seconds, a year.")


def _worth_a_frame(_: object, seconds: float | None) -> None:
    _finite(_, seconds)
    if seconds is not None and seconds < LEAST_TARGET:
        raise ValueError(f"Must be at least {LEAST_TARGET:g} seconds: a picture at 50 fps.")


Seconds = Annotated[float, Parameter(validator=_finite)]
Target = Annotated[float, Parameter(validator=_worth_a_frame)]
Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]
LogLevel = Literal["debug", "info", "warning", "error"]

MOST_SECONDS: Final = 365 * 86_400.0
"""A year: more is a slip of the pen, and infinity is not a number to reckon with."""

LEAST_TARGET: Final = 0.02
"""Seconds of a segment, or behind live: no picture is shorter, at 50 fps, and nothing that is one
can be closer. 1e-9 would be a billion segments a second by their numbers."""

WITH_SECRETS: Final = ("source", "hook_secret")
"""Settings that are secrets, or may hold one: rtsp://user:password@camera/."""

REDACTED: Final = "(set)"
"""What is shown of a key."""


def _proxy(_: object, tokens: Sequence[Token]) -> IPv4Network | IPv6Network:
    return ip_network(tokens[0].value)


Proxy = Annotated[IPv4Network | IPv6Network, Parameter(converter=_proxy, n_tokens=1)]

AdminKey = PublishKey


def _consistent(_: object, listen: ListenSettings) -> None:
    if listen.proxy_protocol and not listen.trusted_proxy:
        raise ValueError("--proxy-protocol needs to know whose: --trusted-proxy ADDRESS")
    if listen.proxy_protocol and listen.cert is not None:
        raise ValueError("--proxy-protocol and --cert exclude each other: let the proxy do TLS")
    if listen.key is not None and listen.cert is None:
        raise ValueError("--key belongs to a --cert")


@Parameter(name="*", validator=_consistent)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where the origin listens."""

    host: str = "0.0.0.0"
    """Address to listen on."""

    port: Port = 8080
    """Port to listen on; 0 takes a free one."""

    cert: ExistingFile | None = None
    """PEM file of a certificate and its chain: the origin speaks HTTPS. SIGHUP reads it again."""

    key: ExistingFile | None = None
    """PEM file of the key of --cert, if it is not in the same file."""

    trusted_proxy: tuple[Proxy, ...] = ()
    """Address or network (10.0.0.0/8) of a proxy in front: what it says of its clients counts
    (X-Forwarded-For, Forwarded), and it may open any number of connections."""

    proxy_protocol: bool = False
    """Whether connections of trusted proxies begin with a PROXY protocol header."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """How much is kept in memory."""

    window: Seconds = 60.0
    """Seconds kept of a channel. What follows its newest key frame is kept however old it is; and
    for DASH as much as players at the latency target need: it and two segments, at least 8 s."""

    window_bytes: Positive = 256 << 20
    """Bytes kept of a channel: 60 s at 35 Mbit/s."""

    segment_target: Target = 2.0
    """Seconds in a segment: the nearest whole number of groups of pictures is taken."""

    memory: Positive = 2 << 30
    """Bytes of media over all channels. Over it, the largest window gives first."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """What encoders may do."""

    publisher_timeout: Seconds = 30.0
    """Seconds an encoder may be silent. ffmpeg sends a group of pictures at a time: at its defaults
    (250 frames) 10 s at 25 fps, 17 s at 15 fps."""

    reconnect_grace: Seconds = 10.0
    """Seconds the players of a broken off upload wait for its encoder to come back."""

    linger: Seconds = 10.0
    """Seconds an event goes on after its encoder ended cleanly: it may have been restarted."""

    absence: Seconds = 60.0
    """Seconds an event goes on after its encoder broke off. Its players wait for so long."""

    max_chunk_bytes: Positive = 64 << 20
    """Bytes in one chunk: 10 s at 50 Mbit/s, an encoder's group of pictures at its largest."""

    max_box_bytes: Positive = 4 << 20
    """Bytes in any box but mdat: a thousand times what encoders send."""

    normalize: bool = True
    """Whether an encoder's own manifests are made fit for players, or served as they were put."""

    max_channels: Positive = 100
    """Channels live at a time."""

    max_tracks: Positive = 16
    """Tracks of a channel: ten bit rates and a few languages."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerSettings:
    """What players may do."""

    latency_target: Target | None = None
    """Seconds from the encoder to the screen that manifests ask players for. By default three
    chunks and 0.2 s, at least 0.5 s. On a channel whose chunks are longer, more than one of them;
    if they are whole segments, two."""

    max_held: Positive = 10_000
    """Requests of a channel that may wait for what is next. Over all channels, they are as many as
    connections may be."""

    max_lag: Seconds = 10.0
    """Seconds a slow player may be behind before it is moved forward to the newest key frame."""

    stall_timeout: Seconds = 30.0
    """Seconds a player may take nothing at all before it is cut off."""

    max_waiting: Positive = 10_000
    """Players that may wait for encoders which are not there yet, over all channels. Who waits for
    what is next of a channel on the air is not one of them."""


def _program(_: object, tokens: Sequence[Token]) -> OutboundUrl:
    return OutboundUrl(tokens[0].value)


Program = Annotated[OutboundUrl, Parameter(converter=_program, n_tokens=1, accepts_keys=False)]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Who may publish, and who may look after the origin."""

    publish_key: PublishKey | None = None
    """The key that encoders give: a Bearer token, a Basic password or ?key=. Without one, only
    this machine may publish. Better in SORGENTE_PUBLISH_KEY: ps shows command lines to everybody.
    """

    admin_key: AdminKey | None = None
    """The key to look after the origin with: it opens all of /api. Without one, this machine may
    look, and nobody may change anything. Better in SORGENTE_ADMIN_KEY."""

    channel: Annotated[dict[str, ChannelSettings], Parameter(converter=read_channels)] = field(
        default_factory=dict
    )
    """What is different on one channel."""


def _hook_secret(_: object, tokens: Sequence[Token]) -> Secret:
    return Secret(tokens[0].value)


def _signed(_: object, hooks: HookSettings) -> None:
    if hooks.hook_url and not hooks.hook_secret:
        raise ValueError("--hook-url needs a --hook-secret: what is told is signed")


@Parameter(name="*", validator=_signed)
@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """Who is told what happens on the channels."""

    hook_url: tuple[Program, ...] = ()
    """Where a program of yours takes what happens on channels: an http(s) URL for signed POSTs.
    Several times for several programs; each gets everything."""

    hook_secret: tuple[
        Annotated[Secret, Parameter(converter=_hook_secret, n_tokens=1, accepts_keys=False)], ...
    ] = ()
    """What they are signed with: whsec_ and base64 of 24 to 64 bytes of chance; better in
    SORGENTE_HOOK_SECRET. Two while receivers change from one to the other: both sign."""


def _asked(_: object, tokens: TokenSettings) -> None:
    if tokens.authorize_watch and tokens.authorize_url is None:
        raise ValueError("--authorize-watch needs somebody to ask: --authorize-url URL")


@Parameter(name="*", validator=_asked)
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Who may watch, or publish, with a token (JWT)."""

    token_key: tuple[ExistingFile, ...] = ()
    """File with the key that tokens are signed with: the public Ed25519 key (PEM, or a JWK or JWKS)
    for EdDSA, or a secret of 32 bytes or more for HS256. Several may be given. SIGHUP reads them
    again."""

    authorize_url: Program | None = None
    """http(s) URL of a program of yours that decides who may publish without key and token: asked
    by POST, allows with 2xx, refuses with 401 or 403. Where it does not answer, nobody may."""

    authorize_watch: bool = False
    """Whether it is asked about who watches, too, where that takes no token."""

    watch_tokens: bool = False
    """Whether watching takes a token, on all channels that do not say watch = "open"."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """What connections may do."""

    max_connections: Positive = 16_000
    """Connections in all. Each costs about 4 KB and a file descriptor."""

    max_connections_per_address: Positive = 4_096
    """Connections from one address; a proxy in front of the origin is one."""

    max_head_bytes: Positive = 32 << 10
    """Bytes in a request head: four times what Apache and nginx take, as CMCD and tokens add up."""

    head_timeout: Seconds = 10.0
    """Seconds for a request head to be complete."""

    idle_timeout: Seconds = 75.0
    """Seconds between two requests of a connection. ffmpeg dies when one is closed under it, so
    this is longer than any segment."""

    shutdown_timeout: Seconds = 2.0
    """Seconds uploads and players may go on after SIGTERM; a second signal ends them at once."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is logged."""

    log_format: Literal["text", "json"] = "text"
    """Lines for people or for machines."""

    log_level: LogLevel = "info"
    """What is worth a line."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of them."""

    listen: ListenSettings = ListenSettings()
    window: WindowSettings = WindowSettings()
    encoders: EncoderSettings = EncoderSettings()
    players: PlayerSettings = PlayerSettings()
    access: AccessSettings = AccessSettings()
    hooks: HookSettings = HookSettings()
    tokens: TokenSettings = TokenSettings()
    connections: ConnectionSettings = ConnectionSettings()
    log: LogSettings = LogSettings()

    def shown(self) -> dict[str, object]:
        """All of them as they may be shown: of keys, whether there are any."""
        return _shown(self)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class QuietLogSettings(LogSettings):
    """Who is there for the picture need not read who comes and goes."""

    log_level: LogLevel = "warning"
    """What is worth a line."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class QuietSettings(Settings):
    """Those of the origin in a demo."""

    log: QuietLogSettings = QuietLogSettings()


def _shown(settings: Any) -> dict[str, object]:
    """By name, without the names of the components."""
    shown: dict[str, object] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            shown |= _shown(value)
        elif isinstance(value, dict):
            shown |= {f"{each.name}.{name}": _shown(of_one) for name, of_one in value.items()}
        else:
            shown[each.name] = REDACTED if value and each.name in WITH_SECRETS else _plain(value)
    return shown


def _plain(value: object) -> object:
    match value:
        case Key():
            return REDACTED
        case Path() | OutboundUrl():
            return str(value)
        case tuple():
            return [str(each) for each in value]
    return value
