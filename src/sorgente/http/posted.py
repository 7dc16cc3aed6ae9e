"""``POST|PUT /ingest/{channel}/{file}.mpd`` or ``.m3u8``: what an encoder says is coming."""

from __future__ import annotations

import zlib
from typing import Final

from sorgente.broker import Broker
from sorgente.dash.posted import read_manifest
from sorgente.errors import BadRequest, BodyTooLarge
from sorgente.hls.posted import read_playlist
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.ingest import MOST_DISCARDED
from sorgente.http.ingest_path import ManifestPath
from sorgente.http.request import Request
from sorgente.media.addresses import Posted

MAX_MANIFEST: Final = 1 << 20
"""Bytes. An encoder's manifest has some KiB; with every segment listed for hours, some hundred."""

_GZIP: Final = 16 + zlib.MAX_WBITS
"""``wbits``: a gzip header, and nothing else."""


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
        body, posted = bytes(self._body), Posted()
        if body and self.request.is_gzip:
            body = _unpacked(body)
        if body:
            posted = self._read(body)
            self._broker.announce(self._at.channel, self._at.file, body, posted, self.line.now)
        told = f"{len(posted.tracks)} tracks are expected\n"
        self.line.reply(200, told.encode(), [wire.TEXT, wire.NO_STORE])

    def _read(self, manifest: bytes) -> Posted:
        return (read_playlist if self._at.is_playlist else read_manifest)(manifest)


def _unpacked(packed: bytes) -> bytes:
    """What gzip (RFC 1952) has packed. A bomb goes off as far as MAX_MANIFEST.

    Raises:
        BadRequest: it is no gzip, not all of it, or more than that.
        BodyTooLarge: it would be too much.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        manifest = unpacker.decompress(packed, MAX_MANIFEST + 1)
    except zlib.error as error:
        raise BadRequest(f"the manifest is not gzip: {error}") from None
    if len(manifest) > MAX_MANIFEST:
        raise _too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise BadRequest("the manifest is not one whole gzip member")
    return manifest


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"a manifest may have {MAX_MANIFEST} bytes")
