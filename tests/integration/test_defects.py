"""A defect of ours, which no test has found, costs one channel something and the others nothing."""

from __future__ import annotations

import logging

import pytest

from sorgente.broker import Broker
from sorgente.settings import Settings
from tests.support.origin import LOCAL, in_process, until


async def test_the_clock_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = 0

    def tick(self: Broker, now: float, wall: float) -> None:
        nonlocal ticks
        ticks += 1
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Broker, "tick", tick)
    async with in_process(Settings(listen=LOCAL)) as origin:
        await until(lambda: ticks > 2)
        assert (await origin.ask("GET", "/healthz")).status == 200
    logged = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert all(each.exc_info is not None for each in logged)
    assert len(logged) == ticks
