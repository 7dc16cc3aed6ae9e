"""A channel whose encoders and players need no network, on a clock of our own."""

from __future__ import annotations

from collections.abc import Sequence

from sorgente.media.channel import WHOLE, Channel, ChannelRules
from sorgente.media.publisher import Publisher
from sorgente.media.snapshot import PresentationSnapshot
from sorgente.media.utc import UtcClock
from tests.support.journal import RecordingJournal
from tests.support.live import Upload
from tests.support.rules import channel_rules

UTC = 1795348800.0
FRAME = 0.04
RULES = channel_rules(window=20.0, window_bytes=1 << 24)


class Stage:
    """A channel whose encoder sends a frame every 40 ms."""

    def __init__(self, rules: ChannelRules = RULES) -> None:
        self.now = 100.0
        self.utc = UtcClock(self.now, UTC)
        self.channel = Channel("live", rules, RecordingJournal(), self.utc)
        self.presentation = self.channel.presentation

    def publish(self, track: str = WHOLE) -> Publisher:
        return self.channel.publish(track, "me", self.now, UTC, lambda _: None, takeover=False)

    def send(self, publisher: Publisher, upload: Upload, start: int = 0, end: int = 10**6) -> None:
        """Chunks ``start`` … ``end - 1``, in real time; the init segment before the first."""
        if start == 0:
            publisher.feed(upload.init, self.now)
        for chunk in upload.chunks[start:end]:
            self.pass_time(FRAME)
            publisher.feed(chunk, self.now)

    def send_together(self, *sendings: tuple[Publisher, Sequence[bytes]]) -> None:
        """A chunk of each at a time, in real time; all have as many."""
        for due in zip(*(chunks for _, chunks in sendings), strict=True):
            self.pass_time(FRAME)
            for (publisher, _), chunk in zip(sendings, due, strict=True):
                publisher.feed(chunk, self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.channel.tick(self.now)

    @property
    def snapshot(self) -> PresentationSnapshot:
        snapshot = self.presentation.snapshot()
        assert snapshot is not None
        return snapshot

    def numbers(self, track: str = "video") -> list[int]:
        first = self.snapshot.periods[0].tracks[0].start_number
        return [number - first for number in self.presentation.tracks[track].segments]

    def body(self, track: str, index: int) -> bytes:
        segments = list(self.presentation.tracks[track].segments.values())
        return b"".join(segments[index].slice(0, segments[index].bytes))


def both(stage: Stage, upload: Upload, *publishers: Publisher) -> None:
    for publisher in publishers:
        publisher.feed(upload.init, stage.now)
    stage.send_together(*((publisher, upload.chunks) for publisher in publishers))
