"""dash.js and Shaka Player on what encoders send else: several bit rates, B-frames, other codecs.

At the default target of the channel, both at once. ``make players`` adds what takes longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import pytest

from tests.e2e.conftest import Run
from tests.e2e.formats import AAC, FRAMES, noise
from tests.e2e.players.encoder import LiveEncoder
from tests.e2e.players.lines import (
    LADDER,
    Line,
    av1_and_opus,
    b_frames,
    b_frames_muxed,
    ladder_of_fifths,
    ladder_of_frames,
    looks_ahead,
    vp9_and_opus,
)
from tests.e2e.players.measurement import Switch, late, longest_still, write_down
from tests.e2e.players.network import Network
from tests.e2e.players.site import NAMES, Name
from tests.e2e.players.viewer import Sample, Viewer, watching
from tests.e2e.programs import ffmpeg
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.picture import RATE

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(180)]

TO_START: Final = 20.0
"""Seconds to the first picture, at most."""
WATCHED: Final = 3.0
"""Seconds."""
WATCHED_LONG: Final = 60.0
WATCHED_RADIO: Final = 12.0
STILL_MS: Final = 500.0
"""Between two pictures: more is a gap, for whoever looks on."""
LINES: Final[dict[str, Line]] = {
    "three bit rates": ladder_of_frames,
    "B-frames": b_frames,
    "AV1 and Opus": av1_and_opus,
    "late, and it says so": looks_ahead,
    "VP9 and Opus": vp9_and_opus,
}
MORE_LINES: Final[dict[str, Line]] = {
    **LINES,
    "three bit rates, chunks of 200 ms": ladder_of_fifths,
    "B-frames, muxed": b_frames_muxed,
}

PATIENT: Final = 3.0
"""Seconds of latency: over what a player takes to see that its network has become worse. dash.js
measures a segment when it is complete and averages over two or three."""
ENOUGH_FOR_THE_MIDDLE: Final = 950
"""kbit/s: for 800 and the sound, not for 1200."""
MOVING: Final = 5.0
"""Seconds after which a player is taken to go on."""
TO_NOTICE: Final = 20.0
"""Seconds until a player takes another rate, at most."""
TO_TRUST: Final = 40.0
"""The same, when its network has become better."""
STAYING: Final = 20.0
"""Seconds after which it is taken to stay with a rate: stock Shaka begins again with what the
browser says of a network that has changed, and falls within ten."""
BEST: Final = LADDER[0].width
FALLS: Final = (
    "Shaka 5.2 takes what the encoder sends for what its network can carry: where segments grow, "
    "nothing comes faster than that (docs/players.md)"
)


async def plays(viewer: Viewer, seconds: float) -> None:
    """It plays for so long, without a stall, an error or an answer that is one."""
    await viewer.until(lambda: viewer.first_picture is not None, TO_START, "a picture")
    begin = time.time()
    await viewer.until(lambda: time.time() > begin + seconds, seconds + TO_START, "the end")
    await flawless(viewer)
    assert len(viewer.since(begin)) > 0.8 * seconds * RATE, await viewer.evidence("few pictures")
    assert viewer.audio_bytes > 0, await viewer.evidence("no sound")


async def flawless(viewer: Viewer) -> None:
    """Up to now, that is."""
    assert not viewer.stalls, await viewer.evidence("stalls")
    assert not viewer.complaints, await viewer.evidence("errors")
    assert not viewer.bad, await viewer.evidence("answers of 400 and more")


async def both_play(origin: OriginProcess, line: Line, seconds: float) -> None:
    with LiveEncoder(line, f"{origin.url}/ingest/live") as encoder:
        await encoder.running(1)
        async with watching("dash", origin) as dash, watching("shaka", origin) as shaka:
            await asyncio.gather(plays(dash, seconds), plays(shaka, seconds))


@pytest.mark.parametrize("name", LINES)
async def test_both_players_play(origin_process: OriginProcess, name: str) -> None:
    await both_play(origin_process, LINES[name], WATCHED)


@pytest.mark.minutes
@pytest.mark.parametrize("name", MORE_LINES)
async def test_both_players_play_for_a_minute(origin_process: OriginProcess, name: str) -> None:
    await both_play(origin_process, MORE_LINES[name], WATCHED_LONG)


RADIO: Final[dict[str, Sequence[str]]] = {
    "packets": FRAMES,
    "whole segments": [
        *("-f", "mp4", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "3000000"),
    ],
}
"""Sound alone, and how it is sent."""


async def is_heard(viewer: Viewer, seconds: float) -> None:
    """Sound goes on for so long, as fast as time does, give or take what players hurry."""
    await viewer.until(lambda: bool(viewer.state["audio"]), TO_START, "a sound")
    begin, at = time.time(), viewer.state["time"]
    await viewer.until(lambda: time.time() > begin + seconds, seconds + TO_START, "the end")
    assert viewer.state["time"] - at > 0.8 * seconds, await viewer.evidence("it stood")
    assert not viewer.complaints, await viewer.evidence("errors")
    assert not viewer.bad, await viewer.evidence("answers of 400 and more")


@pytest.mark.minutes
@pytest.mark.parametrize("form", RADIO)
async def test_both_players_play_sound_alone(
    origin_process: OriginProcess, run: Run, form: str
) -> None:
    origin = origin_process
    run(*ffmpeg(*noise(), *AAC, *RADIO[form], f"{origin.url}/ingest/live/a"))
    async with watching("dash", origin) as dash, watching("shaka", origin) as shaka:
        await asyncio.gather(is_heard(dash, WATCHED_RADIO), is_heard(shaka, WATCHED_RADIO))


@asynccontextmanager
async def narrowed(spawn: Spawn, player: Name) -> AsyncIterator[tuple[Viewer, Network, Switch]]:
    """A viewer of three bit rates who had the best, until the network got too narrow for it, and
    who watches another since a while: without a gap."""
    origin = await spawn("--latency-target", str(PATIENT))
    with LiveEncoder(ladder_of_fifths, f"{origin.url}/ingest/live") as encoder:
        await encoder.running(PATIENT + 2)  # the first picture is as old as the latency target
        async with watching(player, origin) as viewer:
            network = await Network.of(viewer.page)
            await viewer.until(lambda: viewer.width == BEST, TO_START, "the best rate")
            worse = time.time()
            await network.limit(ENOUGH_FOR_THE_MIDDLE)
            await viewer.until(lambda: viewer.width < BEST, TO_NOTICE, "a lower rate")
            down = time.time()
            await viewer.until(lambda: time.time() > down + MOVING, TO_START, "a while of it")
            pictures = await without_a_gap(viewer, worse)
            yield (
                viewer,
                network,
                Switch(
                    player=player,
                    target=PATIENT,
                    limit=ENOUGH_FOR_THE_MIDDLE,
                    down=round(down - worse, 1),
                    up=None,
                    late=late(pictures, 0.95),
                    longest_still=longest_still(pictures),
                    stalls=len(viewer.stalls),
                ),
            )


async def without_a_gap(viewer: Viewer, since: float) -> list[Sample]:
    """On the screen, no picture was missing for long. They are returned."""
    pictures = viewer.since(since)
    await flawless(viewer)
    assert longest_still(pictures) < STILL_MS, await viewer.evidence("a gap")
    return pictures


@pytest.mark.minutes
@pytest.mark.parametrize("player", NAMES)
async def test_a_player_goes_down_with_its_network(spawn: Spawn, player: Name) -> None:
    async with narrowed(spawn, player) as (_, _, switch):
        write_down(switch)


@pytest.mark.minutes
@pytest.mark.parametrize(
    "player", ["dash", pytest.param("shaka", marks=pytest.mark.xfail(strict=True, reason=FALLS))]
)
async def test_a_player_goes_up_again_with_its_network(spawn: Spawn, player: Name) -> None:
    async with narrowed(spawn, player) as (viewer, network, switch):
        better = time.time()
        await network.free()
        await viewer.until(lambda: viewer.width == BEST, TO_TRUST, "the best rate again")
        up = time.time()
        await viewer.until(lambda: time.time() > up + STAYING, STAYING + TO_START, "a while of it")
        assert viewer.width == BEST, await viewer.evidence("a lower rate again")
        pictures = await without_a_gap(viewer, better)
        write_down(
            replace(
                switch,
                up=round(up - better, 1),
                late=late(pictures, 0.95),
                longest_still=longest_still(pictures),
                stalls=len(viewer.stalls),
            )
        )
