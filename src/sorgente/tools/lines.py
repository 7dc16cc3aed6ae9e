"""Text from a pipe, line by line, whatever is written there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

MAX_LINE_BYTES: Final = 4096
"""Longer ones are cut."""


async def lines(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Every line, without its end; the last may have none."""
    rest = b""
    while data := await reader.read(65536):
        *whole, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            if line.strip():
                yield line[:MAX_LINE_BYTES].decode("utf-8", "replace")
        rest = rest[:MAX_LINE_BYTES]
    if rest.strip():
        yield rest.decode("utf-8", "replace")
