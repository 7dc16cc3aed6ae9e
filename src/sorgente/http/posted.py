"""``POST|PUT /ingest/{channel}/{file}.mpd`` or ``.m3u8``: what an encoder says is coming."""

from __future__ import annotations

from typing import Final

from sorgente.broker import Broker
from sorgente.dash.posted import read_manifest
from sorgente.errors import BodyTooLarge
from sorgente.hls.posted import read_playlist
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.ingest import MOST_DISCARDED
from sorgente.http.ingest_path import ManifestPath
from sorgente.http.request import Request
from sorgente.media.addresses import Posted

MAX_MANIFEST: Final = 1 << 20
"""Bytes. An encoder's manifest has some KiB; with every segment listed for hours, some hundred."""


class PostedManifestExchange(Exchange):
    """A manifest, from its head to its answer. One that is too large is read to its end, as the
    encoder may have more to send on this connection."""

    __slots__ = ("_at", "_body", "_broker", "_silence_seconds", "_size")

    def __init__(
        self,
        line: Line,
        request: Request,
        broker: Broker,
        at: ManifestPath,
        silence_seconds: float,
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._at = at
        self._silence_seconds = silence_seconds
        self._body = bytearray()
        self._size = 0

    def start(self) -> None:
        """Let the body come."""
        if (self.request.content_length or 0) > MOST_DISCARDED:
            raise _too_large()
        if self.request.expects_continue:
            self.line.write(wire.CONTINUE)
        self.line.set_deadline(self._silence_seconds)

    def body(self, data: bytes) -> None:
        """Keep it."""
        self._size += len(data)
        if self._size <= MAX_MANIFEST:
            self._body += data
        elif self._size > MOST_DISCARDED:
            raise _too_large()
        else:
            self._body.clear()

    def complete(self) -> None:
        """Remember what it says. An empty one only asks whether this is the place."""
        if self._size > MAX_MANIFEST:
            raise _too_large()
        posted = self._read() if self._body else Posted()
        if self._body:
            body, now = bytes(self._body), self.line.now
            self._broker.announce(self._at.channel, self._at.file, body, posted, now)
        told = f"{len(posted.tracks)} tracks are expected\n"
        self.line.reply(200, told.encode(), [wire.TEXT, wire.NO_STORE])

    def _read(self) -> Posted:
        return (read_playlist if self._at.is_playlist else read_manifest)(bytes(self._body))


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"a manifest may have {MAX_MANIFEST} bytes")
