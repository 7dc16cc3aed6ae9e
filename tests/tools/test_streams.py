"""What ffmpeg says of its input: lines of 5.1 and of 9.0, as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.streams import Audio, Description, Source, Video, described

FILE_51 = """\
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'bf.mp4':
[info]   Metadata:
[info]     major_brand     : isom
[info]   Duration: 01:00:06.02, start: 0.000000, bitrate: 626 kb/s
[info]   Stream #0:0[0x1](und): Video: h264 (Main) (avc1 / 0x31637661), yuv420p(progressive), \
320x180 [SAR 1:1 DAR 16:9], 548 kb/s, 25 fps, 25 tbr, 12800 tbn (default)
[info]     Metadata:
[info]       handler_name    : VideoHandler
[info]   Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, mono, fltp, 69 kb/s
[info] Output #0, mp4, to 'vc.mp4':
[info]   Stream #0:0(und): Video: mpeg4 (Main), yuv422p, 64x64
"""
SRT_90 = """\
[info] Input #0, mpegts, from 'srt://127.0.0.1:19359?mode=listener&latency=120000':
[info]   Duration: N/A, start: 1.400000, bitrate: N/A
[info]   Program 1
[info]   Stream #0:0[0x100]: Video: h264 (Constrained Baseline) ([27][0][0][0] / 0x001B), \
yuv420p(progressive), 1280x720 [SAR 1:1 DAR 16:9], 29.97 fps, 29.97 tbr, 90k tbn, start 1.400000
[info]   Stream #0:1[0x101](deu): Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, stereo, fltp
[info] Stream mapping:
"""
TELEVISION = """\
[info] Input #0, mpegts, from 'udp://239.0.0.1:1234':
[info]   Stream #0:3[0x83]: Data: scte_35
[info]   Stream #0:0[0x80]: Video: mpeg2video (Main), yuv420p(tv, bt709, top first), 1920x1080 \
[SAR 1:1 DAR 16:9], 25 fps, 50 tbr, 90k tbn
[info]   Stream #0:1[0x81](eng): Audio: mp2, 48000 Hz, stereo, s16p, 192 kb/s
[info]   Stream #0:2[0x82](eng): Audio: ac3, 48000 Hz, stereo, fltp, 192 kb/s
[info] Stream mapping:
"""
TELEPHONE = """\
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:IMG_0815.MOV':
[info]   Duration: 00:00:12.50, start: 0.000000, bitrate: 15000 kb/s
[info]   Stream #0:0[0x1](und): Video: hevc (Main 10) (hvc1 / 0x31637668), \
yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67, progressive), 1920x1080, 59.94 fps (default)
[info]     Side data:
[info]       displaymatrix: rotation of -90.00 degrees
[info]   Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp
[info] Stream mapping:
"""
MUSIC = """\
[mp3 @ 0x55f56e8adbc0] [warning] Estimating duration from bitrate, this may be inaccurate
[info] Input #0, mp3, from 'file:a.mp3':
[info]   Duration: 00:03:00.00, start: 0.025057, bitrate: 320 kb/s
[info]   Stream #0:0: Audio: mp3, 44100 Hz, stereo, fltp, 320 kb/s
[info]   Stream #0:1: Video: png, rgba(pc, gbr/unknown/unknown), 500x500, 90k tbr (attached pic)
[info] Stream mapping:
"""
TEST_PICTURE = """\
[info] Input #0, lavfi, from 'testsrc2':
[info]   Duration: N/A, start: 0.000000, bitrate: N/A
[info]   Stream #0:0: Video: wrapped_avframe, yuv420p(tv), 640x360 [SAR 1:1 DAR 16:9], 1k fps
[info]   Stream #0:1: Audio: pcm_s16le, 48000 Hz, mono, s16, 768 kb/s
[info] Stream mapping:
"""


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (FILE_51, Source(Video("h264", 320, 180, "yuv420p", 25.0), Audio("aac"), 3606.02)),
        (SRT_90, Source(Video("h264", 1280, 720, "yuv420p", 29.97), Audio("aac"))),
        (
            TELEVISION,
            Source(Video("mpeg2video", 1920, 1080, "yuv420p", 25.0, interlaced=True), Audio("mp2")),
        ),
        (
            TELEPHONE,
            Source(
                Video("hevc", 1080, 1920, "yuv420p10le", 59.94, turned=True), Audio("aac"), 12.5
            ),
        ),
        (MUSIC, Source(None, Audio("mp3"), 180.0)),
        (
            TEST_PICTURE,
            Source(Video("wrapped_avframe", 640, 360, "yuv420p", 1000.0), Audio("pcm_s16le")),
        ),
    ],
)
def test_a_description_is_read(text: str, source: Source) -> None:
    assert described(text.splitlines()) == source


def test_the_end_of_a_description_is_noticed_once() -> None:
    description = Description()
    noticed = [description.feed(line) for line in FILE_51.splitlines()]
    assert noticed.index(True) == 8
    assert noticed.count(True) == 1


def test_nothing_is_carried_by_what_could_not_be_opened() -> None:
    lines = ["[in#0 @ 0x55a0] [error] Error opening input: Connection refused"]
    assert described(lines) == Source()


pieces = st.sampled_from([
    "[info] ", "Input #0, ", "  Stream #0:0", "[0x1]", "(und)", ": Video: ", ": Audio: ", "h264",
    ", yuv420p", "(tv, top first)", ", 0x0", ", 640x360", ", 99999x1", ", . fps", ", 25 fps",
    "  Duration: ", "00:00:01.5", "N/A", "rotation of ", "-90.00 degrees", "Output #0", " ", "\0",
])  # fmt: skip


@given(st.lists(st.one_of(st.text(max_size=40), st.lists(pieces, max_size=9).map("".join))))
def test_whatever_it_says_nothing_breaks(said: list[str]) -> None:
    source = described(["[info] Input #0, x, from 'y':", *said])
    if source.video is not None:
        assert source.video.width >= 0
        assert source.video.frame_rate is None or source.video.frame_rate > 0
