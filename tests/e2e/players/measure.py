"""A longer recording than a test's: ``python -m tests.e2e.players.measure --player dash``.

Starts an origin, an encoder and a browser, and prints what was measured, a line of JSON a run;
``SORGENTE_MEASUREMENTS=file`` keeps it. The exit code is 1 if there was a stall after settling, an
error, or an answer with a status of 400 or more; or if one of ``--audience`` virtual players on the
same channel (``benchmarks/audience.py``) got wrong bytes, an error, or nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.e2e.players.encoder import INPUTS, Input, LiveEncoder
from tests.e2e.players.measurement import glass_to_glass
from tests.e2e.players.site import NAMES, Name
from tests.e2e.players.viewer import watching
from tests.integration.process import OriginProcess

ON_AIR_SECONDS = 4.0
"""Of the encoder, before a viewer comes."""
AUDIENCE = Path(__file__).parents[3] / "benchmarks" / "audience.py"
JOINING = 100
"""Virtual players that join in a second, at least."""
AROUND_SECONDS = 20.0
"""That they stay longer than is measured: until the viewer has settled."""

SHAKA_TOLERANCE = 500.0
"""Milliseconds more that are at the target for Shaka: it stays where it is anywhere up to
``suggestedPresentationDelay`` + target + 0.5 s (``sorgente.dash.service``)."""


def in_time(form: Input, target: float | None) -> float:
    """Milliseconds from glass to glass that are not asked too much of a machine with other things
    to do: 0.7 s over the target, of which the default is 0.8 s with chunks of 200 ms."""
    if target is None:
        target = 0.5 if form == "tracks" else 0.8
    return (target + 0.7) * 1000


def caught_up(player: Name, form: Input) -> float:
    """The same for a player that was thrown back, at the default target."""
    return in_time(form, None) + (SHAKA_TOLERANCE if player == "shaka" else 0.0)


def options(target: float | None) -> list[str]:
    """Of ``sorgente serve``."""
    return [] if target is None else ["--latency-target", str(target)]


@asynccontextmanager
async def audience(players: int, manifest: str, seconds: float) -> AsyncIterator[None]:
    """So many virtual players beside; what they saw is printed when they have left.

    Raises AssertionError: one of them was not served.
    """
    if not players:
        yield
        return
    line = [sys.executable, str(AUDIENCE), manifest, "--tracks", "2"]
    line += ["--players", str(players), "--seconds", str(seconds)]
    crowd = await asyncio.create_subprocess_exec(*line)
    await asyncio.sleep(players / JOINING)
    yield
    assert await crowd.wait() == 0, "see above"


async def measure(
    player: Name, form: Input, target: float | None, seconds: float, players: int = 0
) -> bool:
    """Whether all went well."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "origin.log"
        with OriginProcess(log, *options(target)) as origin:
            await origin.listening()
            with LiveEncoder(form, f"{origin.url}/ingest/live") as encoder:
                await encoder.running(ON_AIR_SECONDS)
                manifest = f"{origin.url}/live/live/manifest.mpd"
                async with (
                    audience(players, manifest, seconds + AROUND_SECONDS),
                    watching(player, origin) as viewer,
                ):
                    limit = in_time(form, target)
                    measured = await glass_to_glass(viewer, player, form, target, limit, seconds)
                    if measured.stalls or viewer.complaints or viewer.bad:
                        sys.stderr.write(await viewer.evidence("not as it should be") + "\n")
                        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="measure", description="Glass to glass, from pixels.")
    parser.add_argument("--player", choices=NAMES, default="dash")
    parser.add_argument("--input", choices=INPUTS, default="tracks")
    parser.add_argument("--target", type=float, help="the origin's --latency-target, in seconds")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--audience", type=int, default=0, help="virtual players beside")
    given = parser.parse_args()
    good = asyncio.run(
        measure(given.player, given.input, given.target, given.seconds, given.audience)
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
