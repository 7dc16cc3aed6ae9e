"""A channel's presentation as manifests and playlists see it: frozen, complete, without methods.
Made by ``media``, read by ``dash`` and ``hls``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from sorgente.isobmff.init_segment import SWITCHING_SET

Kind = Literal["video", "audio", "text", "meta"]


class SwitchingKey(NamedTuple):
    """The same for tracks that players may switch between: those of one AdaptationSet."""

    kind: Kind
    switching_set: str
    language: str
    roles: tuple[tuple[str, str], ...]
    codec_family: str

    @classmethod
    def of(
        cls,
        *,
        kind: Kind,
        switching_set: str,
        language: str,
        roles: tuple[tuple[str, str], ...],
        codec: str,
    ) -> SwitchingKey:
        """One thing in one language. A player switches without asking whether the decoder can
        follow, hence the codec family: ``avc1`` and ``av01`` are two sets, two profiles of ``avc1``
        are one. A role that names the set says nothing else."""
        roles = tuple(role for role in roles if role[0] != SWITCHING_SET)
        return cls(kind, switching_set, language, roles, codec.partition(".")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEntry:
    """One segment of a timeline that is listed one by one, the one in progress included."""

    number: int
    time: int
    """Ticks: earliest presentation time."""
    duration: int
    """Ticks; of the segment in progress, what it is going to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSnapshot:
    """One track in one period."""

    name: str
    """As in URLs: ``/live/{channel}/{name}/{number}.m4s``."""
    kind: Kind
    codec: str
    """As in RFC 6381."""
    timescale: int
    """Ticks per second (``mdhd.timescale``)."""
    language: str
    """ISO 639-2; ``und`` if not known."""
    bandwidth: int
    """bit/s: the most any segment needed, averaged over the segment."""
    width: int = 0
    height: int = 0
    sample_aspect_ratio: tuple[int, int] = (1, 1)
    frame_rate: Fraction | None = None
    sample_rate: int = 0
    channels: int = 0
    roles: tuple[tuple[str, str], ...] = ()
    """(scheme, value), from ``udta/kind``."""
    event_schemes: tuple[tuple[str, str], ...] = ()
    """(scheme, value) of the ``emsg`` boxes its chunks carry."""

    init_name: str
    """``init-{epoch}.mp4``."""
    start_number: int
    """Number of the segment that starts with the period."""
    first_number: int | None = None
    """Number of the oldest segment that is still there; None: all since the start. Shown only
    when the event is over, so no revision of its own."""
    presentation_time_offset: int
    """Ticks: the media time that the start of the period is."""
    segment_duration: int
    """Ticks: of every segment, nominally."""
    chunk_duration: Fraction
    """Seconds: the longest chunk lately, of those that are not the last of their segment."""
    segments: tuple[SegmentEntry, ...] | None = None
    """None where numbers and ``segment_duration`` say it all."""
    switching_set: str = ""
    """Tracks of one period with the same value are bit rates of one thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSnapshot:
    """An event that a metadata track told of."""

    time: int
    """Ticks on the timeline of the track."""
    duration: int | None
    """Ticks; None while nobody knows."""
    id: int
    """32 bits; of one scheme and value, the same event."""
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreamSnapshot:
    """Events of one kind in one period."""

    scheme: str
    value: str
    timescale: int
    """Ticks per second."""
    presentation_time_offset: int
    """Ticks: the media time that the start of the period is."""
    events: tuple[EventSnapshot, ...]
    """By their time; at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSnapshot:
    """One epoch: an uninterrupted timeline."""

    id: str
    start: Fraction
    """UTC, seconds since 1970: the wall-clock time its first segment stands for."""
    end: Fraction | None = None
    """The same of its end; None while it goes on, or while nobody knows (design §3 rule 8)."""
    produced_at: Fraction
    """UTC, seconds: when what ``start`` presents was at the encoder (``prft``), or came in."""
    tracks: tuple[TrackSnapshot, ...]
    continues: str | None = None
    """Id of the period whose tracks go on here, if they do (period continuity)."""
    event_streams: tuple[EventStreamSnapshot, ...] = ()
    """Of its metadata tracks; one that is there no more left its events here."""

    @property
    def encoder_delay(self) -> Fraction:
        """Seconds from the encoder's making a picture to when it is announced for."""
        return self.start - self.produced_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationSnapshot:
    """A channel, now."""

    channel: str
    revision: int
    """Grows with every change that a manifest would show."""
    changed_at: Fraction
    """UTC, seconds: when it last grew."""
    periods: tuple[PeriodSnapshot, ...]
    """Oldest first; at least one, with at least one track."""
    window: Fraction
    """Seconds of time shift."""
    latency_target: Fraction
    """Seconds from when media are announced for to the screen, that players should aim at."""
    ended: bool = False
    """The event is over: nothing more comes, and the last period has an end."""
    farewell: bool = False
    """Of an ended one, for its first seconds: players that are there have yet to be told."""
