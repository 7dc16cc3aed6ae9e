"""``/api/v1/events``: what there is, then what changes, as server-sent events (WHATWG HTML §9.2).

One look at the origin each second serves all listeners, and each channel is written once for all of
them. Nobody has a queue: who is slow gets, when there is room again, what is so by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from sorgente.control import schema
from sorgente.control.view import View
from sorgente.errors import Overloaded

EVERY_SECONDS: Final = 1.0
"""From one look to the next: faster than anybody reads, and a hundred channels cost 10 ms."""

HEARTBEAT_SECONDS: Final = 15.0
"""A line at least so often, as proxies close what is silent for a minute, and so that a listener
who has vanished is noticed."""

MAX_LISTENERS: Final = 100
"""A dashboard on every wall. Each costs a connection, a task, and what is written to it each
second."""

HEARTBEAT: Final = b": still here\n\n"


class Events:
    """Those who listen, and what they are told."""

    def __init__(self, view: View, every: float = EVERY_SECONDS) -> None:
        self._view = view
        self._every = every
        self._look = _Look({}, b"null")
        self._looked = asyncio.Event()
        """Set, and replaced, with every look."""
        self._looking: asyncio.Task[None] | None = None
        self.listeners = 0

    def listen(self) -> AsyncIterator[bytes]:
        """What one listener is told, until it goes or the origin does.

        Raises:
            Overloaded: too many listen already.
        """
        if self.listeners >= MAX_LISTENERS:
            raise Overloaded(f"{self.listeners} listen already, and {MAX_LISTENERS} may")
        return self._tell()

    async def _tell(self) -> AsyncIterator[bytes]:
        self._enter()
        try:
            told = self._look
            yield event(b"snapshot", b'{"origin":%b,"channels":%b}' % told.whole())
            while not self._view.closing:
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        news = await self._news(told)
                except TimeoutError:
                    yield HEARTBEAT
                else:
                    yield event(b"changes", news.since(told))
                    told = news
        finally:
            self._leave()

    async def _news(self, told: _Look) -> _Look:
        """The first look that shows something else than ``told``."""
        while True:
            await self._looked.wait()
            if self._look != told or self._view.closing:
                return self._look

    def _enter(self) -> None:
        self.listeners += 1
        if self._looking is None:
            self._look = look(self._view)
            self._looking = asyncio.get_running_loop().create_task(self._watch())

    def _leave(self) -> None:
        self.listeners -= 1
        if not self.listeners and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            self._look = look(self._view)
            looked, self._looked = self._looked, asyncio.Event()
            looked.set()


class _Look(msgspec.Struct, frozen=True):
    """What was seen at one time, as JSON."""

    channels: dict[str, bytes]
    origin: bytes

    def whole(self) -> tuple[bytes, bytes]:
        """The origin, and all channels."""
        return self.origin, b"[%b]" % b",".join(self.channels.values())

    def since(self, before: _Look) -> bytes:
        """What is not as it was ``before``."""
        changed = [
            channel
            for name, channel in self.channels.items()
            if before.channels.get(name) != channel
        ]
        origin = self.origin if self.origin != before.origin else b"null"
        gone = msgspec.json.encode([name for name in before.channels if name not in self.channels])
        return b'{"origin":%b,"channels":[%b],"gone":%b}' % (origin, b",".join(changed), gone)


def look(view: View) -> _Look:
    """All there is, now."""
    channels = {each.name: msgspec.json.encode(each) for each in view.channels()}
    return _Look(channels, msgspec.json.encode(view.origin()))


def event(name: bytes, data: bytes) -> bytes:
    """One event; ``data`` has no line breaks, as JSON of msgspec's has none."""
    return b"event: %b\ndata: %b\n\n" % (name, data)


DOCUMENTS: Final = {"snapshot": schema.Snapshot, "changes": schema.Changes}
"""What the data of each event are."""
