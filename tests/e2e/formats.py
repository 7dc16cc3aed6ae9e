"""What encoders send, form by form: commands of ffmpeg that publish a test picture or a tone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.e2e.programs import ffmpeg

NOW: Final = ["-re", "-readrate_initial_burst", "0.001"]
"""As it is made; without the second one ffmpeg begins with half a second at once."""

FRAMES: Final = ["-f", "mp4", "-movflags", "cmaf+frag_every_frame", "-method", "PUT"]
"""A chunk for every frame."""
FRAMES_LATE: Final = [
    *("-f", "mp4", "-movflags", "cmaf+delay_moov+frag_every_frame"),
    *("-method", "PUT"),
]
"""The same, but the ``moov`` waits for the first of them: it has edit lists, and what some encoders
say only then."""
FIFTHS: Final = [
    *("-f", "mp4", "-movflags", "empty_moov+default_base_moof+frag_keyframe"),
    *("-frag_duration", "200000"),
]
"""Of all tracks in one stream, chunks of 200 ms."""


def picture(rate: str = "25", size: str = "160x90") -> list[str]:
    """A moving one."""
    return [*NOW, "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]


def noise(rate: int = 48000, channels: str = "mono") -> list[str]:
    """No two packets of it are alike."""
    source = f"anoisesrc=sample_rate={rate}:amplitude=0.1,aformat=channel_layouts={channels}"
    return [*NOW, "-f", "lavfi", "-i", source]


def x264(group: int, *more: str) -> list[str]:
    """H.264 with a key frame every ``group`` frames, and nowhere else."""
    quick = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]
    return [*quick, "-g", str(group), "-sc_threshold", "0", "-pix_fmt", "yuv420p", *more]


B_FRAMES: Final = [
    *("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p"),
    *("-x264-params", "b-adapt=0:scenecut=0:sync-lookahead=0:rc-lookahead=0:sliced-threads=1"),
]
AAC: Final = ["-c:a", "aac", "-b:a", "64k"]


class Show(NamedTuple):
    """A picture and a sound: how ffmpeg makes and codes both."""

    picture: Sequence[str]
    sound: Sequence[str]
    video: Sequence[str]
    audio: Sequence[str] = AAC

    def by_track(
        self, ingest: str, chunks: Sequence[str] = FRAMES, seconds: float = 3600
    ) -> list[str]:
        """The command that publishes them as ``v`` and ``a``, for so long."""
        chunks = ["-t", str(seconds), *chunks]
        v = ["-map", "0:v", *self.video, *chunks, f"{ingest}/v"]
        a = ["-map", "1:a", *self.audio, *chunks, f"{ingest}/a"]
        return ffmpeg(*self.picture, *self.sound, *v, *a)

    def muxed(self, ingest: str) -> list[str]:
        """The command that publishes them as one stream."""
        both = ["-map", "0:v", "-map", "1:a", *self.video, *self.audio]
        return ffmpeg(*self.picture, *self.sound, *both, *FIFTHS, ingest)


class Rhythm(NamedTuple):
    """A frame rate and a group of pictures, and what is to come of them."""

    show: Show
    segment: float
    """Seconds, of a segment."""


RHYTHMS: Final = {
    "a second at 25 fps": Rhythm(Show(picture(), noise(), x264(25)), 2.0),
    "1.92 s at 25 fps": Rhythm(Show(picture(), noise(), x264(48)), 1.92),
    "4 s at 25 fps": Rhythm(Show(picture(), noise(), x264(100)), 4.0),
    "2 s at 29.97 fps, 44.1 kHz": Rhythm(
        Show(picture("30000/1001"), noise(44100), x264(60)), 2.002
    ),
    "1 s at 50 fps": Rhythm(Show(picture("50"), noise(), x264(50)), 2.0),
    "7 frames at 24 fps": Rhythm(Show(picture("24"), noise(), x264(7)), 49 / 24),
}


class Coding(NamedTuple):
    """A way of coding a track, and how players are to be told."""

    source: Sequence[str]
    options: Sequence[str]
    codecs: str
    chunks: Sequence[str] = FRAMES

    def command(self, ingest: str) -> list[str]:
        """The command that publishes it as ``t``."""
        return ffmpeg(*self.source, *self.options, *self.chunks, f"{ingest}/t")

    def manifest(self, path: str) -> list[str]:
        """The command that has ffmpeg write an MPD of half a second of it."""
        return ffmpeg(*self.source, *self.options, "-t", "0.5", "-f", "dash", path)


_HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"]
_HEVC += ["-x265-params", "keyint=25:min-keyint=25:scenecut=0:log-level=error"]
_SVT = ["-c:v", "libsvtav1", "-preset", "12", "-g", "25"]
_SVT += ["-svtav1-params", "pred-struct=1:lookahead=0"]
_AOM = ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "25"]
_VPX = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"]
_VPX += ["-lag-in-frames", "0"]
_8_BIT, _10_BIT = ["-pix_fmt", "yuv420p"], ["-pix_fmt", "yuv420p10le"]

CODINGS: Final = {
    "hevc": Coding(picture(), [*_HEVC, *_8_BIT], "hvc1.1.6.L30.90"),
    "hevc10": Coding(picture(), [*_HEVC, *_10_BIT], "hvc1.2.4.L30.90"),
    "av1": Coding(picture(), [*_SVT, *_8_BIT], "av01.0.00M.08"),
    "av1of10": Coding(picture(), [*_SVT, *_10_BIT], "av01.0.00M.10"),
    "av1late": Coding(picture(), [*_AOM, *_8_BIT], "av01.0.00M.08", FRAMES_LATE),
    "vp9": Coding(picture(), [*_VPX, *_8_BIT], "vp09.00.10.08"),
    "anamorphic": Coding(
        picture(size="180x144"), x264(25, "-vf", "setsar=16/11"), "avc1.42c00b"
    ),
    "opus": Coding(noise(), ["-c:a", "libopus"], "opus"),
    "ac3": Coding(noise(channels="5.1"), ["-c:a", "ac3"], "ac-3", FRAMES_LATE),
    "eac3": Coding(noise(channels="stereo"), ["-c:a", "eac3"], "ec-3", FRAMES_LATE),
    "flac": Coding(noise(96000, "stereo"), ["-c:a", "flac"], "flac"),
    "aac51": Coding(noise(channels="5.1"), ["-c:a", "aac"], "mp4a.40.2"),
}  # fmt: skip
