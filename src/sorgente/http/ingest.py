"""``POST|PUT /ingest[/{channel}[/{track}]]``: one long body becomes one upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sorgente.broker import Broker
from sorgente.errors import OriginError, RequestTimeout
from sorgente.http import wire
from sorgente.http.exchange import Exchange, Line
from sorgente.http.histogram import Histogram
from sorgente.http.request import Request
from sorgente.media.publisher import Publisher

REST_SECONDS: Final = 0.05
"""How long reading rests when an upload outruns its players. One read of 256 KiB each time is
5 MB/s: less than the last quarter of the smallest sensible window in ``burst_seconds``."""


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
    """An upload, from its head to its answer."""

    __slots__ = ("_broker", "_bytes_at_look", "_channel", "_heard_at", "_publisher", "_relay_time",
                 "_rules", "_track")  # fmt: skip

    def __init__(
        self,
        line: Line,
        request: Request,
        broker: Broker,
        channel: str,
        track: str,
        rules: IngestRules,
        relay_time: Histogram,
    ) -> None:
        super().__init__(line, request)
        self._broker = broker
        self._channel = channel
        self._track = track
        self._rules = rules
        self._relay_time = relay_time
        self._publisher: Publisher | None = None
        self._heard_at = 0.0
        self._bytes_at_look = 0

    def start(self) -> None:
        """Claim the channel, before the body is asked for."""
        line = self.line
        self._publisher = self._broker.publish(
            self._channel,
            self.request.who,
            line.now,
            self._ended,
            track=self._track,
            takeover=self.request.query("takeover") == "1",
        )
        if self.request.expects_continue:
            line.write(wire.CONTINUE)
        self._heard_at = line.now
        line.set_deadline(self._rules.silence_seconds)

    def body(self, data: bytes) -> None:
        """Relay."""
        publisher = self._claimed
        began = self._heard_at = self.line.now
        chunks = publisher.chunks
        self._broker.feed(publisher, data, began)
        if publisher.chunks != chunks:
            self._relay_time.observe(self.line.now - began)
            relay = publisher.relay
            if relay is not None and relay.outrun(began, self._rules.burst_seconds):
                self.line.rest_body(REST_SECONDS)

    def complete(self) -> None:
        """Tell the encoder what arrived."""
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

    @property
    def _claimed(self) -> Publisher:
        assert self._publisher is not None, "start() claims it, or raises"
        return self._publisher

    def _ended(self, error: OriginError) -> None:
        self.line.fail(error)
