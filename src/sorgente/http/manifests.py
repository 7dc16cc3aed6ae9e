"""``GET /live/{channel}/manifest.mpd``: rendered, and compressed, once per revision."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from sorgente.broker import Broker
from sorgente.dash.manifest import render
from sorgente.errors import NotFound
from sorgente.http.exchange import Exchange, Line
from sorgente.http.request import Request
from sorgente.media.presentation import Presentation

MAX_AGE: Final = b"public, max-age=1"
"""Half of a player's wait between two looks would do too; caches count whole seconds."""

WAIT_SECONDS: Final = 4.0
"""A player that is open before the first chunk waits as long as one that is early for a segment."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A manifest as it goes out."""

    revision: int
    plain: bytes
    packed: bytes
    etag: bytes


class Manifests:
    """The newest manifest of every presentation."""

    def __init__(self) -> None:
        self._rendered: WeakKeyDictionary[Presentation, Rendered] = WeakKeyDictionary()

    def of(self, presentation: Presentation) -> Rendered | None:
        """The manifest now; None while there is nothing to announce."""
        kept = self._rendered.get(presentation)
        if kept is not None and kept.revision == presentation.revision:
            return kept
        snapshot = presentation.snapshot()
        if snapshot is None:
            return None
        plain = render(snapshot)
        etag = b'"%s-%d"' % (snapshot.periods[0].id.encode(), snapshot.revision)
        made = Rendered(presentation.revision, plain, gzip.compress(plain, mtime=0), etag)
        self._rendered[presentation] = made
        return made


class ManifestExchange(Exchange):
    """A request for a manifest."""

    __slots__ = ("_awaited", "_broker", "_channel", "_manifests")

    def __init__(
        self, line: Line, request: Request, broker: Broker, channel: str, manifests: Manifests
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._channel = channel
        self._manifests = manifests
        self._awaited: Presentation | None = None

    def complete(self) -> None:
        """Send it, or wait for it.

        Raises:
            NotFound: the channel is not there, and this is not a request that waits.
            Overloaded: too many wait already.
        """
        channel = self._broker.get(self._channel)
        rendered = None if channel is None else self._manifests.of(channel.presentation)
        if rendered is not None:
            self._send(rendered)
        elif self.request.method == "HEAD":
            raise NotFound(f"{self._channel} has nothing to announce yet")
        else:
            self._awaited = self._broker.await_first(self._channel, self, self._announced)
            self.line.set_deadline(WAIT_SECONDS)

    def lost(self, why: str) -> None:
        """The player is gone."""
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            self._broker.await_no_longer(self._channel, self)

    def expired(self) -> None:
        """It did not come in time.

        Raises:
            NotFound
        """
        if self._awaited is None:
            super().expired()
        self.lost("expired")
        raise NotFound(f"{self._channel} has nothing to announce yet")

    def _announced(self) -> None:
        presentation, self._awaited = self._awaited, None
        rendered = None if presentation is None else self._manifests.of(presentation)
        if rendered is None:
            self.line.fail(NotFound(f"{self._channel} has nothing to announce"))
        else:
            self._send(rendered)

    def _send(self, rendered: Rendered) -> None:
        headers = [
            (b"Content-Type", b"application/dash+xml"),
            (b"Cache-Control", MAX_AGE),
            (b"ETag", rendered.etag),
            (b"Vary", b"Accept-Encoding"),
        ]
        if self.request.header(b"if-none-match") == rendered.etag:
            self.line.reply(304, b"", headers)
        elif b"gzip" in (self.request.header(b"accept-encoding") or b""):
            self.line.reply(200, rendered.packed, [*headers, (b"Content-Encoding", b"gzip")])
        else:
            self.line.reply(200, rendered.plain, headers)
