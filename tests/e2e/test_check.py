"""``sorgente check`` of what ``sorgente push`` puts on the air with a real ffmpeg: all is well."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Run
from tests.e2e.pushing import FFMPEGS, Pushing
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

LATE = {"edge-first-chunk", "edge-grows", "edge-pace", "edge-end"}
"""What a machine with too much to do makes of any encoder."""


@pytest.fixture
def pushing(tmp_path: Path, origin_process: OriginProcess) -> Iterator[Pushing]:
    """A small test picture with sound, on the air."""
    address = f"{origin_process.url}/ingest/live"
    with Pushing(tmp_path, FFMPEGS["wheel"], "test:160x90@25", address) as push:
        yield push


async def test_nothing_is_wrong(
    origin_process: OriginProcess, pushing: Pushing, run: Run, tmp_path: Path
) -> None:
    manifest = "/live/live/manifest.mpd"

    async def settled() -> bool:
        """Chunks have been seen: the offset is no guess any more."""
        body = (await origin_process.ask("GET", manifest)).body
        return body.count(b"<Resync") == 2

    await until(settled)
    url = f"{origin_process.url}{manifest}"
    command = [sys.executable, "-m", "sorgente", "check", url, "--seconds", "4", "--json"]
    check = run(*command, output=tmp_path / "report.json")
    await check.ended()
    report = json.loads(check.received)
    found = {each["rule"] for each in report["findings"]}
    assert found <= LATE, report["findings"]
    assert {track["kind"] for track in report["tracks"]} == {"video", "audio"}
    assert all(track["latency"]["p50"] < 1 for track in report["tracks"])
