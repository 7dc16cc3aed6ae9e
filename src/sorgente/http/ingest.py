"""``POST|PUT /ingest/…`` of media: one long body, or one object of a track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sorgente.broker import Broker
from sorgente.errors import BadRequest, OriginError, RequestTimeout
from sorgente.histogram import Histogram
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.ingest_path import TrackPath
from sorgente.http.request import Request
from sorgente.media.channel import WHOLE
from sorgente.media.publisher import Publisher

REST_SECONDS: Final = 0.05
"""How long reading rests when an upload outruns its players. One read of 256 KiB each time is
5 MB/s: less than the last quarter of the smallest sensible window in ``burst_seconds``."""

MOST_DISCARDED: Final = 64 << 20
"""Bytes of a refused object that are read, so that the connection can go on: the largest segment
that is taken (``--max-chunk-bytes``) has as many."""


@dataclass(frozen=True, slots=True)
class IngestRules:
    """What uploads keep to."""

    silence_seconds: float
    """An upload that sends less than ``silence_bytes`` in this time is ended, so that the next
    encoder can have its place."""
    silence_bytes: int
    burst_seconds: float
    """An upload may not replace its whole window faster than this while players still read it."""


class IngestExchange(Exchange):
    """An upload, from its head to its answer.

    What refuses an object is told when its body is over: so the connection can go on with the next
    one. What refuses a stream is told at once, and the connection is closed.
    """

    __slots__ = ("_broker", "_bytes_at_look", "_discarded", "_heard_at", "_path", "_publisher",
                 "_refusal", "_relay_time", "_rules")  # fmt: skip

    def __init__(
        self,
        line: Line,
        request: Request,
        broker: Broker,
        path: TrackPath,
        rules: IngestRules,
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._path = path
        self._rules = rules
        self._relay_time: Histogram
        """The channel's, once it is claimed."""
        self._publisher: Publisher | None = None
        self._refusal: OriginError | None = None
        self._discarded = 0
        self._heard_at = 0.0
        self._bytes_at_look = 0

    @property
    def is_told(self) -> bool:
        """Publishing has begun, so its end is told."""
        return self._publisher is not None

    def start(self) -> None:
        """Claim the channel, before the body is asked for."""
        line, request = self.line, self.request
        try:
            self._publisher = self._claim()
        except OriginError as error:
            if request.expects_continue:
                raise  # the body may never come
            self._refuse(error)
        if request.expects_continue:
            line.write(wire.CONTINUE)
        self._heard_at = line.now
        line.set_deadline(self._rules.silence_seconds)

    def _claim(self) -> Publisher:
        request, path = self.request, self._path
        if request.header(b"range") or request.header(b"content-range"):
            # RFC 9110 §14.5. GPAC sends parts of objects so; taken for whole ones they are rubbish.
            raise BadRequest("objects are taken whole, not in ranges")
        publisher = self._broker.publish(
            path.channel,
            request.who,
            self.line.now,
            self._ended,
            track=path.track,
            form=path.form,
            takeover=request.query("takeover") == "1",
            file=path.file,
        )
        channel = self._broker.get(path.channel)
        assert channel is not None, "somebody publishes"
        self._relay_time = channel.relay_time
        if path.switching_set:
            self._broker.describe(path.channel, {path.track: path.switching_set}, self.line.now)
        return publisher

    def body(self, data: bytes) -> None:
        """Relay."""
        if self._refusal is not None:
            self._discard(self._refusal, data)
            return
        publisher = self._claimed
        began = self._heard_at = self.line.now
        chunks = publisher.chunks
        try:
            self._broker.feed(publisher, data, began)
        except OriginError as error:
            self._refuse(error)
        if publisher.chunks != chunks:
            self._relay_time.observe(self.line.now - began)
            relay = publisher.relay
            if relay is not None and relay.outrun(began, self._rules.burst_seconds):
                self.line.rest_body(REST_SECONDS)

    def complete(self) -> None:
        """Tell the encoder what arrived."""
        if self._refusal is not None:
            raise self._refusal
        publisher = self._claimed
        publisher.finish(self.line.now)
        told = f"{publisher.bytes_in} bytes in {publisher.chunks} chunks\n"
        self.line.reply(200, told.encode(), [wire.TEXT, wire.NO_STORE])

    def lost(self, why: str) -> None:
        """The encoder is gone."""
        if self._publisher is not None:
            self._publisher.break_off(why, self.line.now)

    def expired(self) -> None:
        """Look whether it is silent, or as good as that, since the last look."""
        if self._refusal is not None:
            raise self._refusal
        publisher, rules = self._claimed, self._rules
        came = publisher.bytes_in - self._bytes_at_look
        left = self._heard_at + rules.silence_seconds - self.line.now
        if left > 0 and came >= rules.silence_bytes:
            self._bytes_at_look = publisher.bytes_in
            self.line.set_deadline(left)
            return
        error = RequestTimeout(f"{came} bytes came in {rules.silence_seconds:g} s")
        publisher.break_off(str(error), self.line.now)
        raise error

    def _refuse(self, error: OriginError) -> None:
        """Keep ``error`` until the body is over, if that will be soon.

        Raises:
            OriginError: it will not.
        """
        length = self.request.content_length
        an_object = self._path.form.is_object or length is not None
        if self._path.track == WHOLE or not an_object or (length or 0) > MOST_DISCARDED:
            raise error
        self._refusal = error

    def _discard(self, refusal: OriginError, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > MOST_DISCARDED:
            raise refusal

    @property
    def _claimed(self) -> Publisher:
        assert self._publisher is not None, "start() claims it, or raises"
        return self._publisher

    def _ended(self, error: OriginError) -> None:
        self.line.fail(error)
