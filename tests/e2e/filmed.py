"""The picture with the clock in place of what a line of ``docs/encoders.md`` reads: whoever watches
sees how late it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from tests.docs.page import Command
from tests.e2e.cookbook import Recipe
from tests.e2e.players.encoder import AAC, H264, PICTURE, SOUND
from tests.support.picture import HEIGHT, RATE, WIDTH, Camera

_BOTH: Final = shlex.join([*PICTURE, *SOUND])
_FULL: Final = "-b:v 1M -maxrate 1M -bufsize 200k -x264-params nal-hrd=cbr:filler=1"
"""Filled up to what a camera makes: this picture needs next to nothing."""
_ENCODED: Final = f"{shlex.join([*H264, *AAC])} {_FULL} -f nut -flush_packets 1"
_FRAMES: Final = f"rawvideoparse format=i420 width={WIDTH} height={HEIGHT} framerate={RATE}/1"
IN_ITS_PLACE: Final = {
    # What stands on the page: what it is here. The camera is at the standard input.
    # In two steps: were picture and sound to begin while a caller is still connecting, the one
    # would wait for the other ever after.
    "ffmpeg -re -i input.mp4 -c copy": (
        f"ffmpeg {_BOTH} {_ENCODED} - | ffmpeg -fflags nobuffer -f nut -i - -c copy"
    ),
    "-re -i input.mp4": _BOTH,
    "-map 0:a": "-map 1:a",
    "-c:v libx264 -tune zerolatency": f"-c:v libx264 -tune zerolatency {_FULL}",
    "v4l2src": f"fdsrc fd=0 ! {_FRAMES}",
}
SHOWN_BY_A_CAMERA: Final = [*PICTURE, *SOUND, *H264, "-bsf:v", "dump_extra"]
"""What an RTSP camera makes of it: options of ffmpeg."""


def filmed(command: Command) -> Command:
    """A line that reads the camera's picture from its standard input, if it reads one at all."""
    text = command.text
    for there, here in IN_ITS_PLACE.items():
        text = text.replace(there, here)
    return replace(command, text=text)


def has_clock(recipe: Recipe) -> bool:
    """Whether what comes of it can be the camera's picture. A file that is there, and a test
    picture, cannot."""
    lines = [recipe.command] + ([recipe.caller] if recipe.caller else [])
    return any(filmed(line) != line or "rtsp://" in line.text for line in lines)


@contextmanager
def filming() -> Iterator[int]:
    """A camera, as a pipe to read from; whoever reads it is gone before this is over."""
    end, sink = os.pipe()
    with open(sink, "wb", buffering=0) as film:
        camera = Camera(film)
        camera.start()
        try:
            yield end
        finally:
            os.close(end)
            camera.join()
