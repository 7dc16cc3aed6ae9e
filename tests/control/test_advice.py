"""Every rule, at its threshold: what is said, and when nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from sorgente.cmcd.viewers import Quantiles, ViewersReport
from sorgente.control.advice import advise
from sorgente.media.fanout import Counters
from sorgente.media.report import ChannelReport, TrackReport

VIDEO: dict[str, Any] = {
    "name": "video", "kind": "video", "codec": "avc1.64001f", "language": "und", "away": False,
    "width": 1280, "height": 720, "frame_rate": 30.0, "sample_rate": None, "channels": None,
    "bit_rate": 3e6, "peak_bit_rate": 4e6, "chunk_duration": 0.2, "chunk_interval": 0.2,
    "jitter": 0.01, "encoder_delay": 0.3, "segments": 30, "window_bytes": 1000, "reading": 0,
    "held": 0,
}  # fmt: skip
WELL: dict[str, Any] = {
    "name": "live", "state": "live", "publishers": (), "content_types": ("video/mp4",),
    "opaque": False, "latency_target": 0.8, "segment_duration": 2.0, "key_frame_interval": 2.0,
    "key_frames_regular": True, "drift": 0.0, "viewers": 5, "waiting": 0, "held": 0,
    "window_bytes": 1000,
}  # fmt: skip


def channel(track: dict[str, Any] | None = None, **changes: Any) -> ChannelReport:
    counters = changes.pop("counters", Counters())
    changes.setdefault("too_slow", counters.too_slow)
    tracks = (TrackReport(**(VIDEO | (track or {}))),)
    return ChannelReport(**(WELL | changes), tracks=tracks, counters=counters)


def viewers(sessions: int = 50, stalled: float = 0.0, latency: float | None = 0.9) -> ViewersReport:
    late = None if latency is None else Quantiles(latency, latency, latency)
    return ViewersReport(
        sessions=sessions, formats={}, states={}, stalled=stalled, latency=late, buffer=None,
        bit_rate=None, throughput=None, playback_rate=None, stalls=0, stalled_seconds=0.0,
        failures=0, reports=sessions,
    )  # fmt: skip


def test_players_that_stall_are_told_of() -> None:
    (advice,) = advise(channel(), viewers(stalled=0.12))
    assert (advice.rule, advice.serious) == ("players-stall", True)
    assert "12% of 50 players" in advice.text
    assert "--latency-target 1.2" in advice.remedy
    (untargeted,) = advise(channel(latency_target=None), viewers(stalled=0.12))
    assert "--latency-target" not in untargeted.remedy


def test_players_that_are_late_are_told_of() -> None:
    (advice,) = advise(channel(), viewers(latency=1.7))
    assert (advice.rule, advice.serious) == ("players-late", False)
    assert "1.7 s behind" in advice.text


@pytest.mark.parametrize(
    "told",
    [
        viewers(), viewers(latency=None), viewers(latency=1.6), viewers(stalled=0.04),
        viewers(sessions=1, stalled=1.0), viewers(sessions=10, stalled=0.1),
    ],
)  # fmt: skip
def test_of_players_that_fare_well_nothing_is_said(told: ViewersReport) -> None:
    assert advise(channel(), told) == []
    late = viewers(stalled=1.0, latency=9.0)
    assert advise(channel(state="ended"), late) == [], "it is over"


def test_of_a_channel_that_is_well_nothing_is_said() -> None:
    assert advise(channel()) == []


@pytest.mark.parametrize(
    ("rule", "said", "what"),
    [
        ("long-groups", "every 10 s.*-g 60", channel(key_frame_interval=10.0)),
        ("long-groups", "-g 100", channel({"frame_rate": 50.0}, key_frame_interval=4.1)),
        ("long-groups", "-g 60", channel({"frame_rate": None}, key_frame_interval=4.1)),
        ("irregular-groups", "-sc_threshold 0", channel(key_frames_regular=False)),
        ("clock-off", "60 ms later", channel(drift=0.06)),
        ("clock-off", "60 ms earlier", channel(drift=-0.06)),
        ("encoder-away", "Start it again", channel(state="reconnecting")),
        ("nobody-publishes", "5 players are here", channel(state="waiting")),
        ("nobody-publishes", "A player is here", channel(state="waiting", viewers=1)),
        ("only-bytes", "-movflags", channel(opaque=True)),
        ("slow-players", "12 times.*3.0 Mbit/s", channel(counters=Counters(lag_skips=12))),
        ("slow-players", "10 times", channel(counters=Counters(4, lag_aborts=4, stall_aborts=6))),
        ("track-away", "Nothing comes of video", channel({"away": True})),
        ("long-chunks", "1.5 s long.*-frag_duration", channel({"chunk_duration": 1.5})),
        ("uneven-arrival", "150 ms off", channel({"jitter": 0.15})),
        ("slow-encoder", "1.5 s old.*zerolatency", channel({"encoder_delay": 1.5})),
        ("clock-ahead", "80 ms before", channel({"encoder_delay": -0.08})),
    ],
)
def test_what_is_wrong_is_said(rule: str, said: str, what: ChannelReport) -> None:
    (advice,) = advise(what)
    assert advice.rule == rule
    text = f"{advice.text} {advice.remedy}"
    before, _, after = said.partition(".*")
    assert before in text
    assert after in text.partition(before)[2]


@pytest.mark.parametrize(
    "what",
    [
        channel(key_frame_interval=4.0),
        channel(key_frame_interval=None, key_frames_regular=None),
        channel(drift=0.04),
        channel(counters=Counters(lag_skips=9)),
        channel(counters=Counters(lag_skips=20), viewers=1000),
        channel(counters=Counters(lag_skips=12), too_slow=2),  # the others were weeks ago
        channel({"chunk_duration": 1.0}),
        channel({"jitter": 0.1}),
        channel({"jitter": 0.4, "chunk_duration": 1.0}),
        channel({"encoder_delay": 1.1}),
        channel({"encoder_delay": -0.01}),
        channel({"kind": "text", "away": True, "chunk_duration": 9.0}),
        channel({"away": True}, state="ended", key_frame_interval=10.0),
    ],
)
def test_what_is_as_it_should_be_is_not_mentioned(what: ChannelReport) -> None:
    assert advise(what) == []


def test_what_viewers_notice_comes_first() -> None:
    found = advise(channel({"jitter": 0.5, "chunk_duration": 0.3}, key_frames_regular=False))
    assert [each.rule for each in found] == ["uneven-arrival", "irregular-groups"]
