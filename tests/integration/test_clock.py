"""The clock of the machine is set back by an hour under an origin that is on the air."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime

import pytest

from sorgente import server
from sorgente.settings import EncoderSettings
from tests.integration.conftest import Launch
from tests.support.live import video
from tests.support.origin import InProcess, until

HOUR = 3600.0


async def starts(origin: InProcess) -> list[float]:
    """Seconds from ``/time`` to when the periods start, of a manifest that comes at once."""
    answer = await origin.ask("GET", "/live/live/manifest.mpd")
    assert answer.status == 200
    now = datetime.fromisoformat((await origin.ask("GET", "/time")).body.decode()).timestamp()
    # PT1795442103.2S: the timeline of the MPD is UTC, in seconds.
    found = re.findall(rb'<Period [^>]*start="PT([\d.]+)S"', answer.body)
    return [float(start) - now for start in found]


async def test_channels_go_on_and_whoever_is_on_call_is_told(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    step = 0.0
    monkeypatch.setattr(server.SystemClock, "wall", staticmethod(lambda: time.time() + step))
    origin = await launch(encoders=EncoderSettings(absence=60.0))
    encoder, upload = await origin.publish(), video(2000, gop=25)
    await encoder.send(upload.init, *upload.chunks[:100])
    (before,) = await starts(origin)
    step = -HOUR

    async def told() -> bool:
        return await origin.metric("sorgente_clock_ahead_seconds") > HOUR - 1

    await until(told)
    assert [m for m in caplog.messages if "clock was set back" in m]
    shown = json.loads((await origin.ask("GET", "/api/v1/origin")).body)
    assert shown["clock_ahead"] == pytest.approx(HOUR, abs=1)
    (after,) = await starts(origin)
    assert 0 < before - after < 60, "the period is as old as the time that has passed"

    encoder.vanish()
    await until(lambda: not origin.broker.publishers)
    encoder, chunks = await origin.publish(), iter(upload.chunks)
    await encoder.send(upload.init)

    async def announced() -> bool:
        await encoder.send(next(chunks))
        return await origin.metric("sorgente_periods_total") == 2

    await until(announced)
    assert max(await starts(origin)) < 60
    await encoder.finish()
