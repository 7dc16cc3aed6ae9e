"""``POST /cmcd/{channel}``: what happens to players, as they tell it (CTA-5004-B, event mode).

Whoever may watch may tell. The answer is 204 whatever was told: a player has no use for more, and
asks again after some other ones.
"""

from __future__ import annotations

from typing import Final

from sorgente.broker import Broker
from sorgente.cmcd.audience import Audience
from sorgente.cmcd.report import of_text
from sorgente.errors import BodyTooLarge, NotFound
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request

MAX_BYTES: Final = 64 << 10
"""Of a body: a hundred events and more, of all keys there are."""

MAX_EVENTS: Final = 128
"""Of a body: the rest is not read. They take 2 ms, for which all media wait."""


class EventsExchange(Exchange):
    """Events, a line each."""

    __slots__ = ("_audience", "_body", "_broker", "_channel")

    def __init__(
        self, line: Line, request: Request, broker: Broker, audience: Audience, channel: str
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._audience = audience
        self._channel = channel
        self._body = bytearray()

    def start(self) -> None:
        """Let the body come."""
        if (self.request.content_length or 0) > MAX_BYTES:
            raise _too_large()
        if self.request.expects_continue:
            self.line.write(wire.CONTINUE)

    def body(self, data: bytes) -> None:
        """Keep it."""
        self._body += data
        if len(self._body) > MAX_BYTES:
            raise _too_large()

    def complete(self) -> None:
        """Hear what was told.

        Raises:
            NotFound: of what is not on the air.
        """
        channel = self._broker.get(self._channel)
        if channel is None:
            raise NotFound(f"there is no channel {self._channel}")
        for event in bytes(self._body).splitlines()[:MAX_EVENTS]:
            if event:
                self._audience.hear(channel, of_text(event), self.line.now)
        self.line.reply(204, b"", [wire.NO_STORE])


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"events may have {MAX_BYTES} bytes at a time")
