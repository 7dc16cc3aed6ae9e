"""``POST|PUT /ingest/{channel}/{file}.mpd``: what an encoder says is coming."""

from __future__ import annotations

from typing import Final

from sorgente.broker import Broker
from sorgente.dash.posted import switching_sets
from sorgente.errors import BodyTooLarge
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request

MAX_MANIFEST: Final = 1 << 20
"""Bytes. An encoder's manifest has some KiB; with every segment listed for hours, some hundred."""


class PostedManifestExchange(Exchange):
    """A manifest, from its head to its answer."""

    __slots__ = ("_body", "_broker", "_channel")

    def __init__(self, line: Line, request: Request, broker: Broker, channel: str) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._channel = channel
        self._body = bytearray()

    def start(self) -> None:
        """Let the body come."""
        if (self.request.content_length or 0) > MAX_MANIFEST:
            raise _too_large()
        if self.request.expects_continue:
            self.line.write(wire.CONTINUE)

    def body(self, data: bytes) -> None:
        """Keep it."""
        self._body += data
        if len(self._body) > MAX_MANIFEST:
            raise _too_large()

    def complete(self) -> None:
        """Remember what it says. An empty one only asks whether this is the place."""
        sets = switching_sets(bytes(self._body)) if self._body else {}
        if sets:
            self._broker.describe(self._channel, sets, self.line.now)
        told = f"{len(sets)} tracks are expected\n"
        self.line.reply(200, told.encode(), [wire.TEXT, wire.NO_STORE])


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"a manifest may have {MAX_MANIFEST} bytes")
