"""ffmpeg's muxers of DASH and HLS, over HTTP: as people type them (docs/encoders.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.e2e.players.encoder import AAC, H264, PICTURE, SOUND
from tests.e2e.programs import ffmpeg
from tests.e2e.pushing import FFMPEGS
from tests.support.picture import RATE

__all__ = ["FFMPEGS", "LOW_LATENCY", "MUXERS", "low_latency"]

PUT: Final = ["-method", "PUT"]
KEPT: Final = ["-http_persistent", "1"]
LOW_LATENCY: Final = [
    *("-f", "dash", "-ldash", "1", "-streaming", "1", "-use_timeline", "0"),
    *("-seg_duration", "1", "-window_size", "5"),
]


class Muxer(NamedTuple):
    """How it is told to publish, and what becomes of that."""

    options: Sequence[str]
    manifest: str = "manifest.mpd"
    tracks: tuple[str, ...] = ("stream0", "stream1")
    """As they are called here."""


HLS: Final = ["-f", "hls", "-hls_time", "1", "-hls_segment_type", "fmp4", *PUT]
MUXED: Final = ("main-audio", "main-video")

MUXERS: Final[dict[str, Muxer]] = {
    "low latency": Muxer([*LOW_LATENCY, *KEPT, *PUT]),
    "low latency, a connection for each object": Muxer([*LOW_LATENCY, *PUT]),
    "POST, the default": Muxer([*LOW_LATENCY, *KEPT]),
    "whole segments": Muxer(["-f", "dash", "-seg_duration", "1", *KEPT, *PUT]),
    "growing segments": Muxer(
        ["-f", "dash", "-seg_duration", "1", "-streaming", "1", "-single_file", "0", *PUT]
    ),
    "playlists too": Muxer([*LOW_LATENCY, "-hls_playlist", "1", *KEPT, *PUT]),
    "names of its own": Muxer(
        [
            *("-init_seg_name", "$RepresentationID$-header.mp4"),
            *("-media_seg_name", "v$Bandwidth$.$RepresentationID$.$Number$.m4s"),
            *LOW_LATENCY, *KEPT, *PUT,
        ],
        tracks=("0", "1"),
    ),
    "HLS": Muxer([*HLS, *KEPT], "index.m3u8", MUXED),
    "HLS that deletes": Muxer(
        [*HLS, "-hls_list_size", "2", "-hls_flags", "delete_segments"], "index.m3u8", MUXED
    ),
    "HLS of two renditions": Muxer(
        [
            *HLS, *KEPT, "-var_stream_map", "v:0,agroup:a a:0,agroup:a",
            "-master_pl_name", "master.m3u8",
        ],
        "%v/index.m3u8",
        ("0", "1"),
    ),
}  # fmt: skip


def live(program: str, muxer: Muxer, ingest: str) -> list[str]:
    """The line that publishes a test picture with sound to a channel."""
    # One input: two would be read apart, sound half a second ahead.
    both = f"testsrc2=size=160x90:rate={RATE}[out0];sine=frequency=440:sample_rate=48000[out1]"
    line = ffmpeg(
        "-re", "-f", "lavfi", "-i", both, *H264, *AAC, *muxer.options, f"{ingest}/{muxer.manifest}"
    )
    return [program, *line[1:]]


def low_latency(ingest: str) -> list[str]:
    """The line for the picture with the clock."""
    return ffmpeg(
        *PICTURE, *SOUND, "-map", "0:v", "-map", "1:a", *H264, *AAC, *LOW_LATENCY, *KEPT, *PUT,
        f"{ingest}/manifest.mpd",
    )  # fmt: skip
