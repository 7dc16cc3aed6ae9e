"""Key frames that come as they like: segments are longer and begin later than announced, and both
players follow at the usual target."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

import pytest

from sorgente.media.retention import LONGEST_OVERDUE
from tests.e2e.players.encoder import A_FRAME_A_CHUNK, AAC, H264, PICTURE, SOUND, LiveEncoder
from tests.e2e.players.measure import caught_up
from tests.e2e.players.measurement import glass_to_glass, settled
from tests.e2e.players.site import NAMES, Name
from tests.e2e.players.viewer import watching
from tests.e2e.programs import ffmpeg
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until
from tests.support.picture import RATE

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(120)]

MEASURED = 12.0
"""Seconds."""
TO_FIND_OUT = 40.0
"""Seconds until the rhythm has broken twice, at most."""
NO_RHYTHM = [
    *("-g", "600", "-sc_threshold", "0"),
    *("-force_key_frames", "expr:gte(t,n_forced*2.3+mod(n_forced,3)*0.5)"),
]
"""Key frames 2.8 s, 2.8 s and 1.3 s apart."""
SIX_SECONDS = b' duration="92160"'
"""Two of the longest groups, in whole seconds, at 15,360 ticks a second."""


NONE_SECONDS = 30
NONE_FOR_A_WHILE = [
    *("-g", "9999", "-sc_threshold", "0"),
    *("-force_key_frames", f"expr:gte(t,n_forced+{NONE_SECONDS}*gte(n_forced,10))"),
]
"""A key frame a second for ten seconds, none for a while, and one a second again."""

MISSING = "no key frame of v "


def line(ingest: str, key_frames: Sequence[str] = NO_RHYTHM) -> list[str]:
    picture = ["-map", "0:v", *H264, *key_frames, *A_FRAME_A_CHUNK, f"{ingest}/v"]
    sound = ["-map", "1:a", *AAC, *A_FRAME_A_CHUNK, f"{ingest}/a"]
    return ffmpeg(*PICTURE, *SOUND, *picture, *sound)


@pytest.fixture
async def irregular(spawn: Spawn) -> AsyncIterator[OriginProcess]:
    """An origin that has found out that its encoder has no rhythm."""
    origin = await spawn()

    async def found_out() -> bool:
        return SIX_SECONDS in (await origin.ask("GET", "/live/live/manifest.mpd")).body

    with LiveEncoder(line, f"{origin.url}/ingest/live") as encoder:
        await encoder.running()
        await until(found_out, patience=TO_FIND_OUT, every=0.2)
        yield origin


@pytest.mark.parametrize("player", ["dash", pytest.param("shaka", marks=pytest.mark.minutes)])
async def test_a_player_follows_key_frames_without_a_rhythm(
    irregular: OriginProcess, player: Name
) -> None:
    limit = caught_up(player, "tracks")
    async with watching(player, irregular) as viewer:
        measured = await glass_to_glass(viewer, player, "tracks", None, limit, MEASURED)
        assert measured.p95 <= limit, await viewer.evidence("late")
        assert measured.stalls == 0, await viewer.evidence("stalls after settling")
        assert not viewer.complaints, await viewer.evidence("errors")
        assert not viewer.bad, await viewer.evidence("answers of 400 and more")
        assert measured.frames > MEASURED * RATE * 0.8, await viewer.evidence("few pictures")


@pytest.mark.minutes
@pytest.mark.parametrize("player", NAMES)
async def test_a_player_goes_on_after_key_frames_were_missing(spawn: Spawn, player: Name) -> None:
    """It stands still meanwhile, and has waited once at the most: for the sound beside a segment
    that was too long for Shaka."""
    origin = await spawn()
    limit = caught_up(player, "tracks")
    with LiveEncoder(
        lambda ingest: line(ingest, NONE_FOR_A_WHILE), f"{origin.url}/ingest/live"
    ) as encoder:
        await encoder.running()
        async with watching(player, origin) as viewer:
            await viewer.until(lambda: settled(viewer, limit), 8, "a picture in time")
            await until(lambda: MISSING in origin.log, patience=LONGEST_OVERDUE + 15)
            cut = time.time()

            def goes_on() -> bool:
                return any(each.stamped > cut + 1 for each in viewer.since(cut))

            await viewer.until(goes_on, NONE_SECONDS + 15, "a picture of afterwards")
            waited = [stall for stall in viewer.stalls if not stall.seeking]
            assert len(waited) <= 1, await viewer.evidence("stalls")
            assert not viewer.complaints, await viewer.evidence("errors")
            assert not viewer.bad, await viewer.evidence("answers of 400 and more")
