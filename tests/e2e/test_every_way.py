"""Every line of ``docs/encoders.md`` again, now with dash.js in Chromium in front of the origin:
how far behind it is, from pixels where the line takes a camera's picture.

The bounds are wide, for machines with other things to do; what was measured is printed, and kept in
the file named by SORGENTE_MEASUREMENTS. ``make players`` does all of them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from _pytest.mark import ParameterSet

from tests.docs.page import anchor
from tests.e2e import cookbook
from tests.e2e.cookbook import Place, Recipe, Shell, recipes
from tests.e2e.filmed import SHOWN_BY_A_CAMERA, filmed, filming, has_clock
from tests.e2e.manifests import announced
from tests.e2e.players.measurement import glass_to_glass, steadily
from tests.e2e.players.viewer import Viewer, watching
from tests.e2e.pushing import FFMPEGS
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until
from tests.support.picture import RATE
from tests.support.ports import free_port
from tests.support.rtsp import camera

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(180)]

MEASURED: Final = 8.0
"""Seconds."""
SLACK: Final = 1.4
"""Seconds that it may take over its latency target, on a machine with other things to do."""
EVERY_TIME: Final = (
    *("sorgente push 'rtmp://", "sorgente push 'srt://"),
    "curlhttpsink location=http://localhost:8080/ingest/live/a",
)
"""What stands in lines that are measured every time; the others take minutes."""


def ways() -> list[ParameterSet]:
    """Every line that makes tracks, called by its section and its number in that."""
    found, counted = [], dict[str, int]()
    for recipe in recipes():
        section = anchor(recipe.command.section)
        counted[section] = counted.get(section, 0) + 1
        if recipe.promise.kind == "tracks":
            often = any(word in recipe.command.text for word in EVERY_TIME)
            marks = () if often else pytest.mark.minutes
            name = f"{section}-{counted[section]}"
            found.append(pytest.param(name, recipe, id=name, marks=marks))
    return found


@asynccontextmanager
async def on_air(
    recipe: Recipe, origin: OriginProcess, folder: Path, path: str
) -> AsyncIterator[None]:
    """The line runs, the camera before it if it can have one, and somebody calls if it waits for
    that."""
    async with AsyncExitStack() as stack:
        url = ""
        if "rtsp://" in recipe.command.text:
            eye = stack.enter_context(filming())
            shown = [FFMPEGS["wheel"], "-v", "error", *SHOWN_BY_A_CAMERA]
            there = camera(shown, folder, streams=["0:v", "1:a"], stdin=eye)
            url = (await stack.enter_async_context(there)).url
        place = Place(f"{origin.host}:{origin.port}", "live", url, free_port())
        eye = stack.enter_context(filming())
        text = place.here(filmed(recipe.command))
        stack.enter_context(Shell(text, folder, folder / "line.log", path, eye))
        if recipe.caller is not None:
            line = place.here(filmed(recipe.caller))
            calls = asyncio.create_task(keep_calling(line, folder, path))
            stack.push_async_callback(given_up, calls)
        yield


async def keep_calling(line: str, folder: Path, path: str) -> None:
    """As often as it takes until somebody listens; OBS does so by itself."""
    while True:
        with filming() as eye, Shell(line, folder, folder / "caller.log", path, eye) as caller:
            await until(caller.ended, patience=math.inf, every=0.1)


async def given_up(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def said(folder: Path) -> str:
    """By those that run, last."""
    return "\n".join(each.read_text(errors="replace")[-2000:] for each in folder.glob("*.log"))


async def measure(viewer: Viewer, name: str, recipe: Recipe) -> None:
    limit = (recipe.promise.target + SLACK) * 1000
    if has_clock(recipe):
        glass = await glass_to_glass(viewer, "dash", name, None, limit, MEASURED)
        late, stalls, frames = glass.p95, glass.stalls, glass.frames
    else:
        steady = await steadily(viewer, "dash", name, limit, MEASURED)
        late, stalls, frames = steady.p50, steady.stalls, steady.frames
    assert late <= limit, await viewer.evidence("late")
    assert stalls == 0, await viewer.evidence("stalls after settling")
    assert not viewer.complaints, await viewer.evidence("errors")
    assert not viewer.bad, await viewer.evidence("answers of 400 and more")
    assert frames > MEASURED * RATE * 0.8, await viewer.evidence("few pictures")


@pytest.mark.parametrize(("name", "recipe"), ways())
async def test_glass_to_glass(
    spawn: Spawn, folder: Path, tmp_path: Path, name: str, recipe: Recipe
) -> None:
    cookbook.require([recipe.command])
    path = cookbook.search_path(tmp_path / "bin", FFMPEGS["wheel"])
    keyed = cookbook.KEY in recipe.command.text
    origin = await spawn(*(["--publish-key", cookbook.KEY] if keyed else []))
    async with on_air(recipe, origin, folder, path):
        try:
            await until(lambda: announced(origin))
            async with watching("dash", origin) as viewer:
                await measure(viewer, name, recipe)
        except BaseException as error:
            error.add_note(f"{recipe.command.text}\nwhich said:\n{said(folder)}")
            raise


def test_all_of_those_that_are_measured_every_time_are_there() -> None:
    often = [each.id for each in ways() if not each.marks]
    assert len(often) == len(EVERY_TIME), often
