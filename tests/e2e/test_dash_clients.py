"""DASH clients that are no browsers: those of GStreamer and ffmpeg play the channel as it is made,
picture after picture, and without a word."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Run
from tests.e2e.formats import B_FRAMES, FRAMES_LATE, Show, noise, picture, x264
from tests.e2e.gstreamer import complaints, dashdemux, dashdemux2, pictures
from tests.e2e.manifests import faults, look
from tests.e2e.programs import Program, decoded, ffmpeg
from tests.e2e.segments import until_recorded
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

RATE: Final = 25
PLAIN: Final = Show(picture(str(RATE)), noise(), x264(RATE))
REORDERED: Final = Show(picture(str(RATE)), noise(), B_FRAMES)
FORMS: Final = {"by track": PLAIN.by_track, "B-frames, muxed": REORDERED.muxed}
LIVE_SECONDS: Final = 5
"""More than there is of the channel when a client comes: it goes on as pictures are made."""


async def plays(client: Program, output: Path, frames: int, patience: float) -> None:
    """Wait until so many pictures have been shown: one as long as the other, and none twice."""

    def shown() -> bool:
        assert client.process.poll() is None, complaints(output)
        return len(pictures(output)) >= frames

    await until(shown, patience=patience, every=0.1)
    moments, checksums = zip(*pictures(output), strict=True)
    assert {after - before for before, after in pairwise(moments)} == {1_000_000_000 // RATE}
    assert len(set(checksums)) == len(checksums)
    assert not complaints(output)


@pytest.mark.parametrize(
    ("form", "element", "patience"),
    [
        ("by track", dashdemux, 30),
        pytest.param("B-frames, muxed", dashdemux, 30, marks=pytest.mark.minutes),
        pytest.param("by track", dashdemux2, 60, marks=pytest.mark.minutes),
    ],
)
async def test_gstreamer_plays(
    origin_process: OriginProcess,
    run: Run,
    tmp_path: Path,
    form: str,
    element: Callable[[str], list[str]],
    patience: float,
) -> None:
    origin, output = origin_process, tmp_path / "gstreamer.txt"
    run(*FORMS[form](f"{origin.url}/ingest/live"))
    await until_recorded(origin, (await look(origin)).mpd, 1)
    client = run(*element(f"{origin.url}/live/live/manifest.mpd"), output=output)
    await plays(client, output, LIVE_SECONDS * RATE, patience)


@pytest.mark.parametrize(
    "form", ["by track", pytest.param("B-frames, muxed", marks=pytest.mark.minutes)]
)
async def test_ffmpeg_plays(
    origin_process: OriginProcess, run: Run, tmp_path: Path, form: str
) -> None:
    origin, output = origin_process, tmp_path / "received.mkv"
    run(*FORMS[form](f"{origin.url}/ingest/live"))
    await look(origin)
    client = run(
        *ffmpeg("-i", f"{origin.url}/live/live/manifest.mpd", "-t", str(LIVE_SECONDS)),
        *("-map", "0", "-c", "copy", str(output)),
    )
    await client.succeeded()
    frames = decoded(output)  # without a complaint, and times grow
    assert sum(frame.stream == 0 for frame in frames) >= LIVE_SECONDS * RATE - 2


@pytest.mark.minutes
async def test_ffmpeg_plays_what_is_left_of_an_event(
    spawn: Spawn, run: Run, tmp_path: Path
) -> None:
    """A static MPD: nothing to be known of the time of day."""
    origin = await spawn("--linger", "0.5")
    await run(*REORDERED.by_track(f"{origin.url}/ingest/live", FRAMES_LATE, 8)).succeeded()

    looks = [await look(origin)]  # of an event that is about to end

    async def over() -> bool:
        looks.append(await look(origin))
        return not looks[-1].mpd.live

    await until(over, patience=30, every=0.5)
    assert faults([looks[0], looks[len(looks) // 2], looks[-1]]) == []
    output = tmp_path / "received.mkv"
    client = run(
        *ffmpeg("-i", f"{origin.url}/live/live/manifest.mpd", "-map", "0", "-c", "copy"),
        str(output),
    )
    await client.succeeded()
    assert sum(frame.stream == 0 for frame in decoded(output)) >= 7 * RATE
