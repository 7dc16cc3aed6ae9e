"""The write handle: the bytes of one body become units of a session."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from sorgente.errors import MediaError, OriginError
from sorgente.isobmff.upload import Unit, UploadParser
from sorgente.media.relay import Relay
from sorgente.media.shelf import Copy

if TYPE_CHECKING:
    from sorgente.media.session import Session


class Outcome(Enum):
    """How a body ended, or all that is published on a path."""

    COMPLETE = "complete"
    """As HTTP says a body should: its players end cleanly too."""
    BROKEN = "broken"
    """The encoder may be back: players of fragmented MP4 wait for it."""
    REFUSED = "refused"
    """Its bytes were rubbish: its players are aborted."""


class Form(Enum):
    """What a path says of the bodies it takes."""

    ANY = "the content says what it is"
    CMAF = "fragmented MP4; the content says whether it is a stream or one object of many"
    OBJECT = "an init segment, or a segment"
    FILE = "the same, of an encoder of DASH or HLS: it sends nothing again, it begins again"

    @property
    def is_object(self) -> bool:
        """One of many, whatever it has in it."""
        return self in (Form.OBJECT, Form.FILE)


class Publisher:
    """One body. Whoever holds it calls ``feed`` … and then exactly one of the ends.

    ``who``       the encoder, for people: address and user agent.
    ``on_ended``  called when somebody else ends this body: taken over, or shut down.
    """

    def __init__(
        self, session: Session, form: Form, who: str, on_ended: Callable[[OriginError], None]
    ) -> None:
        self.who = who
        self.form = form
        self.bytes_in = 0
        self.chunks = 0
        """That were new."""
        self.brought_init = False
        self.brought_end = False
        """It says that it is the last one."""
        self.ticks = 0
        """Of media that were new, in an object."""
        self.ended = False
        self.copy: Copy | None = None
        """What the body is copied to besides, as it came."""
        self._session = session
        self._on_ended: Callable[[OriginError], None] | None = on_ended
        self._parser: UploadParser | None = None
        """Made with the first bytes: the init segment may come while this body is awaited."""

    @property
    def relay(self) -> Relay | None:
        """Where the chunks go; None until it is known what the bytes are."""
        return self._session.relay

    @property
    def bytes_pending(self) -> int:
        """Bytes received that are not yet a whole chunk."""
        return 0 if self._parser is None else self._parser.pending

    @property
    def content_type(self) -> str:
        """MIME type."""
        known = None if self._parser is None else self._parser.content_type
        return known or "application/octet-stream"

    @property
    def note(self) -> str | None:
        """What the operator of the encoder should know about its bytes."""
        return None if self._parser is None else self._parser.note

    @property
    def media_first(self) -> bool:
        """It began with media that nobody has an init segment for."""
        return self._parser is not None and self._parser.media_first

    def is_of(self, session: Session) -> bool:
        """Whether it is part of ``session``."""
        return self._session is session

    def feed(self, data: bytes, now: float) -> None:
        """Take bytes in.

        Raises:
            MediaError: they are not what they began as. The body has ended; whole chunks before
                the rubbish have been relayed. If it was all that is published here, all players
                were aborted, for good.
            PublisherConflict: it turned out to be a stream, or an object of a track that is one.
        """
        self.bytes_in += len(data)
        self._session.count(data)
        if self._parser is None:
            self._parser = self._session.parser()
        try:
            for unit in self._parser.feed(data):
                self._take(unit, now)
        except OriginError as error:
            self._leave(Outcome.REFUSED, str(error), now)
            raise

    def finish(self, now: float) -> None:
        """The body ended as HTTP says it should.

        Raises:
            MediaError: but inside a box: treated as broken off.
            PublisherConflict: see :meth:`feed`.
        """
        try:
            if self._parser is not None:
                for unit in self._parser.finish():
                    self._take(unit, now)
        except MediaError as error:
            self._leave(Outcome.BROKEN, str(error), now)
            raise
        except OriginError as error:
            self._leave(Outcome.REFUSED, str(error), now)
            raise
        self._leave(Outcome.COMPLETE, "upload complete", now)

    def break_off(self, why: str, now: float) -> None:
        """The connection was lost, or nothing came for too long."""
        self._leave(Outcome.BROKEN, why, now)

    def end(self, error: OriginError) -> None:
        """Somebody else ended the session; the encoder is told ``error``."""
        if not self.ended:
            self.ended = True
            self._parser = None  # with what is pending: the connection lingers, and we with it
            copy, self.copy = self.copy, None
            if copy is not None:
                copy.end(complete=False)
            on_ended, self._on_ended = self._on_ended, None
            if on_ended is not None:
                on_ended(error)

    def _take(self, unit: Unit, now: float) -> None:
        self._session.take(self, unit, now)
        if self.copy is not None:
            self.copy.take(unit, unit.data, self.content_type, now)

    def _leave(self, outcome: Outcome, why: str, now: float) -> None:
        if not self.ended:
            self.ended = True
            copy, self.copy = self.copy, None
            if copy is not None:
                copy.end(complete=outcome is Outcome.COMPLETE)
            self._session.leave(self, outcome, why, now)
            self._parser = None
            # Its owner is no longer in a cycle with it, so what it had yet to relay goes with them.
            self._on_ended = None
