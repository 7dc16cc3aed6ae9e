"""The picture of ``sorgente demo``: something that moves, the time of day for people, and the same
time for machines (``stamp``).

Made of slices of bytes, a fifth of a millisecond a picture: no drawing library, no font.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from sorgente.tools.stamp import bits

WIDTH: Final = 640
HEIGHT: Final = 360
RATE: Final = 30
"""Pictures per second."""

BLACK: Final = 16
WHITE: Final = 235  # luma of BT.601 has feet and headroom
GREY: Final = 128  # chroma of no colour

BLOCK: Final = 16
"""Pixels: a macroblock of H.264, and still eight in the smallest bit rate."""
COLUMNS: Final = 24
ROWS: Final = 2
STAMP_LEFT: Final = (WIDTH - COLUMNS * BLOCK) // 2
STAMP_TOP: Final = 304
"""Where the blocks are; ``web/clock.js`` knows it too."""

SCALE: Final = 6
"""Pixels of the screen to one of a digit."""
GLYPHS: Final = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11111 00010 00100 00010 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    ":": "00000 00100 00100 00000 00100 00100 00000",
    ".": "00000 00000 00000 00000 00000 01100 01100",
}
"""Five by seven, a column between two of them."""
TEXT_TOP: Final = 216
CHARACTER: Final = 6 * SCALE
TEXT_WIDTH: Final = len("00:00:00.000") * CHARACTER - SCALE
TEXT_LEFT: Final = (WIDTH - TEXT_WIDTH) // 2

BAND_TOP: Final = 40
BAND_HEIGHT: Final = 120
BAND_STEP: Final = 4
"""Pixels that the colours move with every picture; even, as two share a chroma sample."""
FIELD: Final = (32, 142, 118)
"""Luma and chroma of what is around: a dark blue."""

RADIUS: Final = 22
SWING: Final = (WIDTH - 80) // 2
"""Pixels that the ball goes to either side, once in two seconds."""
SWING_SECONDS: Final = 2.0


class Picture:
    """Draws. Nothing is kept from one picture to the next."""

    def __init__(self) -> None:
        self._field = b"".join(
            bytes([value]) * (WIDTH * HEIGHT // share)
            for value, share in zip(FIELD, (1, 4, 4), strict=True)
        )
        # Each line is there twice: to move is to begin to read later.
        self._luma = _wave(WIDTH, 110, 50, 0.0) * 2
        self._blue = _wave(WIDTH // 2, GREY, 80, 0.0) * 2
        self._red = _wave(WIDTH // 2, GREY, 80, math.tau / 3) * 2
        self._ball = [math.isqrt(RADIUS**2 - y * y) for y in range(-RADIUS, RADIUS + 1)]
        self._glyphs = {character: _glyph(rows) for character, rows in GLYPHS.items()}

    def frame(self, moment: float) -> bytes:
        """The picture of ``moment`` (UTC, seconds since 1970), in yuv420p."""
        planes = bytearray(self._field)
        self._draw_band(planes, moment)
        self._draw_ball(planes, moment)
        self._draw_time(planes, moment)
        _draw_stamp(planes, moment)
        return bytes(planes)

    def _draw_band(self, planes: bytearray, moment: float) -> None:
        at = round(moment * RATE) * BAND_STEP % WIDTH
        _put(planes, BAND_TOP * WIDTH, self._luma[at : at + WIDTH] * BAND_HEIGHT)
        half = WIDTH // 2
        for plane, wave in ((WIDTH * HEIGHT, self._blue), (WIDTH * HEIGHT * 5 // 4, self._red)):
            rows = wave[at // 2 : at // 2 + half] * (BAND_HEIGHT // 2)
            _put(planes, plane + BAND_TOP // 2 * half, rows)

    def _draw_ball(self, planes: bytearray, moment: float) -> None:
        angle = math.tau * (moment % SWING_SECONDS) / SWING_SECONDS
        x = WIDTH // 2 + round(SWING * math.sin(angle))
        top = BAND_TOP + BAND_HEIGHT // 2 - RADIUS
        for row, half in enumerate(self._ball):
            _put(planes, (top + row) * WIDTH + x - half, bytes([WHITE]) * (2 * half))

    def _draw_time(self, planes: bytearray, moment: float) -> None:
        text = datetime.fromtimestamp(round(moment, 3), UTC).strftime("%H:%M:%S.%f")[:-3]
        for row in range(7):
            line = b"".join(self._glyphs[character][row] for character in text)
            for y in range(TEXT_TOP + row * SCALE, TEXT_TOP + (row + 1) * SCALE):
                _put(planes, y * WIDTH + TEXT_LEFT, line)


def _draw_stamp(planes: bytearray, moment: float) -> None:
    blocks = [bytes([WHITE if bit == "1" else BLACK]) * BLOCK for bit in bits(moment)]
    for row in range(ROWS):
        line = b"".join(blocks[row * COLUMNS : (row + 1) * COLUMNS])
        for y in range(STAMP_TOP + row * BLOCK, STAMP_TOP + (row + 1) * BLOCK):
            _put(planes, y * WIDTH + STAMP_LEFT, line)


def _put(planes: bytearray, at: int, pixels: bytes) -> None:
    planes[at : at + len(pixels)] = pixels


def _wave(length: int, middle: int, swing: int, phase: float) -> bytes:
    """One turn of a sine."""
    angles = (math.tau * x / length + phase for x in range(length))
    return bytes(round(middle + swing * math.sin(angle)) for angle in angles)


def _glyph(rows: str) -> list[bytes]:
    """Luma of each row of a character, with the column behind it."""
    pixels = {"1": bytes([WHITE]) * SCALE, "0": bytes([FIELD[0]]) * SCALE}
    return [b"".join(pixels[pixel] for pixel in row + "0") for row in rows.split()]
