"""INPUT as it is typed, and how ffmpeg is to open it.

test   test:640x360@25              a test picture with sound and a clock
recording.mp4                       a file
/dev/video0   v4l2:NAME             a device; ?option=value&… behind it are options of ffmpeg's
alsa:default  avfoundation:0:0  …
rtmp://HOST:PORT/app/key?listen     waits for an RTMP caller: OBS, ffmpeg, a camera
srt://:PORT?mode=listener           waits for an SRT caller
rtsp:// rtmp:// srt:// udp:// …     goes and gets it; http:// and https:// too
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from sorgente.tools.errors import InputRefused, UnusableArgument
from sorgente.tools.ffmpeg import Ffmpeg
from sorgente.tools.redact import without_secrets
from sorgente.tools.streams import Audio, Source, Video

TEST: Final = re.compile(r"test(?::(?P<width>\d{2,4})x(?P<height>\d{2,4})(?:@(?P<rate>\d{1,3}))?)?")
TEST_WIDTH, TEST_HEIGHT, TEST_RATE = 1280, 720, 30

CLOCK_HERE: Final = "{clock}"
CLOCK: Final = (
    r",drawtext=text='%{gmtime\:%H\\\:%M\\\:%S.%3N} UTC':fontsize=h/10"
    ":fontcolor=white:box=1:boxborderw=8:boxcolor=black:x=(w-tw)/2:y=h*0.8"
)
"""The time of day in the test picture, to the millisecond: hold a clock beside it."""

DEVICES: Final = (
    *("v4l2", "alsa", "pulse", "jack", "oss", "openal", "avfoundation", "decklink"),
    *("x11grab", "fbdev", "kmsgrab", "lavfi"),
)
"""ffmpeg's input devices that are asked for as ``device:name``."""

CAMERAS: Final = Path("/sys/class/video4linux")
"""Where Linux keeps the names of cameras."""

PLAYLISTS: Final = (".m3u8", ".mpd")

STALL_SECONDS: Final = 10
"""A connection that says nothing for so long is opened anew."""
LISTEN_ANALYSIS_SECONDS: Final = 1.0
"""A caller's streams are all there at once, but MPEG-TS can promise no such thing: ffmpeg would
watch for 5 s (4.8 s measured, for SRT)."""
ANALYSIS_SECONDS: Final = 3.0
"""One that is joined in the middle may take a group of pictures until it shows its size."""


class Kind(Enum):
    """How an input behaves."""

    FILE = "file"
    """Read at the speed it is to be watched at; ends."""
    SYNTHETIC = "synthetic"
    """ffmpeg makes it up; at the speed it is to be watched at."""
    DEVICE = "device"
    """Comes at its own pace; can be opened again."""
    STREAM = "stream"
    """We call somebody; may be a file all the same, which its duration tells."""
    LISTENER = "listener"
    """Somebody calls us: cannot be opened to have a look."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input, and the arguments it takes."""

    shown: str
    """For people: nothing secret in it."""
    kind: Kind
    target: str
    """What stands behind ``-i``."""
    options: tuple[str, ...] = ()
    known: Source | None = None
    """What it carries, where that needs no looking."""
    in_pieces: bool = False
    """It comes in pieces of some seconds (HLS, DASH): live, but to be spread over their time."""

    def arguments(self, ffmpeg: Ffmpeg, *, paced: bool, loop: bool = False) -> list[str]:
        """Everything up to ``-i TARGET``. ``paced``: read no faster than it is to be watched."""
        arguments = ["-stream_loop", "-1"] if loop else []
        if paced:
            arguments.append("-re")
            # From 6.1 on, ffmpeg reads half a second at once to begin with. What is ahead of its
            # time only waits in the origin, and looks like a clock that slows down.
            if ffmpeg.bursts:
                arguments += ["-readrate_initial_burst", "0.001"]
        target = self.target
        if self.kind is Kind.SYNTHETIC:
            target = target.replace(CLOCK_HERE, CLOCK if ffmpeg.writes_text else "")
        return [*arguments, *self.options, "-i", target]


def parse_input(text: str, *, cameras: Path = CAMERAS) -> Input:
    """What ``text`` names.

    Raises UnusableArgument, and InputRefused for a camera that is not there.
    """
    scheme, separator, rest = text.partition(":")
    if match := TEST.fullmatch(text):
        return _test_picture(match)
    if separator and rest.startswith("//"):
        return _address(text, scheme.lower())
    if separator and scheme in DEVICES:
        return _device(scheme, rest, cameras)
    if text.startswith("/dev/video"):
        return _device("v4l2", text, cameras)
    if not text:
        raise UnusableArgument("INPUT is empty")
    # `file:` so that ffmpeg takes no part of the name for a protocol.
    return Input(text, Kind.FILE, text if scheme == "file" else f"file:{text}")


def _test_picture(match: re.Match[str]) -> Input:
    width = int(match["width"] or TEST_WIDTH)
    height = int(match["height"] or TEST_HEIGHT)
    rate = int(match["rate"] or TEST_RATE)
    if width % 2 or height % 2 or not rate:
        raise UnusableArgument(f"{match[0]}: sizes are even, and the frame rate is not 0")
    # One graph with both in it: picture and sound share a start and a pace.
    graph = f"testsrc2=size={width}x{height}:rate={rate}{CLOCK_HERE}[out0];" + (
        "sine=frequency=440:beep_factor=4:sample_rate=48000[out1]"
    )
    known = Source(
        Video("wrapped_avframe", width, height, "yuv420p", frame_rate=float(rate)),
        Audio("pcm_s16le"),
    )
    return Input(match[0], Kind.SYNTHETIC, graph, ("-f", "lavfi"), known)


def _device(name: str, rest: str, cameras: Path) -> Input:
    """``NAME[?option=value&…]``; the graph of ``lavfi`` may have a ``?`` of its own."""
    if name == "lavfi":
        return Input(without_secrets(f"{name}:{rest}"), Kind.SYNTHETIC, rest, ("-f", "lavfi"))
    target, _, query = rest.partition("?")
    if not target:
        raise UnusableArgument(f"{name}: which? Write {name}:NAME")
    if name == "v4l2":
        target = _camera(target, cameras)
    options = ["-f", name, "-thread_queue_size", "512"]
    if name == "avfoundation" and "framerate=" not in query:
        options += ["-framerate", "30"]  # its default, 29.97, is one that no Mac camera has
    for option, value in parse_qsl(query, keep_blank_values=True):
        options += [f"-{option}", value]
    return Input(without_secrets(f"{name}:{rest}"), Kind.DEVICE, target, tuple(options))


def _camera(name: str, cameras: Path) -> str:
    """The node of a camera that is given by its name, or by the node itself."""
    if name.startswith("/"):
        return name
    there = {node.parent.name: node.read_text().strip() for node in cameras.glob("*/name")}
    for node, called in sorted(there.items()):
        if called == name or called.partition(":")[0] == name:
            return f"/dev/{node}"
    raise InputRefused(
        f"there is no camera {name!r}"
        + (f"; there are {', '.join(sorted(set(there.values())))}" if there else "")
    )


def _address(text: str, scheme: str) -> Input:
    # As ffmpeg divides it: a password may hold what `urlsplit` takes for half an IPv6 address.
    path, _, rest = text.partition("?")
    query = dict(parse_qsl(rest, keep_blank_values=True))
    shown = without_secrets(text)
    if scheme == "file":
        return Input(shown, Kind.FILE, text)
    if " " in text:  # nor could it be told where the address ends in what ffmpeg says of it
        raise UnusableArgument("INPUT: an address has no spaces: write %20, in a query +")
    if scheme in ("rtmp", "rtmps") and "listen" in query:
        bare = re.sub(r"([?&])listen(=[^&]*)?(&|$)", lambda m: m[1] if m[3] else "", text)
        return _listener(shown, bare, "-listen", "1")
    if scheme == "srt" and query.get("mode") == "listener":
        return _listener(shown, text)
    analysis = ("-analyzeduration", _microseconds(ANALYSIS_SECONDS))
    options = {
        "rtsp": ("-rtsp_transport", "tcp", "-timeout", _microseconds(STALL_SECONDS)),
        "rtsps": ("-rtsp_transport", "tcp", "-timeout", _microseconds(STALL_SECONDS)),
        "udp": ("-timeout", _microseconds(STALL_SECONDS), "-overrun_nonfatal", "1"),
        "http": ("-rw_timeout", _microseconds(STALL_SECONDS)),
        "https": ("-rw_timeout", _microseconds(STALL_SECONDS)),
    }.get(scheme, ())
    in_pieces = path.endswith(PLAYLISTS)
    return Input(shown, Kind.STREAM, text, (*analysis, *options), in_pieces=in_pieces)


def _listener(shown: str, target: str, *options: str) -> Input:
    # Frame rates are not worth waiting for: `-fpsprobesize 0` begins 1.6 s earlier with RTMP.
    analysis = ("-fpsprobesize", "0", "-analyzeduration", _microseconds(LISTEN_ANALYSIS_SECONDS))
    return Input(shown, Kind.LISTENER, target, (*analysis, *options))


def _microseconds(seconds: float) -> str:
    return str(round(seconds * 1_000_000))
