"""``GET /live/{channel}/manifest.mpd``: rendered, and compressed, once per revision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from weakref import WeakKeyDictionary

from sorgente.broker import Broker
from sorgente.dash import listing, manifest
from sorgente.errors import NotFound
from sorgente.http import cmsd, wire
from sorgente.http.document import Document
from sorgente.http.exchange import Exchange, Line
from sorgente.http.prologue import EVERY_SECONDS, PATIENCE_SECONDS, Prologue
from sorgente.http.request import Request
from sorgente.media.presentation import Presentation
from sorgente.media.snapshot import PresentationSnapshot

CONTENT_TYPE: Final[wire.Header] = (b"Content-Type", manifest.CONTENT_TYPE.encode())

MAX_AGE: Final[wire.Header] = (b"Cache-Control", b"public, no-cache")
"""A second of age would be the whole wait between two looks of a player. Caches may keep it, and
ask with its tag whether it is still true."""

WAIT_SECONDS: Final = 4.0
"""A player that is open before the first chunk waits as long as one that is early for a segment;
then it is given the beginning of a manifest."""

NEWS_SECONDS: Final = 2.0
"""While an encoder is away, who has the newest manifest waits so long for the next. Shaka takes the
time that its last manifests took, on average, for the least between two of them
(``averageUpdateDuration_``): held for 8 s, it came back late from an absence of 20 s."""

FFMPEG: Final = (b"Lavf/", b"libmpv")
"""With what the ``User-Agent`` of who has ffmpeg's demuxer begins: its own, and mpv's. No cache is
told to tell it apart: one in front gives it the MPD of all others, as if this were not here."""


@dataclass(frozen=True, slots=True)
class Published:
    """The newest manifest of a presentation."""

    newest: PresentationSnapshot
    revision: int
    document: Document

    def due_in(self, utc: float) -> float:
        """Seconds from ``utc`` until the channel is as old as players are to be behind.

        Before that, the start dash.js aims for lies before the first picture. It takes the first
        then, finds ``currentTime`` there already, and does not seek: Chromium says the earliest
        seekable time, where ``setLiveSeekableRange`` put it, while its decoders still are at 0. So
        they stay, with all that is buffered elsewhere. Players that get along would begin with a
        buffer too small to last. The first picture is due now, and no earlier, for all of them.
        """
        if self.newest.ended:
            return 0.0
        return float(self.newest.periods[0].start + self.newest.latency_target) - utc


class Manifests:
    """What was published of every presentation."""

    def __init__(self) -> None:
        self._published: WeakKeyDictionary[Presentation, Published] = WeakKeyDictionary()

    def of(self, presentation: Presentation) -> Published | None:
        """What is published now; None while there is nothing to announce."""
        kept = self._published.get(presentation)
        if kept is not None and kept.revision == presentation.revision:
            return kept
        snapshot = presentation.snapshot()
        if snapshot is None:
            return None
        made = Published(snapshot, presentation.revision, _document(snapshot))
        self._published[presentation] = made
        return made


def _document(snapshot: PresentationSnapshot) -> Document:
    headers = [CONTENT_TYPE, MAX_AGE]
    tag = f"{snapshot.periods[0].id}-{snapshot.revision}"
    static = cmsd.static("m", live=not snapshot.ended)
    return Document.of(manifest.render(snapshot), tag, headers, static)


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
        elif (young := self._due_in(published)) > 0:
            self._wait(min(young, WAIT_SECONDS))
        elif presentation is not None and self._is_news(presentation, published):
            self._send(published)
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
        young = math.inf if published is None else self._due_in(published)
        if published is not None and young <= 0:
            self.lost("expired")
            self._send_late(published)
        elif self.line.now - self._since >= PATIENCE_SECONDS:
            self.lost("expired")
            self.line.abort()
        else:
            self._go_on_waiting(young)

    def _go_on_waiting(self, seconds: float) -> None:
        """For so long, or until it is time for a sign of life."""
        quiet = self._since + WAIT_SECONDS - self.line.now
        if quiet <= 0:
            self._say_something()
            quiet = EVERY_SECONDS
        self.line.set_deadline(min(seconds, quiet))

    def _say_something(self) -> None:
        if self._prologue is None:
            self._prologue = Prologue(self.line, self.request)
            self._prologue.begin()
        elif self.line.writable:
            self._prologue.go_on()

    def _announced(self) -> None:
        presentation, self._awaited = self._awaited, None
        published = self._published(presentation)
        if presentation is not None and published is not None:
            young = self._due_in(published)
            if young <= 0 or self._broker.closing:
                self._send_late(published)
            else:
                self._awaited = presentation
                presentation.await_announcement(self, self._announced)
                self._go_on_waiting(young)
        elif self._prologue is not None:
            self.line.abort()
        else:
            self.line.fail(NotFound(f"{self._channel} has nothing to announce"))

    def _due_in(self, published: Published) -> float:
        """Seconds until this player is to have it. ffmpeg starts wherever there is something."""
        if self._is_ffmpeg or self.request.method != "GET":
            return 0.0
        return published.due_in(self._utc)

    def _published(self, presentation: Presentation | None) -> Published | None:
        return None if presentation is None else self._manifests.of(presentation)

    def _is_news(self, presentation: Presentation, published: Published) -> bool:
        """Whether to answer at once: dash.js asks once a second at most, so who would be told that
        nothing has changed, while something is about to, had better wait for it."""
        if not presentation.changes_soon or self._is_ffmpeg or self.request.method != "GET":
            return True
        return not published.document.is_known_to(self.request)

    def _wait(self, seconds: float) -> None:
        self._awaited = self._broker.await_announcement(self._channel, self, self._announced)
        self._since = self.line.now
        self.line.set_deadline(seconds)

    def _send_late(self, published: Published) -> None:
        if self._prologue is not None:
            self._prologue.end(published.document.plain.body)
        else:
            self._send(published, cmsd.dynamic(self.line.now - self._since))

    def _send(self, published: Published, waited: bytes = cmsd.AT_ONCE) -> None:
        if self._is_ffmpeg:
            # It needs the segments listed, as of now.
            text = listing.render_listed(published.newest, Fraction(self._utc))
            self.line.reply(200, text, [CONTENT_TYPE, wire.NO_STORE])
        else:
            published.document.send(self.line, self.request, waited)

    @property
    def _utc(self) -> float:
        """Seconds since 1970, by the clock that periods start by."""
        return self._broker.utc.at(self.line.now)

    @property
    def _is_ffmpeg(self) -> bool:
        return (self.request.header(b"user-agent") or b"").startswith(FFMPEG)
