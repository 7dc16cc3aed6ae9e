"""Presentations to render: tracks and periods in one line, and the matrix for all rules."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from sorgente.media.snapshot import (
    EventSnapshot,
    EventStreamSnapshot,
    PeriodSnapshot,
    PresentationSnapshot,
    SegmentEntry,
    TrackSnapshot,
)

NOON = Fraction(1_795_348_800)
"""2026-11-22T12:00:00Z."""
NTSC = Fraction(30000, 1001)
FRAME = Fraction(1, 25)


def video(name: str = "v", **changes: Any) -> TrackSnapshot:
    track = TrackSnapshot(
        name=name,
        kind="video",
        codec="avc1.64001f",
        timescale=12800,
        language="und",
        bandwidth=3_000_000,
        width=1280,
        height=720,
        frame_rate=Fraction(25),
        init_name="init-1.mp4",
        start_number=897_674_400,
        presentation_time_offset=0,
        segment_duration=25600,
        chunk_duration=FRAME,
    )
    return replace(track, **changes)


def audio(name: str = "a", **changes: Any) -> TrackSnapshot:
    track = TrackSnapshot(
        name=name,
        kind="audio",
        codec="mp4a.40.2",
        timescale=48000,
        language="en",
        bandwidth=128_000,
        sample_rate=48000,
        channels=2,
        init_name="init-1.mp4",
        start_number=897_674_400,
        presentation_time_offset=1024,
        segment_duration=96000,
        chunk_duration=Fraction(2048, 48000),
    )
    return replace(track, **changes)


def text(name: str = "t", **changes: Any) -> TrackSnapshot:
    track = TrackSnapshot(
        name=name,
        kind="text",
        codec="wvtt",
        timescale=1000,
        language="en",
        bandwidth=1_200,
        init_name="init-1.mp4",
        start_number=897_674_400,
        presentation_time_offset=0,
        segment_duration=2000,
        chunk_duration=Fraction(2),  # a segment of subtitles is one chunk
    )
    return replace(track, **changes)


def period(*tracks: TrackSnapshot, **changes: Any) -> PeriodSnapshot:
    made = PeriodSnapshot(id="e1", start=NOON, produced_at=NOON, tracks=tracks)
    return replace(made, **changes)


def presentation(*periods: PeriodSnapshot, **changes: Any) -> PresentationSnapshot:
    made = PresentationSnapshot(
        channel="live",
        revision=1,
        changed_at=NOON + Fraction(1, 4),
        periods=periods,
        window=Fraction(60),
        latency_target=Fraction(1, 2),
    )
    return replace(made, **changes)


def listed(
    track: TrackSnapshot,
    durations: list[int],
    *,
    number: int | None = None,
    time: int | None = None,
) -> TrackSnapshot:
    """The track with its segments listed one by one."""
    number = track.start_number if number is None else number
    time = track.presentation_time_offset if time is None else time
    entries = []
    for index, duration in enumerate(durations):
        entries.append(SegmentEntry(number=number + index, time=time, duration=duration))
        time += duration
    return replace(track, segments=tuple(entries))


LADDER = (
    video("v720"),
    video("v360", codec="avc1.64001e", bandwidth=800_000, width=640, height=360),
    video("v180", codec="avc1.64000d", bandwidth=250_000, width=320, height=180),
)
RESTARTED = video(
    presentation_time_offset=0, start_number=897_674_411, init_name="init-2.mp4", width=640,
    height=360,
)  # fmt: skip
OUTAGE = (
    period(video(), audio(), end=NOON + 20),
    period(
        RESTARTED,
        audio(presentation_time_offset=0, start_number=897_674_411, init_name="init-2.mp4"),
        id="e2",
        start=NOON + Fraction(22_040, 1000),
        produced_at=NOON + 22,
    ),
)
CONTINUED = (
    period(video(), audio(), end=NOON + 20),
    period(
        video(presentation_time_offset=256000, start_number=897_674_410),
        audio(presentation_time_offset=961024, start_number=897_674_410),
        id="e2",
        start=NOON + 20,
        produced_at=NOON + 20,
        continues="e1",
    ),
)
ENDED = presentation(
    period(video(), audio(), end=NOON + 20),
    replace(CONTINUED[1], end=NOON + 31),
    ended=True,
)
IRREGULAR = (
    listed(video(), [25600, 25600, 12800, 25600, 25600]),
    listed(audio(), [96256, 95232, 48128, 96256, 96256]),
)
TOLD = EventStreamSnapshot(
    scheme="urn:scte:scte35:2013:bin",
    value="1",
    timescale=90000,
    presentation_time_offset=0,
    events=(
        EventSnapshot(time=0, duration=None, id=7, payload=b""),
        EventSnapshot(time=90000, duration=270000, id=8, payload=b"\xfc\x30"),
    ),
)
"""By a metadata track."""

MATRIX: dict[str, PresentationSnapshot] = {
    "one video": presentation(period(video())),
    "video and audio": presentation(period(video(), audio())),
    "target above Shaka's tolerance": presentation(
        period(video(), audio()), latency_target=Fraction(3)
    ),
    "three bit rates, two languages": presentation(
        period(*LADDER, audio("en"), audio("it", language="it"))
    ),
    "audio only": presentation(period(audio(), audio("hi", bandwidth=256_000))),
    "with subtitles": presentation(period(video(), audio(), text())),
    "with events": presentation(
        period(video(event_schemes=(("urn:scte:scte35:2013:bin", ""),)), audio())
    ),
    "with events of a metadata track": presentation(
        period(video(), audio(), event_streams=(TOLD,))
    ),
    "bit rates that differ in timing": presentation(
        period(video("a"), video("b", timescale=90000, segment_duration=180000, bandwidth=1))
    ),
    "after an outage": presentation(*OUTAGE),
    "continued": presentation(*CONTINUED),
    "first second": presentation(
        period(video(chunk_duration=Fraction(0), bandwidth=0), audio(chunk_duration=Fraction(0)))
    ),
    "no chunks": presentation(
        period(video(chunk_duration=Fraction(2)), audio(chunk_duration=Fraction(2))),
        latency_target=Fraction(6),
    ),
    "sound in chunks longer than the segments": presentation(
        period(video(), audio(chunk_duration=Fraction(5))), latency_target=Fraction(6)
    ),
    "listed": presentation(period(*IRREGULAR)),
    "listed, then not": presentation(
        period(*IRREGULAR, end=NOON + 9), replace(OUTAGE[1], start=NOON + 9, produced_at=NOON + 9)
    ),
    "29.97 fps": presentation(
        period(
            video(
                timescale=30000, segment_duration=60060, frame_rate=NTSC, chunk_duration=1 / NTSC
            ),
            audio(segment_duration=96096),
        )
    ),
    "HEVC, AV1, Opus": presentation(
        period(
            video("h", codec="hvc1.1.6.L93.B0"),
            video("w", codec="av01.0.05M.08", bandwidth=2_000_000),
            audio("o", codec="opus", channels=8),
        )
    ),
    "anamorphic": presentation(
        period(video(width=720, height=576, sample_aspect_ratio=(64, 45)))
    ),
    "an odd start": presentation(
        period(video(), start=NOON + Fraction(1, 3), produced_at=NOON + Fraction(1, 7))
    ),
    "farewell": replace(ENDED, farewell=True),
    "ended": ENDED,
    "ended, the oldest gone": replace(
        ENDED,
        periods=(
            replace(
                ENDED.periods[0],
                tracks=tuple(
                    replace(track, first_number=track.start_number + 4)
                    for track in ENDED.periods[0].tracks
                ),
            ),
            ENDED.periods[1],
        ),
    ),
    "ended, with events": replace(
        ENDED, periods=(replace(ENDED.periods[0], event_streams=(TOLD,)), ENDED.periods[1])
    ),
    "ended, listed": presentation(period(*IRREGULAR, end=NOON + 9), ended=True),
}  # fmt: skip
