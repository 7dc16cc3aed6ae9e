"""The moment a picture stands for, as bits to draw in black and white: 40 of milliseconds since
1970, and 8 to check them by. ``web/clock.js`` reads them back from the screen.

Encoders blur and players scale: a bit is a block of many pixels, and a reader looks at its middle.
"""

from __future__ import annotations

from typing import Final

STAMP_BITS: Final = 40
"""Of milliseconds: they repeat after 34 years."""
CHECK_BITS: Final = 8
BITS: Final = STAMP_BITS + CHECK_BITS
CHECK_PRIME: Final = 251
"""The largest below 2**8: no single wrong block gives the same remainder."""


def stamp(moment: float) -> int:
    """What the blocks of the picture of ``moment`` (seconds since 1970) say of it."""
    return round(moment * 1000) & ((1 << STAMP_BITS) - 1)


def word(value: int) -> int:
    """A stamp with its check bits behind it. An all black picture is not right."""
    return value << CHECK_BITS | (255 - value % CHECK_PRIME)


def bits(moment: float) -> str:
    """The word of ``moment`` in 0 (black) and 1 (white): the first is the block at the top left,
    and rows follow each other."""
    return f"{word(stamp(moment)):0{BITS}b}"
