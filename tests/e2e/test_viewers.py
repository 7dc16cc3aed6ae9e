"""dash.js and Shaka tell how they fare, and the origin hears it: CMCD as real players send it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from tests.docs.page import DOCS
from tests.e2e.players.encoder import LiveEncoder
from tests.e2e.players.measure import ON_AIR_SECONDS, options
from tests.e2e.players.site import Name
from tests.e2e.players.viewer import POLL_SECONDS, Viewer, watching
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(180)]

TO_TELL: Final = 40.0
"""Seconds until the origin knows all that is waited for, at most."""

PAGE: Final = (DOCS / "players.md").read_text()
DASH, SHAKA = re.findall(r"```js\n(player\.configure.*?|const.*?)```", PAGE, re.DOTALL)
"""What the page tells to write."""

HEADERS: Final = """player.configure({ cmcd: { enabled: true, version: 2, useHeaders: true,
  eventTargets: [{ enabled: true, url: "http://localhost:8080/cmcd/live", events: ["ps", "e", "t"],
    interval: 1 }] } });"""
QUERIES: Final = "player.updateSettings({ streaming: { cmcd: { enabled: true } } });"


async def heard(origin: OriginProcess) -> dict[str, Any]:
    found = json.loads((await origin.ask("GET", "/api/v1/channels/live")).body)["audience"]
    return found or {}


@pytest.mark.parametrize(
    ("player", "setup"),
    [
        ("dash", DASH),
        ("shaka", SHAKA),
        pytest.param("dash", QUERIES, marks=pytest.mark.minutes),
        pytest.param("shaka", HEADERS, marks=pytest.mark.minutes),
    ],
    ids=["dash", "shaka", "dash-1", "shaka-2"],
)
async def test_a_player_that_reports_is_a_viewer(spawn: Spawn, player: Name, setup: str) -> None:
    """Shaka 5.2.12 tells neither its state nor a latency that can be: it leaves out where a period
    starts (``DashParser.parsedPrftNodes_``, ``Player.getLiveLatency``), which is 56 years."""
    origin = await spawn(*options(None))
    with LiveEncoder("tracks", f"{origin.url}/ingest/live") as encoder:
        await encoder.running(ON_AIR_SECONDS)
        there = setup.replace("http://localhost:8080", origin.url)
        async with watching(player, origin, setup=there) as viewer:
            told = await _until_told(viewer, origin, state=setup is DASH)
            assert not viewer.complaints, await viewer.evidence("errors")
            assert not viewer.bad, await viewer.evidence("answers of 400 and more")
    assert told["formats"] == {"dash": 1}
    assert 0.1 <= told["buffer"]["p50"] <= 4.0
    assert 10_000 < told["bit_rate"]["p50"] < 1_000_000
    assert told["stalls"] <= len(viewer.stalls)
    if setup is DASH:
        assert 0.2 <= told["latency"]["p50"] <= 4.0, "the target is 0.5 s"
    assert await origin.metric("sorgente_cmcd_unread_total") == 0


async def _until_told(viewer: Viewer, origin: OriginProcess, *, state: bool) -> dict[str, Any]:
    """What the origin has heard, once that is all that these tests ask for."""
    known: dict[str, Any] = {}

    async def enough() -> bool:
        nonlocal known
        await viewer.look()
        assert not viewer.fatal, await viewer.evidence("an error")
        known = await heard(origin)
        if not known.get("buffer") or not known["bit_rate"] or not viewer.samples:
            return False
        playing = known["states"] == {"playing": 1} and known["latency"] is not None
        return known["buffer"]["p50"] > 0 and (playing or not state)

    try:
        await until(enough, patience=TO_TELL, every=POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(await viewer.evidence(f"heard only {known}")) from None
    return known
