"""``GET /own/{channel}/…``: what an encoder of DASH or HLS has put, under the encoder's own names.

    /own/{channel}/{file}.mpd               its manifest, fit for players (:mod:`sorgente.dash.own`)
    /own/{channel}/{file}.m3u8              its playlist, the same (:mod:`sorgente.hls.own`)
    /own/{channel}/e{edition}/{file}        an object, for ever: as the manifest names it
    /own/{channel}/{file}                   the newest object of that name: as the encoder does

A path of its own, as the encoder's names may be ours: ``manifest.mpd``, ``video/17.m4s``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from weakref import WeakKeyDictionary

from sorgente.broker import Broker
from sorgente.dash import manifest, own
from sorgente.errors import Gone, NotFound, Overloaded
from sorgente.hls import own as hls
from sorgente.http import cmsd, wire
from sorgente.http.document import Document
from sorgente.http.exchange import Exchange, Line
from sorgente.http.following import DeliveryRules, FollowingExchange
from sorgente.http.manifests import MAX_AGE, WAIT_SECONDS
from sorgente.http.request import Request, name
from sorgente.http.whole import etag, media_lines
from sorgente.media.channel import Channel
from sorgente.media.presentation import Presentation
from sorgente.media.segment import Segment
from sorgente.media.shelf import Edition, Shelf
from sorgente.media.timeline import whole_ms
from sorgente.media.track import Absence

EDITION: Final = re.compile(rb"e([0-9]{9,12})", re.ASCII)
MANIFEST_TYPES: Final = {
    "mpd": manifest.CONTENT_TYPE,
    "m3u8": "application/vnd.apple.mpegurl",
}

MAX_NORMALIZED: Final = 256 << 10
"""Bytes of a manifest: more takes too long for those who wait for media meanwhile (60 ms)."""

MAX_LINES_NORMALIZED: Final = 20_000
"""Of a manifest, for the same reason: short lines take as long as others."""

SAME_START: Final = 30
"""Seconds that the encoder's own start may be from when its first object came, to be that moment:
then our clock counts, which players follow. Further away, it is another kind of start: 1970."""


@dataclass(frozen=True, slots=True)
class OwnPath:
    """What an encoder has put."""

    channel: str
    file: str
    """With its folder, if any."""
    edition: int | None = None

    @property
    def manifest_type(self) -> str | None:
        """MIME type, if it is a manifest."""
        return MANIFEST_TYPES.get(self.file.rpartition(".")[2].lower())


def own_path(rest: Sequence[bytes]) -> OwnPath:
    """What a path means, given as its segments behind ``/own``, percent-decoded.

    Raises:
        NotFound, BadRequest: nothing; it is no name.
    """
    match rest:
        case [channel, first, *files] if files and (edition := EDITION.fullmatch(first)):
            number: int | None = int(edition[1])
        case [channel, *files]:
            number = None
        case _:
            files = []
    if not 1 <= len(files) <= 2:
        raise NotFound("there is nothing at this path")
    path = "/".join(name(file, "file") for file in files)
    return OwnPath(name(channel, "channel"), path, number)


class OwnManifests:
    """Manifests of encoders, rendered once for all who ask."""

    def __init__(self, *, normalize: bool = True) -> None:
        self._normalize = normalize
        self._rendered: WeakKeyDictionary[Shelf, dict[str, tuple[object, Document]]]
        self._rendered = WeakKeyDictionary()

    def of(self, broker: Broker, at: OwnPath, now: float) -> Document | None:
        """The newest; None if there is none.

        Raises:
            NotFound: it is too large to be of use.
        """
        channel = broker.get(at.channel)
        editions = [] if channel is None else channel.shelf.manifest(at.file)
        if channel is None or not editions:
            return None
        shelf, presentation = channel.shelf, channel.presentation
        state = shelf.revision, presentation.revision, presentation.ended
        known = self._rendered.setdefault(shelf, {})
        kept = known.get(at.file)
        if kept is not None and kept[0] == state:
            return kept[1]
        text = self._text(at, editions, presentation, Fraction(broker.utc.at(now)))
        if text is None:
            return None
        headers = [(b"Content-Type", (at.manifest_type or "").encode()), MAX_AGE]
        tag = f"own-{editions[0].id}-{shelf.revision}-{presentation.revision}"
        made = Document.of(text, tag, headers, cmsd.static("m", live=not presentation.ended))
        known[at.file] = state, made
        for other in set(known) - {file for each in shelf.editions for file in each.manifests}:
            del known[other]
        return made

    def _text(
        self, at: OwnPath, editions: list[Edition], presentation: Presentation, utc: Fraction
    ) -> bytes | None:
        newest = editions[-1]
        as_put = newest.manifests[at.file]
        if not self._normalize:
            return newest.lasts.get(at.file, as_put)
        lines = as_put.count(b"\n")
        if len(as_put) > MAX_NORMALIZED or lines > MAX_LINES_NORMALIZED:
            raise NotFound(
                f"the encoder's manifest has {len(as_put)} bytes in {lines} lines, and may have "
                f"{MAX_NORMALIZED} in {MAX_LINES_NORMALIZED}: it had better list a window "
                "(ffmpeg: -window_size, -hls_list_size)"
            )
        if at.manifest_type != manifest.CONTENT_TYPE:
            return _playlist(at, editions, ended=presentation.ended) or as_put
        snapshot = presentation.snapshot()
        if snapshot is None:
            return None  # nobody knows yet how late players are to be
        terms = own.Terms(
            at.channel,
            snapshot.window,
            snapshot.latency_target,
            utc,
            snapshot.ended,
            snapshot.farewell,
        )
        made = own.render([_put(each, at.file) for each in editions], terms)
        return made or (newest.lasts.get(at.file, as_put) if terms.ended else as_put)


def _put(edition: Edition, file: str) -> own.Put:
    return own.Put(
        edition.id,
        edition.manifests[file],
        _start(edition),
        frozenset(edition.objects),
        edition.lasts.get(file),
    )


def _playlist(at: OwnPath, editions: list[Edition], *, ended: bool) -> bytes | None:
    puts = [
        hls.Put(each.id, each.manifests[at.file], each.objects, each.bases.get(at.file, (0, 0)))
        for each in editions
    ]
    return hls.render(at.file, puts, ended=ended)


def _start(edition: Edition) -> Fraction:
    said = edition.starts_at
    began = said is None or abs(said - edition.began) < SAME_START
    return whole_ms(edition.began if began else said or edition.began)


class OwnManifestExchange(Exchange):
    """A request for the encoder's own manifest."""

    __slots__ = ("_at", "_awaits", "_broker", "_manifests")

    def __init__(
        self, line: Line, request: Request, broker: Broker, at: OwnPath, manifests: OwnManifests
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._at = at
        self._manifests = manifests
        self._awaits = False

    def complete(self) -> None:
        """Send it, or wait for it.

        Raises:
            NotFound: it is not there, and this is not a request that waits.
            Overloaded: too many wait already.
        """
        document = self._manifests.of(self._broker, self._at, self.line.now)
        if document is not None:
            document.send(self.line, self.request)
        elif self.request.method == "HEAD":
            raise self._not_found
        else:
            self._broker.await_announcement(self._at.channel, self, self._announced)
            self._awaits = True
            self.line.set_deadline(WAIT_SECONDS)

    def lost(self, why: str) -> None:
        """The player is gone."""
        if self._awaits:
            self._awaits = False
            self._broker.await_no_longer(self._at.channel, self)

    def expired(self) -> None:
        """It did not come in time. Raises NotFound."""
        if not self._awaits:
            super().expired()
        self.lost("expired")
        raise self._not_found

    def _announced(self) -> None:
        self._awaits = False
        document = self._manifests.of(self._broker, self._at, self.line.now)
        if document is None:
            self.line.fail(self._not_found)
        else:
            document.send(self.line, self.request)

    @property
    def _not_found(self) -> NotFound:
        return NotFound(f"the encoder of {self._at.channel} has put no {self._at.file}")


class OwnObjectExchange(FollowingExchange):
    """A request for an object: sent, followed or held like a segment of ours, but by its name."""

    __slots__ = ("_at", "_channel", "_presentation", "_shelf")

    def __init__(
        self, line: Line, request: Request, channel: Channel, at: OwnPath, rules: DeliveryRules
    ) -> None:
        super().__init__(line, request, rules)
        self._presentation = channel.presentation
        self._channel = channel
        self._shelf = channel.shelf
        self._at = at

    def complete(self) -> None:
        """Send it, follow it, or wait for it.

        Raises:
            NotFound, Gone: it is not there, and will not be.
            Overloaded: too many wait already.
        """
        match self._shelf.find(self._at.edition, self._at.file):
            case Segment() as found:
                self._serve(found)
            case Absence.NEXT if self._is_expected:
                self._wait()
            case Absence.GONE:
                raise Gone(f"{self._at.file} was removed, or has left the window")
            case _:
                raise NotFound(f"there is no {self._at.file}")

    @property
    def _is_expected(self) -> bool:
        """Its name is like those of a track that is there."""
        folder, _, file = self._at.file.rpartition("/")
        known = self._channel.find(folder) if folder else self._channel.addresses.of_media(file)
        return known is not None and self.request.method != "HEAD"

    def lost(self, why: str) -> None:
        """The player is gone."""
        segment, subscriber = self._segment, self._subscriber
        self._let_go()
        if segment is not None and subscriber is not None:
            segment.leave(subscriber)
        elif self._at.edition is not None:
            self._shelf.let_go(self._at.edition, self._at.file, self)

    @property
    def _kept(self) -> Segment | None:
        return self._segment

    def _wait(self) -> None:
        if self._shelf.held + self._presentation.held >= self._rules.held:
            raise Overloaded(f"{self._rules.held} requests wait for segments already")
        assert self._at.edition is not None, "only what has one is still to come"
        self._subscribe()
        self._shelf.hold(self._at.edition, self._at.file, self, self._follow)
        self._since = self.line.now
        self.line.set_deadline(self._rules.hold_seconds)

    def _follow(self, segment: Segment) -> None:
        self._segment = segment
        super()._follow(segment)

    def _refuse(self) -> None:
        self._let_go()
        self.line.fail(NotFound(f"{self._at.file} did not come"))

    def _send_complete(self, segment: Segment) -> None:
        if self._not_modified(segment):
            return
        start = self._start(segment, 200, wire.length_line(segment.bytes))
        if self.request.method == "HEAD":
            self.line.answer(start)
        else:
            self.line.answer(start, segment.whole(), segment.bytes)

    def _label(self, segment: Segment) -> bytes:
        lines = media_lines(segment.content_type, self._rules.max_age)
        if self._at.edition is None:
            # Under this name, it is not for ever what it is.
            lines = wire.lines([(b"Content-Type", segment.content_type.encode()), MAX_AGE])
        tag = b"ETag: %b\r\n" % etag(segment) if segment.complete else b""
        available_at = self.line.wall - (self.line.now - segment.began_at)
        static = cmsd.static("o", available_at=round(available_at * 1000))
        return b"%b%b%b" % (lines, tag, static)
