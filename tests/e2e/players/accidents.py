"""What happens to encoders: they stop, go blind, lose a track, come back as somebody else.

A real ffmpeg does it, or ``relay`` between it and the origin, which cuts an upload where it hurts.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Final

from tests.e2e.players.encoder import (
    A_FIFTH_A_CHUNK,
    A_FRAME_A_CHUNK,
    AAC,
    H264,
    PICTURE,
    SOUND,
    Input,
)
from tests.e2e.programs import ffmpeg
from tests.support.picture import RATE, Camera, frame

VP9: Final = [
    *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"),
    *("-g", str(RATE), "-b:v", "500k", "-pix_fmt", "yuv420p"),
]
AV1: Final = [
    # Low delay (pred-struct=1): a picture comes out as one goes in.
    *("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "pred-struct=1:lp=1:rc=0"),
    *("-g", str(RATE), "-pix_fmt", "yuv420p"),
]
OPUS: Final = ["-c:a", "libopus", "-b:a", "64k"]
LONGEST_CLOSED: Final = 20.0
"""Seconds of a shutter, so that a test that fails ends."""
TWICE_AS_LARGE: Final = ["-vf", "scale=iw*2:ih*2:flags=neighbor", *H264]


@dataclass(frozen=True)
class Line:
    """An encoder's line of another make; without sound or without picture, if that is None."""

    form: Input
    picture: Sequence[str] | None = tuple(H264)
    sound: Sequence[str] | None = tuple(AAC)

    def __call__(self, ingest: str) -> list[str]:
        """The command that publishes to ``ingest``, the address of a channel."""
        inputs = [*(PICTURE if self.picture else []), *(SOUND if self.sound else [])]
        picture = ["-map", "0:v", *self.picture] if self.picture else []
        sound = ["-map", f"{int(bool(picture))}:a", *self.sound] if self.sound else []
        if self.form == "muxed":
            return ffmpeg(*inputs, *picture, *sound, *A_FIFTH_A_CHUNK, ingest)
        uploads = [(picture, "v"), (sound, "a")]
        outputs = [[*made, *A_FRAME_A_CHUNK, f"{ingest}/{name}"] for made, name in uploads if made]
        return ffmpeg(*inputs, *(word for output in outputs for word in output))


class Microphone:
    """ffmpeg with the sound alone, as a track of its own."""

    def __init__(self, ingest: str, sound: Sequence[str] = AAC) -> None:
        self.process = subprocess.Popen(
            Line("tracks", picture=None, sound=sound)(ingest),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Microphone:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        self.kill()


class ShutterCamera(Camera):
    """One that can stop giving pictures, and then goes on with what is to be seen by then."""

    def __init__(self, sink: IO[bytes]) -> None:
        super().__init__(sink)
        self._open = threading.Event()
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def _write(self, data: bytes) -> None:
        if not self._open.is_set():
            closed = time.time()
            self._open.wait(LONGEST_CLOSED)
            self.began += time.time() - closed
            data = frame(time.time())
        super()._write(data)
