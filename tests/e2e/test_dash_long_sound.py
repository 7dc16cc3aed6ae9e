"""Sound that comes in chunks longer than the segments of the pictures beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.e2e.players.encoder import A_FRAME_A_CHUNK, AAC, H264, PICTURE, SOUND, LiveEncoder
from tests.e2e.players.measure import in_time
from tests.e2e.players.measurement import glass_to_glass
from tests.e2e.players.site import Name
from tests.e2e.players.viewer import watching
from tests.e2e.programs import ffmpeg
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.players,
    pytest.mark.minutes,
    pytest.mark.timeout(120),
]

MEASURED = 15.0
"""Seconds: five chunks of sound."""
TARGET = 6.2
SHAKA_TOLERATES = 500.0
"""Milliseconds over its target that Shaka does nothing about."""
THREE_SECONDS_A_CHUNK = [
    *("-f", "mp4", "-movflags", "cmaf", "-frag_duration", "3000000"),
    *("-method", "PUT"),
]


def line(ingest: str) -> list[str]:
    picture = ["-map", "0:v", *H264, *A_FRAME_A_CHUNK, f"{ingest}/v"]
    sound = ["-map", "1:a", *AAC, *THREE_SECONDS_A_CHUNK, f"{ingest}/a"]
    return ffmpeg(*PICTURE, *SOUND, *picture, *sound)


@pytest.fixture
async def slow_to_speak(spawn: Spawn) -> AsyncIterator[OriginProcess]:
    """An origin that knows of the sound."""
    origin = await spawn()

    async def announced() -> bool:
        manifest = (await origin.ask("GET", "/live/live/manifest.mpd")).body
        return b'Representation id="a"' in manifest

    with LiveEncoder(line, f"{origin.url}/ingest/live") as encoder:
        await encoder.running()
        await until(announced, every=0.2)
        yield origin


@pytest.mark.parametrize("player", ["dash", "shaka"])
async def test_a_player_follows_sound_in_long_chunks(
    slow_to_speak: OriginProcess, player: Name
) -> None:
    limit = in_time("tracks", TARGET) + SHAKA_TOLERATES
    async with watching(player, slow_to_speak) as viewer:
        measured = await glass_to_glass(viewer, player, "tracks", TARGET, limit, MEASURED)
        assert measured.stalls == 0, await viewer.evidence("stalls after settling")
        assert measured.p95 <= limit, await viewer.evidence("late")
        assert not viewer.complaints, await viewer.evidence("errors")
        assert not viewer.bad, await viewer.evidence("answers of 400 and more")
