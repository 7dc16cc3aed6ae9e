"""A picture that carries its own clock, and the thread that sends it to an encoder as it passes.

Every frame is nothing but the blocks of its stamp (``sorgente.tools.stamp``), as large as they can
be; ``players/watch.js`` reads them back.
"""

from __future__ import annotations

import threading
import time
from typing import IO, Final

from sorgente.tools.stamp import bits

WIDTH: Final = 320
HEIGHT: Final = 180
RATE: Final = 30
"""Frames per second."""

COLUMNS: Final = 8
ROWS: Final = 6
BLACK: Final = b"\x10"
WHITE: Final = b"\xeb"
NO_COLOUR: Final = b"\x80" * (WIDTH * HEIGHT // 2)
"""Both chroma planes of yuv420p."""


def frame(moment: float) -> bytes:
    """A frame of ``moment``, in yuv420p: the most significant bit is the block at the top left."""
    word = bits(moment)
    planes = bytearray()
    for row in range(ROWS):
        blocks = word[row * COLUMNS : (row + 1) * COLUMNS]
        line = b"".join((BLACK, WHITE)[int(bit)] * (WIDTH // COLUMNS) for bit in blocks)
        planes += line * (HEIGHT // ROWS)
    return bytes(planes) + NO_COLOUR


class Camera(threading.Thread):
    """Writes frame after frame, each when its time has come, until nobody reads them any more.

    A frame is stamped with the time it was due: what the encoder is late in taking it counts.
    """

    def __init__(self, sink: IO[bytes]) -> None:
        super().__init__(name="camera", daemon=True)
        self._sink = sink
        self.frames = 0
        """Written so far."""
        self.began = 0.0
        """The moment of the first frame but one: when the encoder had taken the first."""

    def run(self) -> None:
        try:
            self._write(frame(time.time()))
            self.began = time.time()
            while True:
                due = self.began + self.frames / RATE
                time.sleep(max(0.0, due - time.time()))
                self._write(frame(due))
        except (BrokenPipeError, ValueError):
            pass  # the encoder is gone; its end of the pipe with it

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._sink.write(rest) :]
        self.frames += 1
