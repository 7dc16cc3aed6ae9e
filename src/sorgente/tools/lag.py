"""How late this process itself is: what a tool that measures must say before it blames others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

TICK_SECONDS: Final = 0.02
KEPT: Final = 50_000
"""Ticks: over a quarter of an hour."""


class Lag:
    """Wakes up every 20 ms while it is entered, and notes how much later it was woken."""

    def __init__(self) -> None:
        self.ticks: deque[tuple[float, float]] = deque(maxlen=KEPT)
        """(when, on the loop's clock; seconds too late)."""
        self._task: asyncio.Task[None] | None = None
        self._cpu_at = time.process_time()
        self._began = time.monotonic()

    async def __aenter__(self) -> Self:
        self._cpu_at, self._began = time.process_time(), time.monotonic()
        self._task = asyncio.create_task(self._go_round())
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def cpu_share(self) -> float:
        """CPU time of this process over time that passed: 1 is a whole core."""
        passed = time.monotonic() - self._began
        return (time.process_time() - self._cpu_at) / passed if passed > 0 else 0.0

    def worst(self, since: float) -> float:
        """Seconds, of all ticks from ``since`` on, by the loop's clock; and of one that is due."""
        loop = asyncio.get_running_loop()
        worst = max(0.0, loop.time() - self.ticks[-1][0] - TICK_SECONDS) if self.ticks else 0.0
        for at, late in reversed(self.ticks):
            if at < since:
                break
            worst = max(worst, late)
        return worst

    async def _go_round(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            now = loop.time()
            self.ticks.append((now, max(0.0, now - due)))
