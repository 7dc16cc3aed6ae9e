"""``GET /live/{channel}/manifest.mpd`` and ``…/manifest.mpp``: rendered, and compressed, once per
revision.

A patch leads from an MPD that a player has, named by its ``publishTime``, to the newest; so what
was published is kept for as long as players may ask.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from sorgente.broker import Broker
from sorgente.dash import manifest, patch
from sorgente.dash.values import date_time
from sorgente.errors import NotFound
from sorgente.http import cmsd, wire
from sorgente.http.document import Document
from sorgente.http.exchange import Exchange, Line
from sorgente.http.prologue import EVERY_SECONDS, PATIENCE_SECONDS, Prologue
from sorgente.http.request import Request
from sorgente.media.presentation import Presentation
from sorgente.media.snapshot import PresentationSnapshot

MAX_AGE: Final[wire.Header] = (b"Cache-Control", b"public, no-cache")
"""A second of age would be the whole wait between two looks of a player. Caches may keep it, and
ask with its tag whether it is still true."""

WAIT_SECONDS: Final = 4.0
"""A player that is open before the first chunk waits as long as one that is early for a segment;
then it is given the beginning of a manifest."""

NEWS_SECONDS: Final = 8.0
"""While an encoder is away, who has the newest manifest waits so long for the next: less than the
10 s after which careful clients give a request up (dash.js: 10 s for manifests, Shaka: 30 s)."""

PUBLISHED_KEPT: Final = 128
"""MPDs that patches may lead from, of a channel: those of half a minute, four a second."""

DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
"""As we write ``publishTime``."""


@dataclass(slots=True)
class Published:
    """The manifests of one presentation."""

    newest: PresentationSnapshot
    revision: int
    document: Document
    earlier: deque[tuple[float, PresentationSnapshot]]
    """With the second at which each, the newest among them, was rendered; oldest first."""
    patches: dict[str, Document] = field(default_factory=dict)
    """To the newest, by the ``publishTime`` of what they lead from."""
    standstill: Document | None = None
    """From the newest to itself, for those from whose MPD no patch leads on."""

    @property
    def published_at(self) -> str:
        """The ``publishTime`` of the newest."""
        return date_time(self.newest.changed_at)

    def patch_from(self, since: str) -> Document:
        """The way from the MPD published at ``since`` to the newest."""
        known = self.patches.get(since)
        if known is not None:
            return known
        of_then = [each for _, each in self.earlier if date_time(each.changed_at) == since]
        if len(of_then) != 1:  # a time that two share names neither
            return self._leads_nowhere()
        text = patch.render_patch(of_then[0], self.newest)
        made = self._leads_nowhere() if text is None else self._patch(text)
        self.patches[since] = made
        return made

    def _leads_nowhere(self) -> Document:
        if self.standstill is None:
            self.standstill = self._patch(patch.render_standstill(self.newest))
        return self.standstill

    def _patch(self, text: bytes) -> Document:
        return _document(self.newest, text, patch.CONTENT_TYPE)


class Manifests:
    """What was published of every presentation."""

    def __init__(self) -> None:
        self._published: WeakKeyDictionary[Presentation, Published] = WeakKeyDictionary()

    def of(self, presentation: Presentation, now: float) -> Published | None:
        """What is published now; None while there is nothing to announce."""
        kept = self._published.get(presentation)
        if kept is not None and kept.revision == presentation.revision:
            return kept
        snapshot = presentation.snapshot()
        if snapshot is None:
            return None
        earlier = deque(() if kept is None else kept.earlier, PUBLISHED_KEPT)
        while earlier and earlier[0][0] < now - manifest.PATCH_TIME_TO_LIVE:
            earlier.popleft()
        if patch.offers_patch(snapshot):
            earlier.append((now, snapshot))
        text = manifest.render(snapshot)
        document = _document(snapshot, text, manifest.CONTENT_TYPE)
        made = Published(snapshot, presentation.revision, document, earlier)
        self._published[presentation] = made
        return made


def _document(snapshot: PresentationSnapshot, text: bytes, content_type: str) -> Document:
    headers = [(b"Content-Type", content_type.encode()), MAX_AGE]
    tag = f"{snapshot.periods[0].id}-{snapshot.revision}"
    return Document.of(text, tag, headers, cmsd.static("m", live=not snapshot.ended))


class ManifestExchange(Exchange):
    """A request for a manifest."""

    __slots__ = ("_awaited", "_broker", "_channel", "_manifests", "_prologue", "_since")

    def __init__(
        self, line: Line, request: Request, broker: Broker, channel: str, manifests: Manifests
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._channel = channel
        self._manifests = manifests
        self._awaited: Presentation | None = None
        self._prologue: Prologue | None = None
        self._since = 0.0

    def complete(self) -> None:
        """Send it, or wait for it.

        Raises:
            NotFound: the channel is not there, and this is not a request that waits.
            Overloaded: too many wait already.
        """
        channel = self._broker.get(self._channel)
        presentation = None if channel is None else channel.presentation
        published = self._published(presentation)
        if published is None:
            if self.request.method == "HEAD":
                raise NotFound(f"{self._channel} has nothing to announce yet")
            self._wait(WAIT_SECONDS)
        elif presentation is not None and self._is_news(presentation, published):
            published.document.send(self.line, self.request)
        else:
            self._wait(NEWS_SECONDS)

    def lost(self, why: str) -> None:
        """The player is gone."""
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            self._broker.await_no_longer(self._channel, self)

    def expired(self) -> None:
        """It did not come in time: there is an old one, or it had better begin."""
        if self._awaited is None:
            super().expired()
        published = self._published(self._awaited)
        if published is not None:
            self.lost("expired")
            self._send_late(published)
        elif self.line.now - self._since >= PATIENCE_SECONDS:
            self.lost("expired")
            self.line.abort()
        else:
            self._say_something()
            self.line.set_deadline(EVERY_SECONDS)

    def _say_something(self) -> None:
        if self._prologue is None:
            self._prologue = Prologue(self.line, self.request)
            self._prologue.begin()
        elif self.line.writable:
            self._prologue.go_on()

    def _announced(self) -> None:
        presentation, self._awaited = self._awaited, None
        published = self._published(presentation)
        if published is not None:
            self._send_late(published)
        elif self._prologue is not None:
            self.line.abort()
        else:
            self.line.fail(NotFound(f"{self._channel} has nothing to announce"))

    def _published(self, presentation: Presentation | None) -> Published | None:
        return None if presentation is None else self._manifests.of(presentation, self.line.now)

    def _is_news(self, presentation: Presentation, published: Published) -> bool:
        """Whether to answer at once: dash.js asks once a second at most, so who would be told that
        nothing has changed, while something is about to, had better wait for it."""
        if not presentation.changes_soon or self.request.method != "GET":
            return True
        return not published.document.is_known_to(self.request)

    def _wait(self, seconds: float) -> None:
        self._awaited = self._broker.await_announcement(self._channel, self, self._announced)
        self._since = self.line.now
        self.line.set_deadline(seconds)

    def _send_late(self, published: Published) -> None:
        if self._prologue is not None:
            self._prologue.end(published.document.plain.body)
            return
        waited = cmsd.dynamic(self.line.now - self._since)
        published.document.send(self.line, self.request, waited)


class PatchExchange(Exchange):
    """A request for the way from one MPD to the newest: ``?publishTime=`` says which one.

    Who has the newest waits for the next, as players at the live edge would learn of a segment too
    late by asking once a second. It looks for it itself, with every tick: a quarter of a second is
    early enough, and those who wait all at once are not answered before the media go out.
    """

    __slots__ = ("_asked_at", "_broker", "_channel", "_manifests", "_waits")

    def __init__(
        self, line: Line, request: Request, broker: Broker, channel: str, manifests: Manifests
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._channel = channel
        self._manifests = manifests
        self._asked_at = 0.0
        self._waits = False

    def complete(self) -> None:
        """Send it, or wait for it.

        Raises:
            NotFound: there is no such channel, or this is not a request that an MPD led to.
        """
        self._asked_at = self.line.now
        self._look()

    def expired(self) -> None:
        """Look again. Raises like ``complete``."""
        if not self._waits:
            super().expired()
        self._look()

    def _look(self) -> None:
        since = self.request.query("publishTime") or ""
        if DATE_TIME.fullmatch(since) is None:
            raise NotFound("a patch is of the MPD named by ?publishTime=2026-11-22T12:00:00.250Z")
        channel, now = self._broker.get(self._channel), self.line.now
        published = None if channel is None else self._manifests.of(channel.presentation, now)
        if published is None:
            raise NotFound(f"{self._channel} has nothing to announce")
        waited = now - self._asked_at
        in_time = waited < WAIT_SECONDS and self.request.method != "HEAD"
        if in_time and published.published_at == since:
            self._waits = True
            self.line.set_deadline(0)
        else:
            published.patch_from(since).send(self.line, self.request, cmsd.dynamic(waited))
