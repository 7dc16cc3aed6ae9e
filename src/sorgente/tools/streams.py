"""What an input carries, as ffmpeg describes it on its standard error.

ffprobe would say it in JSON, but the ffmpeg of the ``imageio-ffmpeg`` wheel comes without one, and
an RTMP or SRT caller cannot be asked twice: what ffmpeg says as it begins is all there is. Its
words have been the same for ten years; both ends of that are in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sorgente.tools.ffmpeg import said

STREAM: Final = re.compile(r"Stream #0:\d+[^ ]*: (?P<kind>Video|Audio): (?P<codec>\w+)(?P<rest>.*)")
SIZE: Final = re.compile(r", ([1-9]\d{0,4})x([1-9]\d{0,4})(?=[ ,\[]|$)")
RATE: Final = re.compile(r", ([\d.]+)(k?) fps\b")
FORMAT: Final = re.compile(r", ((?:yuv|nv|rgb|bgr|gbr|gray|p0)\w*)(\([^)]*\))?")
DURATION: Final = re.compile(r"^Duration: (\d+):(\d+):(\d+(?:\.\d+)?)")
ROTATION: Final = re.compile(r"rotation of (-?\d+(?:\.\d+)?) degrees")
FIELDS: Final = re.compile(r"(top|bottom) (first|coded first)")

END: Final = ("Output #", "Stream mapping:", "Input #1", "Press [q]")
"""What comes behind the description of the first input."""


@dataclass(frozen=True, slots=True)
class Video:
    """A picture, as it comes in."""

    codec: str
    """ffmpeg's name of it: h264, hevc, mpeg2video, rawvideo, …"""
    width: int = 0
    height: int = 0
    """In pixels, as it is shown: a picture to be turned by 90° is counted as turned. 0: unknown."""
    pixel_format: str = ""
    frame_rate: float | None = None
    """Frames per second."""
    interlaced: bool = False
    turned: bool = False
    """A display matrix says how to hold it, which players of fragments do not look at."""
    key_frame_seconds: float | None = None
    """The longest time between two key frames; None: not known."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound, as it comes in."""

    codec: str


@dataclass(frozen=True, slots=True)
class Source:
    """What an input carries: the first picture and the first sound."""

    video: Video | None = None
    audio: Audio | None = None
    duration: float | None = None
    """Seconds; None for what is live."""


class Description:
    """ffmpeg's lines in, the first input's :class:`Source` out."""

    def __init__(self) -> None:
        self.source = Source()
        """As far as it is described."""
        self.complete = False
        self._begun = False
        self._in_video = False  # the last stream was the picture: what is indented is about it

    def feed(self, line: str) -> bool:
        """Take a line of standard error; whether it is the one behind the description."""
        text = said(line)
        if self.complete:
            return False
        if not self._begun:
            self._begun = text.startswith("Input #0")
        elif text.startswith(END):
            self.complete = True
        elif match := DURATION.match(text):
            hours, minutes, seconds = map(float, match.groups())
            self.source = replace(self.source, duration=hours * 3600 + minutes * 60 + seconds)
        elif match := STREAM.match(text):
            self._stream(match)
        elif self._in_video and (match := ROTATION.search(text)):
            self._turn(float(match[1]))
        return self.complete

    def _stream(self, match: re.Match[str]) -> None:
        source, codec, rest = self.source, match["codec"], match["rest"]
        self._in_video = False
        if match["kind"] == "Audio":
            if source.audio is None:
                self.source = replace(source, audio=Audio(codec))
        elif source.video is None and "(attached pic)" not in rest:
            self.source = replace(source, video=_video(codec, rest))
            self._in_video = True

    def _turn(self, degrees: float) -> None:
        video = self.source.video
        assert video is not None, "the last stream was it"
        if degrees % 360:
            size = (video.height, video.width) if degrees % 180 else (video.width, video.height)
            video = replace(video, turned=True, width=size[0], height=size[1])
            self.source = replace(self.source, video=video)


def described(lines: Iterable[str]) -> Source:
    """What all these lines say of the first input."""
    description = Description()
    for line in lines:
        description.feed(line)
    return description.source


def _video(codec: str, rest: str) -> Video:
    size, rate, pixels = SIZE.search(rest), RATE.search(rest), FORMAT.search(rest)
    return Video(
        codec,
        width=int(size[1]) if size else 0,
        height=int(size[2]) if size else 0,
        pixel_format=pixels[1] if pixels else "",
        frame_rate=_frame_rate(rate) if rate else None,
        interlaced=bool(pixels and pixels[2] and FIELDS.search(pixels[2])),
    )


def _frame_rate(match: re.Match[str]) -> float | None:
    try:
        rate = float(match[1]) * (1000 if match[2] else 1)
    except ValueError:
        return None
    return rate or None
