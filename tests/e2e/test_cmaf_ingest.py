"""A real encoder behind DASH-IF ingest, in requests like livesim2's and MediaLive's, and real
players in front: from glass to glass, from pixels."""

from __future__ import annotations

import pytest

from tests.e2e.players.encoder import LiveEncoder
from tests.e2e.players.measure import ON_AIR_SECONDS
from tests.e2e.players.measurement import glass_to_glass
from tests.e2e.players.site import Name
from tests.e2e.players.viewer import watching
from tests.e2e.segmenter import Way, segmenting
from tests.integration.conftest import Spawn
from tests.support.picture import RATE

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(180)]

MEASURED = 10.0
"""Seconds."""
LIMITS: dict[Way, float] = {"growing": 1900, "whole": 5500}
"""Milliseconds, for machines with other things to do: targets are 0.5 s, and 3.2 s for segments of
1 s that are sent when they are complete."""


@pytest.mark.parametrize("player", ["dash", pytest.param("shaka", marks=pytest.mark.minutes)])
@pytest.mark.parametrize("way", LIMITS)
async def test_glass_to_glass(spawn: Spawn, player: Name, way: Way) -> None:
    origin = await spawn()
    async with segmenting(origin, way) as address:
        with LiveEncoder("tracks", f"{address}/ingest/live") as encoder:
            await encoder.running(2 * ON_AIR_SECONDS)
            async with watching(player, origin) as viewer:
                limit = LIMITS[way]
                measured = await glass_to_glass(viewer, player, "tracks", None, limit, MEASURED)
                assert measured.p95 <= limit, await viewer.evidence("late")
                assert measured.stalls == 0, await viewer.evidence("stalls after settling")
                assert not viewer.complaints, await viewer.evidence("errors")
                assert not viewer.bad, await viewer.evidence("answers of 400 and more")
                assert measured.frames > MEASURED * RATE * 0.8
