"""``POST|PUT|DELETE /ingest/{channel}/{file}``: an object of a track, under the encoder's name.

An encoder of DASH or HLS opens a request long before it has bytes for it, and may put a segment on
one connection before its init segment is here on another. So nothing is claimed before it is known
whose the object is, by its first bytes and its name.
"""

from __future__ import annotations

from typing import Final

from sorgente.broker import Broker
from sorgente.errors import MissingInit, NotFound, OriginError, PublisherConflict, RequestTimeout
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.ingest import MOST_DISCARDED, IngestExchange, IngestRules
from sorgente.http.ingest_path import IngestPath, ObjectPath, TrackPath
from sorgente.http.request import Request
from sorgente.media.publisher import Form

MAX_UNPLACED: Final = 64 << 10
"""Bytes of a segment that are kept while its init segment is on its way: as much as one read. Two
connections of an encoder are milliseconds apart."""

BOX_TYPE_ENDS: Final = 8
"""Bytes: of size and type of the first box, which tell what an object is."""

INIT_TYPES: Final = frozenset((b"ftyp", b"moov"))
SEGMENT_TYPES: Final = frozenset(
    b"styp sidx ssix prft emsg moof mdat mfra free skip uuid".split()
)  # fmt: skip


class ObjectExchange(IngestExchange):
    """An upload that becomes one of a track when its first bytes are here."""

    __slots__ = ("_at", "_unplaced")

    def __init__(
        self,
        line: Line,
        request: Request,
        broker: Broker,
        at: ObjectPath,
        rules: IngestRules,
    ) -> None:
        path = TrackPath(at.channel, at.track, Form.ANY)
        super().__init__(line, request, broker, path, rules)
        self._at = at
        self._unplaced = b""

    def start(self) -> None:
        """Let the body come."""
        if self.request.expects_continue:
            self.line.write(wire.CONTINUE)
        self._heard_at = self.line.now
        self.line.set_deadline(self._rules.silence_seconds)

    def body(self, data: bytes) -> None:
        """Relay, once it is known where to."""
        if self._publisher is None and self._refusal is None:
            self._heard_at = self.line.now
            self._unplaced += data
            try:
                if not self._place(over=False):
                    return
            except OriginError as error:
                self._refuse(error)
            data, self._unplaced = self._unplaced, b""
        super().body(data)

    def complete(self) -> None:
        """Tell the encoder what arrived."""
        if self._publisher is None and self._refusal is None:
            if not self._unplaced:
                self.line.reply(200, b"0 bytes\n", [wire.TEXT, wire.NO_STORE])
                return  # it only asks whether this is the place
            self._place(over=True)
            data, self._unplaced = self._unplaced, b""
            super().body(data)
        super().complete()

    def expired(self) -> None:
        """Nothing came for too long."""
        if self._publisher is None and self._refusal is None:
            seconds = self._rules.silence_seconds
            raise RequestTimeout(f"{len(self._unplaced)} bytes came in {seconds:g} s")
        super().expired()

    def _place(self, *, over: bool) -> bool:
        """Whether it is known whose it is; then it is claimed. ``over``: no more bytes come.

        Raises:
            MissingInit: nobody's.
            PublisherConflict, ChannelConflict, Overloaded, …
        """
        if len(self._unplaced) < BOX_TYPE_ENDS and not over:
            return False
        channel, file = self._at.channel, self._at.file
        first = self._unplaced[4:BOX_TYPE_ENDS]
        if first in INIT_TYPES:
            track = self._broker.track_of_init(channel, file)
            # As one address for all that a track has, or one for each object.
            form = Form.CMAF if track == self._at.track else Form.FILE
            listed = file if form is Form.FILE else ""
            self._path = TrackPath(channel, track, form, file=listed)
            self._publisher = self._claim()
            self._broker.note_init(channel, file, track)
            return True
        if first in SEGMENT_TYPES:
            last = over or len(self._unplaced) >= MAX_UNPLACED
            found = self._broker.track_of_media(channel, file, self._at.track, guess=last)
            if found is None and not last:
                return False
            if found is None:
                raise MissingInit(f"{channel}/{file}")
            listed = file if found != self._at.track else ""
            self._path = TrackPath(channel, found, Form.FILE, file=listed)
        self._publisher = self._claim()
        return True

    def _refuse(self, error: OriginError) -> None:
        """Keep ``error`` until the body is over: ffmpeg ends when its connection is closed."""
        endless = self.request.content_length is None and isinstance(error, PublisherConflict)
        if endless or (self.request.content_length or 0) > MOST_DISCARDED:
            raise error
        self._refusal = error


class RefusedExchange(Exchange):
    """An object that has no place here, from its head to its answer: the connection goes on."""

    __slots__ = ("_discarded", "_error", "_silence_seconds")

    def __init__(
        self, line: Line, request: Request, error: OriginError, silence_seconds: float
    ) -> None:
        super().__init__(line, request)
        self._error = error.with_traceback(None)  # its frames hold what holds it
        self._silence_seconds = silence_seconds
        self._discarded = 0

    def start(self) -> None:
        """Let the body come, unless it waits to be asked for, or is a flood."""
        if self.request.expects_continue or (self.request.content_length or 0) > MOST_DISCARDED:
            raise self._error
        self.line.set_deadline(self._silence_seconds)

    def body(self, data: bytes) -> None:
        """Drop it."""
        self._discarded += len(data)
        if self._discarded > MOST_DISCARDED:
            raise self._error

    def complete(self) -> None:
        """Answer."""
        raise self._error


class RemovalExchange(Exchange):
    """An encoder takes one of its objects back, from where its own manifest is played. Players of
    ours are promised a window, so what became of it stays there for as long as that is."""

    __slots__ = ("_at", "_broker")

    def __init__(self, line: Line, request: Request, broker: Broker, at: IngestPath) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._at = at

    def complete(self) -> None:
        """Answer.

        Raises:
            NotFound: nothing of that name was put here.
        """
        at = self._at
        track = at.track if isinstance(at, TrackPath) else ""
        file = at.file
        if not self._broker.has_object(at.channel, track, file):
            raise NotFound(f"{at.channel} has no {file or track}")
        self._broker.remove(at.channel, file)
        self.line.reply(200, b"removed\n", [wire.TEXT, wire.NO_STORE])
