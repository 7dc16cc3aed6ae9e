"""Encoders of DASH-IF ingest, interface 1, byte by byte as they speak HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.origin import Headers, Response, Site, Wire, frame, request_head


class Source:
    """One persistent connection of an encoder: a request for every object, in turn."""

    def __init__(self, wire: Wire, headers: Headers = (), method: str = "PUT") -> None:
        self.wire = wire
        self._headers = list(headers)
        self._method = method

    @classmethod
    async def open(cls, site: Site, headers: Headers = (), method: str = "PUT") -> Source:
        return cls(await site.connect(), headers, method)

    async def put(self, path: str, body: bytes = b"", headers: Headers = ()) -> Response:
        """One object of a known length."""
        await self.wire.send(self.message(path, body, headers))
        return await self.answer()

    async def put_chunked(self, path: str, *pieces: bytes) -> Response:
        """One object, each piece in a frame of its own."""
        await self.begin(path)
        for piece in pieces:
            await self.wire.send(frame(piece))
        await self.wire.send(b"0\r\n\r\n")
        return await self.answer()

    async def put_expecting(self, path: str, body: bytes) -> Response:
        """One object, sent when the origin says 100, as curl does."""
        fields = [*self._headers, ("Content-Length", str(len(body))), ("Expect", "100-continue")]
        await self.wire.send(request_head(self._method, path, fields))
        assert (await self.wire.receive()).startswith(b"HTTP/1.1 100 ")
        await self.wire.send(body)
        return await self.answer()

    async def pipeline(self, path: str, bodies: Sequence[bytes]) -> list[Response]:
        """All at once, without waiting for an answer."""
        await self.wire.send(b"".join(self.message(path, body) for body in bodies))
        return [await self.answer() for _ in bodies]

    async def begin(self, path: str) -> None:
        fields = [*self._headers, ("Transfer-Encoding", "chunked")]
        await self.wire.send(request_head(self._method, path, fields))

    async def answer(self) -> Response:
        return await self.wire.response(self._method)

    def message(self, path: str, body: bytes, headers: Headers = ()) -> bytes:
        fields = [*self._headers, *headers, ("Content-Length", str(len(body)))]
        return request_head(self._method, path, fields) + body


MEDIALIVE: Headers = [("User-Agent", "AWS Elemental MediaLive"), ("Connection", "keep-alive")]

LIVESIM2: Headers = [
    ("User-Agent", "livesim2"),
    ("DASH-IF-Ingest", "1.1"),
    ("Content-Type", "video/mp4"),
    ("Accept-Encoding", "gzip"),
]

FMP4INGEST: Headers = [
    ("User-Agent", "fmp4ingest"),
    ("Accept", "*/*"),
    ("Content-Type", "application/x-www-form-urlencoded"),
]
