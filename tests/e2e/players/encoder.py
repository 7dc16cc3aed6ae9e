"""ffmpeg as an encoder of the picture with the clock, with sound."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, get_args

from tests.e2e.programs import ffmpeg
from tests.support.origin import until
from tests.support.picture import HEIGHT, RATE, WIDTH, Camera

Input = Literal["tracks", "muxed"]
"""How it publishes: one upload per track, a chunk for every frame; or muxed, chunks of 200 ms."""
INPUTS: Final[tuple[Input, ...]] = get_args(Input)

PICTURE: Final = [
    *("-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0"),
    *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE)),
    *("-i", "pipe:0"),
]
SOUND: Final = [
    # ffmpeg reads half a second at once to begin with, which no microphone does.
    *("-re", "-readrate_initial_burst", "0.001"),
    *("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"),
]
H264: Final = [
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"),
    *("-g", str(RATE), "-pix_fmt", "yuv420p"),
]
AAC: Final = ["-c:a", "aac", "-b:a", "64k"]
A_FRAME_A_CHUNK: Final = ["-f", "mp4", "-movflags", "cmaf+frag_every_frame", "-method", "PUT"]
A_FIFTH_A_CHUNK: Final = [
    *("-f", "mp4", "-movflags", "empty_moov+default_base_moof+frag_keyframe"),
    *("-frag_duration", "200000"),
]


def command(form: Input | Callable[[str], list[str]], ingest: str) -> list[str]:
    """The line that publishes to ``ingest``, the address of a channel; see ``lines`` for more."""
    if callable(form):
        return form(ingest)
    if form == "tracks":
        picture = ["-map", "0:v", *H264, *A_FRAME_A_CHUNK, f"{ingest}/v"]
        sound = ["-map", "1:a", *AAC, *A_FRAME_A_CHUNK, f"{ingest}/a"]
        return ffmpeg(*PICTURE, *SOUND, *picture, *sound)
    return ffmpeg(
        *PICTURE, *SOUND, "-map", "0:v", "-map", "1:a", *H264, *AAC, *A_FIFTH_A_CHUNK, ingest
    )


class LiveEncoder:
    """A running encoder and the camera before it."""

    def __init__(
        self,
        form: Input | Callable[[str], list[str]],
        ingest: str,
        camera: type[Camera] = Camera,
    ) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - until __exit__
        self.process = subprocess.Popen(
            command(form, ingest),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            bufsize=0,
        )
        assert self.process.stdin is not None
        self.camera = camera(self.process.stdin)
        self.camera.start()

    @property
    def behind(self) -> float:
        """Seconds that it is late in taking pictures."""
        return max(0.0, time.time() - self.camera.began - self.camera.frames / RATE)

    @property
    def complaints(self) -> str:
        """What it says on its standard error."""
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="replace")

    async def running(self, seconds: float = 0.0) -> None:
        """Wait until it has taken so many seconds of pictures, one picture at least."""

        def reached() -> bool:
            assert self.process.poll() is None, f"the encoder ended: {self.complaints}"
            return self.camera.frames > max(1.0, seconds * RATE)

        await until(reached)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self._gone()

    def stop(self) -> None:
        """SIGSTOP: it exists, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def interrupt(self) -> None:
        """Ctrl-C: it ends its uploads as it should."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        finally:
            self.kill()

    def __enter__(self) -> LiveEncoder:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        self.kill()
        self._complaints.close()

    def _gone(self) -> None:
        self.process.wait()
        self.camera.join()
        if self.process.stdin is not None:
            self.process.stdin.close()
