"""A channel on the air, without a network: an encoder, and whoever asks for its segments."""

from __future__ import annotations

from typing import Final

from sorgente.media.presentation import Presentation
from tests.support.boxes import ENCRYPTED, TrackSpec
from tests.support.live import Upload, video
from tests.support.transport import House, RecordingTransport, body_of

FRAME: Final = 0.04
"""Seconds."""
FRAMES: Final = 50
"""In a segment."""


class Live:
    """Frames of 40 ms, key frames every second, segments of two. ``frames`` are sent already. When
    it sends no more, nothing comes: of what is encrypted there are no slates."""

    def __init__(self, house: House, frames: int = 60, spec: TrackSpec = ENCRYPTED) -> None:
        self.house = house
        self.upload: Upload = video(600, gop=25, spec=spec)
        self.sent = 0
        self.encoder = house.request(
            b"POST /ingest/live HTTP/1.1", b"Transfer-Encoding: chunked", body=b""
        )
        self.encoder.receive(framed(self.upload.init))
        self.send(frames)

    def send(self, frames: int) -> None:
        for chunk in self.upload.chunks[self.sent : self.sent + frames]:
            self.house.pass_time(FRAME)
            self.encoder.receive(framed(chunk))
        self.sent += frames

    @property
    def presentation(self) -> Presentation:
        channel = self.house.broker.get("live")
        assert channel is not None
        return channel.presentation

    @property
    def first(self) -> int:
        """The number of the first segment."""
        snapshot = self.presentation.snapshot()
        assert snapshot is not None
        return snapshot.periods[0].tracks[0].start_number

    def path(self, index: int) -> bytes:
        """Of segment ``index`` of the channel, counted from 0."""
        return b"/live/live/video/%d.m4s" % (self.first + index)

    @property
    def init_path(self) -> bytes:
        return b"/live/live/video/init-%d.mp4" % self.first

    @property
    def init(self) -> bytes:
        return body_of(self.house.request(b"GET %b HTTP/1.1" % self.init_path).written)

    def ask(self, index: int, *lines: bytes, method: bytes = b"GET") -> RecordingTransport:
        return self.house.request(b"%b %b HTTP/1.1" % (method, self.path(index)), *lines)


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
