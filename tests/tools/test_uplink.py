"""How the uploads of several tracks keep together."""

from __future__ import annotations

import asyncio

import pytest

from sorgente.isobmff.upload import Unit
from sorgente.tools.outbox import Outbox
from sorgente.tools.target import parse_target
from sorgente.tools.uplink import Lineup, Reachability
from tests.support.boxes import TrackSpec, audio_entry
from tests.support.live import video
from tests.support.uploads import units_of

TARGET = parse_target("http://origin/ingest/live")


async def never(_: float) -> None:
    await asyncio.Event().wait()


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


async def test_an_origin_that_is_lost_and_back_is_said_once_for_all_tracks() -> None:
    said: list[str] = []
    reachability = Reachability(TARGET, said.append, never)
    for track in ("v", "a", "v"):
        reachability.lose(track, f"{track} is gone")
    assert reachability.lost
    reachability.regain("v")
    assert said == ["v is gone; trying again"]
    reachability.regain("a")
    reachability.regain("a")
    assert said[1:] == ["publishing to http://origin/ingest/live again"]
    assert not reachability.lost


async def test_who_waits_tries_as_soon_as_another_track_gets_through() -> None:
    reachability = Reachability(TARGET, lambda _: None, never)
    waiting = asyncio.create_task(reachability.pause(2.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    reachability.regain("v")
    async with asyncio.timeout(20):
        await waiting


async def test_without_that_it_waits_as_long_as_it_is_to() -> None:
    async with asyncio.timeout(20):
        await Reachability(TARGET, lambda _: None, at_once).pause(2.0)


def filled(*units: Unit) -> Outbox:
    outbox = Outbox()
    for unit in units:
        outbox.put(unit)
    return outbox


PICTURE = units_of(video(50, first_time=2 * 12800).whole)
SOUND = units_of(video(100, spec=TrackSpec(2, b"soun", 12800, audio_entry()), gop=1).whole)


async def test_tracks_begin_when_all_of_them_can_and_sound_not_before_the_picture() -> None:
    """Sound of 4 s, and a picture that begins 2 s in."""
    picture, sound = Outbox(), filled(*SOUND)
    lineup = Lineup([picture, sound], never)
    first = asyncio.create_task(lineup.join())
    await asyncio.sleep(0)
    assert not first.done()
    for unit in PICTURE:
        picture.put(unit)
    async with asyncio.timeout(20):
        await lineup.join()
        await first
    assert picture.starts_at == 2.0
    assert sound.starts_at == pytest.approx(2.0 - 0.1, abs=0.04)
    sound.rewind()
    before = sound.starts_at
    async with asyncio.timeout(20):
        await lineup.join()  # a second upload does not wait again
    assert sound.starts_at == before


async def test_late_sound_does_not_hold_back_the_picture() -> None:
    picture, sound = filled(*units_of(video(50).whole)), filled(*SOUND)
    sound.drop_before(1.0)
    await Lineup([picture, sound], never).join()
    assert (picture.starts_at, sound.starts_at) == (0.0, 1.0)


async def test_tracks_do_not_wait_for_ever_for_one_that_brings_nothing() -> None:
    async with asyncio.timeout(20):
        await Lineup([Outbox(), filled(*SOUND)], at_once).join()
