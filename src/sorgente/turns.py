"""Turns: so many at a time, so many of one party, and whoever waits is served party by party.

A semaphore serves who came first. With it, one party that has a lot to ask is all others' queue.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Turns:
    """``async with turns.of(party): …``, in any number of tasks."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._under_way: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By party, in the order in which they are served. While a turn is free, these are only
        parties that have all they may have."""

    @asynccontextmanager
    async def of(self, party: str) -> AsyncIterator[None]:
        """Wait for a turn of ``party``, and have it."""
        if self._may(party):
            self._under_way[party] += 1
        else:
            await self._wait(party)
        try:
            yield
        finally:
            self._give_back(party)

    def _may(self, party: str) -> bool:
        if self._under_way.total() >= self._most:
            return False
        return self._under_way[party] < self._most_of_one

    async def _wait(self, party: str) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                self._forget(party, mine)
            else:  # it was given, at the last moment
                self._give_back(party)
            raise

    def _forget(self, party: str, mine: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(party)
        if waiting is None:
            return
        with suppress(ValueError):  # it was its turn, after it was cancelled
            waiting.remove(mine)  # near the front: who waits longest gives up first
        if not waiting:
            del self._waiting[party]

    def _give_back(self, party: str) -> None:
        self._under_way[party] -= 1
        if not self._under_way[party]:
            del self._under_way[party]
        # Not many are passed over: parties that have all they may have share ``most`` turns.
        while (following := next(filter(self._may, self._waiting), None)) is not None:
            if self._serve(following):
                return

    def _serve(self, party: str) -> bool:
        """Give a turn to who waits longest of ``party``, which goes to the end of the line."""
        waiting = self._waiting.pop(party)
        while waiting:
            first = waiting.popleft()
            if not first.done():  # a task that was cancelled has yet to take its own away
                first.set_result(None)
                self._under_way[party] += 1
                if waiting:
                    self._waiting[party] = waiting
                return True
        return False
