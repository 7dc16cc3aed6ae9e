"""Every rule, at its threshold: what is said, and when nothing is."""

from __future__ import annotations

from typing import Any

import pytest

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
    tracks = (TrackReport(**(VIDEO | (track or {}))),)
    return ChannelReport(**(WELL | changes), tracks=tracks, counters=counters)


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
