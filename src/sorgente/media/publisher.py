"""The write handle: the bytes of one upload become chunks of a relay."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from sorgente.errors import MediaError, OriginError
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.rewrite import relocated
from sorgente.isobmff.upload import MediaChunk, RawBytes, Trailer, Unit, UploadParser
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.relay import Relay
from sorgente.media.splice import Splice


class Outcome(Enum):
    """How an upload ended."""

    COMPLETE = "complete"
    """As HTTP says a body should: its players end cleanly too."""
    BROKEN = "broken"
    """The encoder may be back: players of fragmented MP4 wait for it."""
    REFUSED = "refused"
    """Its bytes were rubbish: its players are aborted."""


class Stage(Protocol):
    """What a publisher needs of its path."""

    def opened(self, init: InitSegment, now: float) -> None:
        """An init segment that begins an upload, or changes it."""

    def received(self, media: MediaChunk, chunk: Chunk, now: float) -> None:
        """A chunk, as it came in and as it was relayed."""

    counters: Counters

    def open_relay(self, content_type: str, init: InitSegment | None) -> Relay:
        """A new relay: whoever waits attends it; a relay before it is aborted."""

    def resume_relay(self, init: InitSegment) -> Relay | None:
        """The relay that waits for its encoder, if ``init`` is compatible with it."""

    def release(self, publisher: Publisher, outcome: Outcome, why: str, now: float) -> None:
        """The publisher is done."""


class Publisher:
    """One upload. Whoever holds it calls ``feed`` … and then exactly one of the ends.

    ``who``       the encoder, for people: address and user agent.
    ``since``     UTC, seconds since 1970, when it began.
    ``on_ended``  called when somebody else ends this upload: taken over, or shut down.
    """

    def __init__(
        self,
        stage: Stage,
        parser: UploadParser,
        who: str,
        since: float,
        on_ended: Callable[[OriginError], None],
    ) -> None:
        self._stage = stage
        self._parser = parser
        self._on_ended: Callable[[OriginError], None] | None = on_ended
        self._splice: Splice | None = None
        self.relay: Relay | None = None
        """Where the chunks go; None until it is known what the bytes are."""
        self.who = who
        self.since = since
        self.bytes_in = 0
        self.chunks = 0
        self.ended = False

    @property
    def bytes_pending(self) -> int:
        """Bytes received that are not yet a whole chunk."""
        return self._parser.pending

    @property
    def note(self) -> str | None:
        """What the operator of the encoder should know about its bytes."""
        return self._parser.note

    def feed(self, data: bytes, now: float) -> None:
        """Take bytes in.

        Raises:
            MediaError: they are not what they began as. The upload has ended: whole chunks before
                the rubbish have been relayed, then all players were aborted, for good.
        """
        self.bytes_in += len(data)
        self._stage.counters.bytes_in += len(data)
        try:
            for unit in self._parser.feed(data):
                self._relay_unit(unit, now)
        except MediaError as error:
            self._release(Outcome.REFUSED, str(error), now)
            raise

    def finish(self, now: float) -> None:
        """The body ended as HTTP says it should.

        Raises:
            MediaError: but inside a box: treated as broken off.
        """
        try:
            for unit in self._parser.finish():
                self._relay_unit(unit, now)
        except MediaError as error:
            self._release(Outcome.BROKEN, str(error), now)
            raise
        self._release(Outcome.COMPLETE, "upload complete", now)

    def break_off(self, why: str, now: float) -> None:
        """The connection was lost, or nothing came for too long."""
        self._release(Outcome.BROKEN, why, now)

    def end(self, error: OriginError, now: float) -> None:
        """Somebody else ends this upload; its encoder is told ``error``."""
        on_ended = self._on_ended
        self._release(Outcome.BROKEN, str(error), now)
        if on_ended is not None:
            on_ended(error)

    def _release(self, outcome: Outcome, why: str, now: float) -> None:
        if not self.ended:
            self.ended = True
            self._stage.release(self, outcome, why, now)
            # Its owner is no longer in a cycle with it, so what it had yet to relay goes with them;
            # and a window does not last as long as somebody holds what once filled it.
            self._on_ended = self.relay = None

    def _relay_unit(self, unit: Unit, now: float) -> None:
        match unit:
            case MediaChunk():
                self._relay_chunk(unit, now)
            case InitSegment():
                self._take_init(unit, now)
            case RawBytes():
                if self.relay is None:
                    self.relay = self._stage.open_relay(self._content_type, None)
                self._append(Chunk.of(unit.data, now), now)
            case Trailer():
                # mfra speaks of byte positions (ISO/IEC 14496-12 §8.8.9): true only while the
                # stream is the upload byte for byte.
                if self._splice is None:
                    self._append(Chunk.of(unit.data, now), now)

    @property
    def _content_type(self) -> str:
        return self._parser.content_type or "application/octet-stream"

    def _take_init(self, init: InitSegment, now: float) -> None:
        if self.relay is None:
            self._stage.opened(init, now)
            self.relay = self._stage.resume_relay(init)
            if self.relay is None:
                self.relay = self._stage.open_relay(self._content_type, init)
            elif self.relay.progress is not None:
                self._splice = Splice(self.relay.progress)
        elif self.relay.init is not None and self.relay.init.compatible_with(init):
            # DASH-IF Ingest §6: an encoder may send its header again at any time.
            self._append(Chunk.of(init.data, now), now)
        else:
            self._splice = None
            self._stage.opened(init, now)
            self.relay.replace_init(init, now)

    def _relay_chunk(self, media: MediaChunk, now: float) -> None:
        assert self.relay is not None, "an init segment comes first"
        assert self.relay.progress is not None, "and its relay has a timeline"
        if self._splice is None:
            self.relay.progress.note(media.fragment)
            payload, movable = media.data, relocated(media)
        else:
            payload = movable = self._splice.apply(media)
        chunk = Chunk.of(
            payload,
            now,
            movable=movable,
            random_access=media.random_access,
            has_sync_sample=media.contains_random_access,
        )
        self._append(chunk, now)
        self._stage.received(media, chunk, now)

    def _append(self, chunk: Chunk, now: float) -> None:
        assert self.relay is not None, "what tells the content type comes before its chunks"
        self.chunks += 1
        self.relay.append(chunk, now)
