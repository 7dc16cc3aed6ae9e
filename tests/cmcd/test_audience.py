"""All who report: by channel, and never too many."""

from __future__ import annotations

import gc

from sorgente.cmcd.audience import Audience
from sorgente.cmcd.report import Report
from sorgente.media.channel import Channel
from sorgente.media.utc import UtcClock
from tests.support.journal import RecordingJournal
from tests.support.rules import channel_rules


def channel(name: str) -> Channel:
    return Channel(name, channel_rules(), RecordingJournal(), UtcClock(0.0, 1e9))


def test_each_channel_has_its_own() -> None:
    one, other, audience = channel("one"), channel("other"), Audience()
    audience.hear(one, Report(b"a"), 0.0)
    audience.hear(one, Report(b"b"), 0.0)
    audience.hear(one, None, 0.0)
    viewers = audience.of(one)
    assert viewers is not None
    assert (len(viewers), audience.of(other), len(audience), audience.unread) == (2, None, 2, 1)


def test_a_channel_that_is_gone_leaves_nothing() -> None:
    one, audience = channel("one"), Audience()
    audience.hear(one, Report(b"a"), 0.0)
    del one
    gc.collect()
    assert len(audience) == 0


def test_who_makes_sessions_up_does_so_at_his_own_channels_cost() -> None:
    honest, other, audience = channel("honest"), channel("other"), Audience(most=10)
    for number in range(3):
        audience.hear(honest, Report(b"%d" % number), 0.0)
    for number in range(100):
        audience.hear(other, Report(b"made-up-%d" % number), 1.0)
    assert len(audience) == 10
    viewers = audience.of(honest)
    assert viewers is not None
    assert len(viewers) == 3
    made_up = audience.of(other)
    assert made_up is not None
    assert b"made-up-99" in made_up
