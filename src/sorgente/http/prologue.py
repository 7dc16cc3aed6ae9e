"""A manifest that is asked for before there is anything to say: it begins, and is finished later.

Players who are there before the encoder give up soon: dash.js after four refusals, Shaka after two
(measured). A response that goes on is not given up. Between an XML declaration and the root element
there may be white space, as much as one likes (XML 1.0 §2.8).
"""

from __future__ import annotations

import zlib
from typing import Final

from sorgente.http import wire
from sorgente.http.document import accepts_gzip
from sorgente.http.exchange import Line
from sorgente.http.request import Request
from sorgente.media.chunk import LAST_FRAME, frame

DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
EVERY_SECONDS: Final = 2.0
"""Shaka gives a request up after 5 s without progress (``stallTimeout``)."""
SPACE: Final = b"\n" * (16 << 10)
"""Less is no progress to Shaka. Compressed, it is 40 bytes."""
PATIENCE_SECONDS: Final = 300.0
"""Then the response breaks off, and who is still there asks again."""

_GZIP_WITH_512_BYTES: Final = 16 + 9
"""``wbits``: a window that costs a waiting player 8 KB and not 256."""


class Prologue:
    """The response to one request."""

    def __init__(self, line: Line, request: Request) -> None:
        self._line = line
        self._chunked = request.version == "1.1"
        codings = request.header(b"accept-encoding")
        self._packer = None
        if codings is not None and accepts_gzip(codings):
            self._packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP_WITH_512_BYTES, 1)

    def begin(self) -> None:
        """Send the head and the declaration."""
        headers = [(b"Content-Type", b"application/dash+xml"), wire.NO_STORE]
        if self._packer is not None:
            headers.append((b"Content-Encoding", b"gzip"))
        if self._chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        else:
            self._line.close_after = True
        self._line.write(self._line.head(200, headers))
        self._send(DECLARATION)

    def go_on(self) -> None:
        """Show that it is not forgotten."""
        self._send(SPACE)

    def end(self, manifest: bytes) -> None:
        """Send the rest of it; the exchange is over."""
        self._send(manifest.partition(b"?>")[2], last=True)
        if self._chunked:
            self._line.write(LAST_FRAME)
        self._line.finish()

    def _send(self, text: bytes, *, last: bool = False) -> None:
        if self._packer is not None:
            flush = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
            text = self._packer.compress(text) + self._packer.flush(flush)
        self._line.write(frame(text) if self._chunked else text)
