"""All receivers, and what they are told."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from sorgente.hooks.event import Event, type_of
from sorgente.hooks.message import Message
from sorgente.hooks.signature import Secret
from sorgente.hooks.tally import HookStatus, Tally
from sorgente.hooks.watch import Channels, Watch
from sorgente.outbound import OutboundUrl

if TYPE_CHECKING:
    from sorgente.hooks.courier import Courier

LOOK_SECONDS: Final = 0.5
"""From one look at the channels to the next: a sixth of the shortest silence that is told."""

NUMBER_BYTES: Final = 16
"""Of chance, in what an event is called: no two have the same, across restarts and origins."""


class Hooks:
    """See the package."""

    def __init__(
        self,
        urls: Sequence[OutboundUrl],
        signing: Sequence[Secret],
        monotonic: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.watch = Watch(monotonic, wall, self._tell)
        self._monotonic = monotonic
        self._tally = Tally()
        self._look_at = float("-inf")
        self._couriers: list[Courier] = []
        if urls:
            # An HTTP client is 10 MB, and a quarter of a second: for those who need one.
            from sorgente.hooks.courier import Courier

            luck = random.random
            self._couriers = [
                Courier(url, signing, self._tally, monotonic, wall, luck) for url in urls
            ]

    def __bool__(self) -> bool:
        """There is somebody to tell."""
        return bool(self._couriers)

    @property
    def busy(self) -> bool:
        """There is something left to tell."""
        return any(each.busy for each in self._couriers)

    def start(self) -> None:
        """Begin to tell; until then, events wait."""
        for each in self._couriers:
            each.start()

    def tick(self, channels: Channels) -> None:
        """Look what only time brings about; call it a few times a second."""
        now = self._monotonic()
        if self and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self.watch.look(channels)

    def finish(self) -> None:
        """The origin ends: say so, and try all that is left once, until ``busy`` is over."""
        self.watch.close()
        for each in self._couriers:
            each.hurry()

    async def close(self) -> None:
        """Drop what is left, at once."""
        await asyncio.gather(*(each.close() for each in self._couriers))

    def status(self) -> HookStatus:
        """What became of events."""
        return self._tally.status() if self else HookStatus({}, {})

    def _tell(self, event: Event) -> None:
        number = f"msg_{secrets.token_hex(NUMBER_BYTES)}"
        body = msgspec.json.encode(event)
        message = Message(number, type_of(event), body, self._monotonic())
        for each in self._couriers:
            each.put(message)
