"""AdaptationSet and Representation: the tracks of a period, sorted into what a player picks from.

Order of children: DASH's schema is a sequence, see protocols §2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sorgente.dash import descriptors
from sorgente.dash.availability import NO_TIME, segment_length, set_offset
from sorgente.dash.template import segment_template, shared
from sorgente.dash.values import date_time, frame_rate, ratio
from sorgente.dash.xml import Element, element
from sorgente.media.snapshot import PeriodSnapshot, SwitchingKey, TrackSnapshot

SHOWN: Final = ("video", "audio", "text")
"""Kinds with an AdaptationSet. ``meta`` has none: neither player reads a metadata track, and Shaka
takes ``application/mp4`` for subtitles."""

_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_UNDETERMINED: Final = "und"


@dataclass(frozen=True, slots=True)
class TrackSet:
    """Tracks that a player may switch between, worst first: an AdaptationSet to be."""

    id: int
    """Counts the sets of a period in the order their first tracks came, so that a track that
    appears late renumbers nothing."""
    key: SwitchingKey
    tracks: tuple[TrackSnapshot, ...]


def shown(period: PeriodSnapshot) -> list[TrackSnapshot]:
    """The tracks that are in the MPD.

    Not those whose timeline has nothing in it yet: dash.js reads its first S without looking.
    """
    return [track for track in period.tracks if track.kind in SHOWN and track.segments != ()]


def track_sets(period: PeriodSnapshot) -> list[TrackSet]:
    """The adaptation sets of a period: one thing in one language and one codec family each."""
    found: dict[SwitchingKey, list[TrackSnapshot]] = {}
    for track in shown(period):
        found.setdefault(_key(track), []).append(track)
    return [
        TrackSet(number, key, tuple(sorted(tracks, key=lambda track: track.bandwidth)))
        for number, (key, tracks) in enumerate(found.items(), start=1)
    ]


def adaptation_set(
    tracks: TrackSet,
    period: PeriodSnapshot,
    *,
    target: Fraction | None,
    longest: Fraction,
    reference_ids: Iterator[int],
    continues: str | None = None,
) -> Element:
    """The AdaptationSet.

    ``target`` is the latency to aim at, None in a recording; ``longest`` the longest segment of the
    MPD, in seconds; ``reference_ids`` numbers ProducerReferenceTime over the whole MPD.
    """
    live = target is not None
    offset = None
    if target is not None:
        over = NO_TIME if period.end is None else longest
        offset = set_offset(tracks.tracks, shown(period), target, over)
    events = {track.event_schemes for track in tracks.tracks}
    common = shared(tracks.tracks)

    def timing(track: TrackSnapshot) -> list[Element]:
        if not live:
            return []
        reference = _producer_reference_time(next(reference_ids), track, period)
        return [reference, *_resync(tracks.tracks, offset)]

    def representation(rank: int, track: TrackSnapshot) -> Element:
        own = () if common else (*timing(track), segment_template(track, offset))
        schemes = () if len(events) == 1 else track.event_schemes
        return _representation(track, rank if len(tracks.tracks) > 1 else None, schemes, *own)

    first = tracks.tracks[0]
    return element(
        "AdaptationSet",
        _set_attributes(tracks),
        *_properties(offset, continues),
        *(descriptors.event_streams(first.event_schemes) if len(events) == 1 else ()),
        *(timing(first) if common else ()),
        *descriptors.roles(first),
        segment_template(first, offset) if common else None,
        *(
            representation(len(tracks.tracks) - index, track)
            for index, track in enumerate(tracks.tracks)
        ),
    )


def _key(track: TrackSnapshot) -> SwitchingKey:
    return SwitchingKey.of(
        kind=track.kind,
        switching_set=track.switching_set,
        language=track.language,
        roles=track.roles,
        codec=track.codec,
    )


def _set_attributes(tracks: TrackSet) -> dict[str, str | int | bool | None]:
    first = tracks.tracks[0]
    rates = [track.frame_rate for track in tracks.tracks if track.frame_rate]
    shapes = {_shape(track) for track in tracks.tracks}
    return {
        "id": tracks.id,
        "contentType": first.kind,
        "mimeType": "application/mp4" if first.kind == "text" else f"{first.kind}/mp4",
        "lang": _language(first.language),
        # LL: segmentAlignment, and startWithSAP 1 or 2. Segments start where media cuts them, at
        # random access points; 1 is what the encoders we know of write there (closed GOPs).
        "segmentAlignment": True,
        "startWithSAP": 1,
        "maxWidth": max(track.width for track in tracks.tracks) or None,
        "maxHeight": max(track.height for track in tracks.tracks) or None,
        "maxFrameRate": frame_rate(max(rates)) if rates else None,
        "par": shapes.pop() if len(shapes) == 1 else None,
    }


def _properties(offset: Fraction | None, continues: str | None) -> Iterator[Element]:
    if offset is not None:
        yield descriptors.descriptor("SupplementalProperty", descriptors.DVB_CRITICAL, "true")
    if continues is not None:
        yield descriptors.descriptor(
            "SupplementalProperty", descriptors.PERIOD_CONTINUITY, continues
        )


def _producer_reference_time(number: int, track: TrackSnapshot, period: PeriodSnapshot) -> Element:
    """LL: ``@presentationTime`` equal to ``@presentationTimeOffset``, UTCTiming as in the MPD.

    The id must not be 0: dash.js takes that for no id. From ``@wallClockTime`` it works out how far
    the timeline lies behind the encoder, and aims at that much less (TS 103 285 §10.20.4).
    """
    return element(
        "ProducerReferenceTime",
        {
            "id": number,
            "type": "encoder",
            "wallClockTime": date_time(period.produced_at),
            "presentationTime": track.presentation_time_offset,
        },
        descriptors.HTTP_ISO,
    )


def _resync(tracks: Sequence[TrackSnapshot], offset: Fraction | None) -> Iterator[Element]:
    """Where inside a segment a player may enter: at every chunk.

    Type 0 promises no more than a box boundary, which is what a chunk of video is, in the middle
    of a GOP; every chunk of audio and text can be decoded alone, type 1. No ``@marker``: chunks
    need not start with ``styp``. No ``@dImax``: nobody measured it. Chunks that are longer than
    their segments, which were laid out for the pictures beside them, promise nothing.
    """
    longest = max(track.chunk_duration for track in tracks)
    if offset is None or not 0 < longest <= min(map(segment_length, tracks)):
        return
    sap = 0 if tracks[0].kind == "video" else 1
    yield element("Resync", {"type": sap, "dT": round(longest * tracks[0].timescale)})


def _representation(
    track: TrackSnapshot,
    rank: int | None,
    events: tuple[tuple[str, str], ...],
    *timing: Element,
) -> Element:
    video = track.kind == "video"
    *before, template = timing or (None,)
    sar = ratio(*track.sample_aspect_ratio) if video else None
    return element(
        "Representation",
        {
            "id": track.name,
            "codecs": track.codec,
            "bandwidth": max(1, track.bandwidth),
            "width": track.width or None,
            "height": track.height or None,
            "frameRate": frame_rate(track.frame_rate) if track.frame_rate else None,
            "sar": sar,
            "audioSamplingRate": track.sample_rate or None,
            "qualityRanking": rank,  # DASH: "lower values represent higher quality"
        },
        descriptors.channel_configuration(track),
        *descriptors.event_streams(events),
        *before,
        template,
    )


def _shape(track: TrackSnapshot) -> str | None:
    """The ratio of the picture on the screen."""
    if not track.width or not track.height:
        return None
    wide, high = track.sample_aspect_ratio
    return ratio(track.width * wide, track.height * high)


def _language(language: str) -> str | None:
    if language == _UNDETERMINED or not _LANGUAGE.fullmatch(language):
        return None
    return language
