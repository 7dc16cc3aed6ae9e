"""The control application of an origin with a channel on the air, and one that is waited for."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from sorgente.control.api import Api
from sorgente.control.app import control_app
from sorgente.control.status import ChannelStatus, OriginStatus
from sorgente.control.thumbnails import Thumbnails
from sorgente.control.view import View
from sorgente.hooks.tally import HookStatus
from sorgente.media.report import report
from sorgente.settings import Settings
from tests.support.boxes import VIDEO
from tests.support.on_air import Live
from tests.support.transport import House


class Stage:
    """What the composition root does, with the clock of a test."""

    def __init__(self, program: str | None = None) -> None:
        self.house = House()
        self.live = Live(self.house, frames=120, spec=VIDEO)
        self.player = self.house.request(b"GET /play/live HTTP/1.1")
        self.house.request(b"GET /play/tomorrow HTTP/1.1")
        broker, now = self.house.broker, self.house.clock.monotonic
        self.view = View(broker, now, self.status, self.house.audience)
        self.thumbnails = Thumbnails(program, now)
        api = Api(broker, now, self.view, self.thumbnails, Settings().shown())
        self.app: Starlette = control_app(self.status, self.channels, api)

    def status(self) -> OriginStatus:
        broker, clock = self.house.broker, self.house.clock
        return OriginStatus(
            version="0", closing=broker.closing, channels=broker.snapshot(clock.now), drifts={},
            awaited=broker.awaited, held=broker.held, totals=broker.totals(),
            window_bytes=broker.bytes_held, clock_ahead=broker.utc.ahead,
            connections=3, refused=0, refusals={404: 2}, unread_reports=0, publish_refused={},
            watch_refused={}, relay_time=broker.relay_time(), loop_lag=broker.relay_time(),
            tls=None, sources=[], hooks=HookStatus({}, {}),
        )  # fmt: skip

    def channels(self) -> list[ChannelStatus]:
        now = self.house.clock.now
        return [
            ChannelStatus(report(each, now), None, each.relay_time)
            for each in self.house.broker.published
        ]


@pytest.fixture
def stage() -> Stage:
    return Stage()
