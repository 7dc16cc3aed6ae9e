"""dash.js and Shaka Player on what encoders send else: several bit rates, B-frames, other codecs.

At the default target of the channel, both at once. ``make players`` adds what takes longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
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
from tests.e2e.players.viewer import Viewer, watching
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


@pytest.mark.minutes
@pytest.mark.parametrize("player", NAMES)
async def test_a_player_goes_down_and_up_with_its_network(spawn: Spawn, player: Name) -> None:
    """Without a gap: on the screen, no picture is missing for long."""
    origin = await spawn("--latency-target", str(PATIENT))
    best = LADDER[0]
    with LiveEncoder(ladder_of_fifths, f"{origin.url}/ingest/live") as encoder:
        await encoder.running(PATIENT + 2)  # the first picture is as old as the latency target
        async with watching(player, origin) as viewer:
            network = await Network.of(viewer.page)
            await viewer.until(lambda: viewer.width == best.width, TO_START, "the best rate")
            worse = time.time()
            await network.limit(ENOUGH_FOR_THE_MIDDLE)
            await viewer.until(lambda: viewer.width < best.width, TO_NOTICE, "a lower rate")
            down = time.time()
            await viewer.until(lambda: time.time() > down + MOVING, TO_START, "a while of it")
            better = time.time()
            await network.free()
            await viewer.until(lambda: viewer.width == best.width, TO_TRUST, "the best rate again")
            up = time.time()
            await viewer.until(lambda: time.time() > up + MOVING, TO_START, "a while of that")
            pictures = viewer.since(worse)
            write_down(
                Switch(
                    player=player,
                    target=PATIENT,
                    limit=ENOUGH_FOR_THE_MIDDLE,
                    down=round(down - worse, 1),
                    up=round(up - better, 1),
                    late=late(pictures, 0.95),
                    longest_still=longest_still(pictures),
                    stalls=len(viewer.stalls),
                )
            )
            await flawless(viewer)
            assert longest_still(pictures) < STILL_MS, await viewer.evidence("a gap")
