"""What is wrong with a channel, in words, and what to do about it.

A table of rules, each a pure function of what a channel's report says. Thresholds are where players
begin to notice; what encoders are told to do is what ffmpeg calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sorgente.cmcd.viewers import VIEWER_SECONDS, ViewersReport
from sorgente.control.schema import Advice
from sorgente.media.report import ChannelReport, TrackReport

LONG_GROUP: Final = 4.0
"""Seconds between key frames: twice the segments of a fresh installation. A player that joins shows
a picture that is half as old on average, or waits for so long."""

ADVISED_GROUP: Final = 2.0
"""Seconds: what is advised instead."""

LONG_CHUNK: Final = 1.0
"""Seconds: nobody can be closer to live than three of them (``media.timeline.latency_target``)."""

UNEVEN: Final = 0.1
"""Seconds of jitter: the margin that the latency target has for it, drift apart."""

DRIFTING: Final = 0.05
"""Seconds of drift; corrected at 75 ms, which players see as a new period."""

OLD: Final = 1.0
"""Seconds from a sample's making to its arrival, chunk apart: an encoder that looks ahead."""

AHEAD: Final = 0.05
"""Seconds that media may come before they are made: the error of an NTP client."""

SKIPS: Final = 10
"""Players moved forward or cut off that are no accident."""

STALLED: Final = 0.05
"""Part of the players that stalled lately: one in twenty is no longer somebody's bad line."""

FEW: Final = 2
"""Players that have to stall: one alone may have been asleep."""

LATE: Final = 2
"""Times the latency that manifests ask for. Players that fare well are within a tenth of it."""

DEFAULT_RATE: Final = 30.0
"""Frames a second, where it is not known."""

Rule = Callable[[ChannelReport], Iterator[Advice]]
ViewersRule = Callable[[ChannelReport, ViewersReport], Iterator[Advice]]
TrackRule = Callable[[TrackReport], Iterator[Advice]]


def advise(channel: ChannelReport, viewers: ViewersReport | None = None) -> list[Advice]:
    """What there is to say, serious things first. ``viewers``: of the players that report."""
    found = [advice for rule in RULES for advice in rule(channel)]
    if channel.state == "live":
        if viewers is not None:
            found += [advice for rule in VIEWERS_RULES for advice in rule(channel, viewers)]
        for track in channel.tracks:
            found += [advice for rule in TRACK_RULES for advice in rule(track)]
    return sorted(found, key=lambda advice: not advice.serious)


def encoder_away(channel: ChannelReport) -> Iterator[Advice]:
    """Its viewers wait."""
    if channel.state == "reconnecting":
        yield Advice(
            rule="encoder-away",
            text="The encoder is away: players see its last picture, or wait.",
            remedy="Start it again; if it comes back in time, players go on by themselves.",
            serious=True,
        )


def nobody_publishes(channel: ChannelReport) -> Iterator[Advice]:
    """There are viewers, and nothing to see."""
    if channel.state == "waiting":
        many = channel.viewers + channel.held
        yield Advice(
            rule="nobody-publishes",
            text=f"{_players(many)} here, and no encoder.",
            remedy=f"Publish to /ingest/{channel.name}; or the players have the wrong name.",
            serious=True,
        )


def only_bytes(channel: ChannelReport) -> Iterator[Advice]:
    """Only ``/play`` works."""
    if channel.opaque:
        yield Advice(
            rule="only-bytes",
            text="This is no fragmented MP4: it is relayed as bytes, without a manifest.",
            remedy="Send fragmented MP4: -f mp4 -movflags "
            "empty_moov+frag_keyframe+default_base_moof",
            serious=False,
        )


def long_groups(channel: ChannelReport) -> Iterator[Advice]:
    """Joining takes long."""
    seconds = channel.key_frame_interval
    if channel.state == "live" and seconds is not None and seconds > LONG_GROUP:
        yield Advice(
            rule="long-groups",
            text=f"Key frames come every {seconds:.3g} s: joining takes long, and segments are "
            "as long.",
            remedy=f"Set -g {_group(channel)}",
            serious=True,
        )


def irregular_groups(channel: ChannelReport) -> Iterator[Advice]:
    """Segments cannot be laid out by key frames."""
    if channel.state == "live" and channel.key_frames_regular is False:
        yield Advice(
            rule="irregular-groups",
            text="Key frames come without a rhythm: segments are as long as the longest gap "
            "asks for, and start late.",
            remedy=f"Set -g {_group(channel)} -sc_threshold 0",
            serious=False,
        )


def clock_off(channel: ChannelReport) -> Iterator[Advice]:
    """Players run dry, or fall behind."""
    if channel.state == "live" and abs(channel.drift) > DRIFTING:
        how = "later" if channel.drift > 0 else "earlier"
        yield Advice(
            rule="clock-off",
            text=f"Media come {abs(channel.drift) * 1000:.0f} ms {how} than announced: the "
            "encoder's clock drifts, or it cannot keep up.",
            remedy="See that the encoder runs in real time (speed=1.0x); of a file, use -re.",
            serious=channel.drift > 0,
        )


def slow_players(channel: ChannelReport) -> Iterator[Advice]:
    """Some links are too slow for what is sent."""
    count = channel.too_slow
    if count >= SKIPS and count > channel.viewers:
        rate = sum(track.bit_rate or 0 for track in channel.tracks)
        yield Advice(
            rule="slow-players",
            text=f"{count} times in the last minutes a player was too slow, and was moved forward "
            "or cut off.",
            remedy=f"Their links do not carry {rate / 1e6:.1f} Mbit/s: offer a lower bit rate too.",
            serious=False,
        )


def players_stall(channel: ChannelReport, viewers: ViewersReport) -> Iterator[Advice]:
    """They say so themselves."""
    if viewers.stalled >= STALLED and viewers.stalled * viewers.sessions >= FEW:
        target = channel.latency_target
        more = "" if target is None else f" (--latency-target {target * 1.5:.2g})"
        yield Advice(
            rule="players-stall",
            text=f"{viewers.stalled:.0%} of {viewers.sessions} players stalled in the last "
            f"{VIEWER_SECONDS:.0f} s.",
            remedy="If nothing else is said here, their links are slow or uneven: offer a lower "
            f"bit rate too, or more latency{more}.",
            serious=True,
        )


def players_late(channel: ChannelReport, viewers: ViewersReport) -> Iterator[Advice]:
    """They are not where the manifest wants them."""
    target, latency = channel.latency_target, viewers.latency
    if target is not None and latency is not None and latency.p50 > LATE * target:
        yield Advice(
            rule="players-late",
            text=f"Half of the players are {latency.p50:.1f} s behind or more; they were asked for "
            f"{target:.1f} s.",
            remedy="Reload one: if it is on time then, they stalled and did not catch up; if not, "
            "its settings keep it back.",
            serious=False,
        )


def track_away(track: TrackReport) -> Iterator[Advice]:
    """One of several encoders, or one of its tracks, is missing."""
    if track.away and track.kind in ("video", "audio"):
        yield Advice(
            rule="track-away",
            text=f"Nothing comes of {track.name} that players could begin with: they get its last "
            "picture, or silence.",
            remedy="Look after the encoder of this track; if it sends, after its key frames.",
            serious=True,
            track=track.name,
        )


def long_chunks(track: TrackReport) -> Iterator[Advice]:
    """Latency is bounded by them."""
    seconds = track.chunk_duration
    if seconds is not None and seconds > LONG_CHUNK and track.kind in ("video", "audio"):
        yield Advice(
            rule="long-chunks",
            text=f"Chunks of {track.name} are {seconds:.3g} s long: players stay about "
            f"{3 * seconds:.0f} s behind.",
            remedy="Cut them shorter: -frag_duration 200000",
            serious=False,
            track=track.name,
        )


def uneven_arrival(track: TrackReport) -> Iterator[Advice]:
    """Buffers have to be larger than the latency target leaves room for."""
    jitter = track.jitter
    if jitter is not None and jitter > max(UNEVEN, (track.chunk_duration or 0.0) / 2):
        yield Advice(
            rule="uneven-arrival",
            text=f"Chunks of {track.name} come unevenly, {jitter * 1000:.0f} ms off their pace: "
            "players close to live will stall.",
            remedy="Look at the encoder's load and its link: a lower bit rate, a faster preset, "
            "a cable.",
            serious=True,
            track=track.name,
        )


def slow_encoder(track: TrackReport) -> Iterator[Advice]:
    """It keeps pictures for itself."""
    delay = track.encoder_delay
    if delay is not None and delay - (track.chunk_duration or 0.0) > OLD:
        yield Advice(
            rule="slow-encoder",
            text=f"{track.name} is {delay:.1f} s old when it comes.",
            remedy="Encode with -tune zerolatency, or fewer B-frames and less look-ahead; if the "
            "encoder does that, set its clock by NTP.",
            serious=False,
            track=track.name,
        )


def clock_ahead(track: TrackReport) -> Iterator[Advice]:
    """Players compute a latency that is too small, or below zero."""
    delay = track.encoder_delay
    if delay is not None and delay < -AHEAD:
        yield Advice(
            rule="clock-ahead",
            text=f"{track.name} comes {-delay * 1000:.0f} ms before it was made: the encoder's "
            "clock is ahead of the origin's, and players show a latency that is too low.",
            remedy="Set both clocks by NTP.",
            serious=False,
            track=track.name,
        )


RULES: Final[tuple[Rule, ...]] = (
    nobody_publishes,
    encoder_away,
    only_bytes,
    long_groups,
    irregular_groups,
    clock_off,
    slow_players,
)
VIEWERS_RULES: Final[tuple[ViewersRule, ...]] = (players_stall, players_late)
TRACK_RULES: Final[tuple[TrackRule, ...]] = (
    track_away,
    long_chunks,
    uneven_arrival,
    slow_encoder,
    clock_ahead,
)


def _group(channel: ChannelReport) -> int:
    """Frames in a group of pictures as it is advised."""
    rates = [track.frame_rate for track in channel.tracks if track.frame_rate]
    return round((rates[0] if rates else DEFAULT_RATE) * ADVISED_GROUP)


def _players(count: int) -> str:
    return "A player is" if count == 1 else f"{count} players are"
