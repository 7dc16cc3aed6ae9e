"""Every line of ``docs/encoders.md`` and ``docs/players.md`` is run as it stands there, and what
comes of it is what the page says."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.dash.reader import Mpd, descendants
from tests.docs.page import DOCS, Command, anchor
from tests.e2e import cookbook
from tests.e2e.cookbook import HERE, Place, Promise, Recipe, Shell, page, recipes
from tests.e2e.manifests import look
from tests.e2e.programs import decoded
from tests.e2e.pushing import FFMPEGS
from tests.e2e.segments import broken_promises, recorded, until_recorded
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until
from tests.support.ports import free_port
from tests.support.rtsp import camera

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

RECIPES: Final = recipes()
VARIETIES: Final = {
    # Every section, with every ffmpeg there is where it has one in it.
    (each.command.section, program): None
    for each in RECIPES
    for program in FFMPEGS
    if program == "wheel" or each.command.program != "gst-launch-1.0"
}
TABLE: Final = re.findall(
    r"^\|.*\]\(#([\w-]+)\).*\| (\d\.\d) s \|$", (DOCS / "encoders.md").read_text(), re.MULTILINE
)
"""Which section, and how far behind it leaves players."""
PLAYABLE: Final = ("avc1.42", "avc1.4d", "avc1.64", "mp4a.40.2")
"""4:2:0 in 8 bits, and AAC: what every browser plays."""
ONE_FRAME: Final = 3 / 30
"""Seconds, over the three chunks of a latency target: where a chunk of pictures and sound together
is cut, a frame earlier or later, depends on what is read first."""
STOVES: Final = 3
"""Lines that run at once: each is an encoder or several, on two cores."""
CAMERA: Final = [
    *("-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30[out0];sine[out1]"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"),
    *("-g", "30", "-bsf:v", "dump_extra"),
]
PLAYED: Final = re.compile(r"(\d+\.\d+) A-V|time=00:00:(\d+\.\d+)")
"""Where ffplay, mpv and ffmpeg say they are, in seconds."""
COMPLAINTS: Final = re.compile("error|invalid|missing|404", re.IGNORECASE)


OpenKitchen = Callable[..., Awaitable["Kitchen"]]


@dataclass(frozen=True)
class Kitchen:
    """Where lines are run side by side, each on a channel of its own."""

    origin: OriginProcess
    folder: Path
    path: str
    stoves: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STOVES))

    def run(self, text: str, log: str) -> Shell:
        return Shell(text, self.folder, self.folder / f"{log}.log", self.path)

    async def try_out(self, recipe: Recipe, place: Place) -> None:
        """Run a line of an encoder, and see what comes of it."""
        async with self.stoves:
            await self._try_out(recipe, place)

    async def _try_out(self, recipe: Recipe, place: Place) -> None:
        player = await self.origin.play(f"/play/{place.channel}")
        await self.origin.until_players(1, place.channel)
        with self.run(place.here(recipe.command), place.channel) as shell:
            calls = asyncio.create_task(self._call(recipe.caller, place))
            try:
                if recipe.promise.kind == "bytes":
                    recording = (self.folder / "recording.mp4").read_bytes()
                    assert (await player.rest()).body == recording
                else:
                    await self._makes_tracks(recipe.promise, place.channel)
            except BaseException as error:
                error.add_note(f"{recipe.command}\nwhich said:\n{shell.log[-2000:]}")
                raise
            finally:
                calls.cancel()

    async def _call(self, caller: Command | None, place: Place) -> None:
        """As often as it takes until somebody listens; OBS does so by itself."""
        while caller is not None:
            with self.run(place.here(caller), f"{place.channel}-caller") as shell:
                await until(shell.ended, patience=math.inf, every=0.1)

    async def _makes_tracks(self, promise: Promise, channel: str) -> None:
        """Those that the page says, players as far behind as it says; all of it decodes, and is as
        the MPD says."""
        mpd = await self._settled(channel)
        found = await recorded(self.origin, mpd, channel)
        assert {each.announced.id for each in found} == promise.tracks
        (latency,) = descendants(mpd.root, "Latency")
        target = float(latency.attrib["target"]) / 1000
        assert target == pytest.approx(promise.target, abs=ONE_FRAME + 1e-6)
        assert broken_promises(found) == []
        for each in found:
            assert each.announced.node.attrib["codecs"].startswith(PLAYABLE)
            path = self.folder / f"{channel}-{each.announced.id}.mp4"
            path.write_bytes(each.data)
            await asyncio.to_thread(decoded, path)

    async def _settled(self, channel: str) -> Mpd:
        """The MPD, once all tracks have a segment in its newest period; a busy machine may be late
        with the first ones, and then another period follows."""
        mpd = (await look(self.origin, channel)).mpd
        while True:
            await until_recorded(self.origin, mpd, 1, channel)
            before, mpd = mpd, (await look(self.origin, channel)).mpd
            if mpd.periods[-1].attrib["id"] == before.periods[-1].attrib["id"]:
                return mpd


@pytest.fixture
def open_kitchen(spawn: Spawn, folder: Path, tmp_path: Path) -> OpenKitchen:
    """One with an ffmpeg of the test's choice."""

    async def opened(program: str, *options: str) -> Kitchen:
        path = cookbook.search_path(tmp_path / "bin", FFMPEGS[program])
        return Kitchen(await spawn(*options), folder, path)

    return opened


@pytest.mark.parametrize(("section", "program"), VARIETIES)
async def test_encoders_do_what_the_page_says(
    open_kitchen: OpenKitchen, section: str, program: str
) -> None:
    lines = [each for each in RECIPES if each.command.section == section]
    cookbook.require(each.command for each in lines)
    wanted = any(cookbook.KEY in each.command.text for each in lines)
    kitchen = await open_kitchen(program, *(["--publish-key", cookbook.KEY] if wanted else []))
    at, source = f"{kitchen.origin.host}:{kitchen.origin.port}", [FFMPEGS["wheel"], *CAMERA]
    async with camera(source, kitchen.folder) as rtsp, asyncio.TaskGroup() as side_by_side:
        for number, recipe in enumerate(lines):
            place = Place(at, f"line{number}", rtsp.url, free_port())
            side_by_side.create_task(kitchen.try_out(recipe, place))


@pytest.mark.parametrize(("section", "behind"), TABLE)
def test_the_table_says_what_the_lines_below_it_say(section: str, behind: str) -> None:
    targets = [each.promise.target for each in RECIPES if anchor(each.command.section) == section]
    assert float(behind) in targets


async def test_players_play(open_kitchen: OpenKitchen) -> None:
    """Each for 5 s, and nobody complains; what was saved until the end decodes."""
    cookbook.require(page("players.md"))
    kitchen = await open_kitchen("wheel")
    origin = kitchen.origin
    place = Place(f"{origin.host}:{origin.port}", "live", "", 0)
    with ExitStack() as stack:
        encoder = stack.enter_context(kitchen.run(place.here(RECIPES[0].command), "encoder"))
        await until_recorded(origin, (await look(origin)).mpd, 1)
        players = {
            command: stack.enter_context(kitchen.run(place.here(command), f"line{command.line}"))
            for command in page("players.md")
        }
        for command, player in players.items():
            if command.program != "curl":  # it says nothing
                await _played(command, player)
        encoder.interrupt()
        for command, player in players.items():
            if command.program != "curl":  # its end is that of the upload
                player.interrupt()
            await until(player.ended)
            assert not COMPLAINTS.search(player.log), f"{command}\n{player.log}"
    for saved in ("received.mp4", "recording.mkv"):
        assert len(decoded(kitchen.folder / saved)) > 150


async def _played(command: Command, player: Shell) -> None:
    """Wait until it has shown 5 s: more than there was when it came."""

    def shown() -> bool:
        assert not player.ended()
        places = [float(one or other) for one, other in PLAYED.findall(player.log)]
        return bool(places) and max(places) - min(places) >= 5

    try:
        await until(shown)
    except BaseException as error:
        error.add_note(f"{command}\nwhich said:\n{player.log[-2000:]}")
        raise


def test_nothing_is_put_in_place_of_what_no_page_has() -> None:
    pages = "\n".join(each.text for name in ("encoders.md", "players.md") for each in page(name))
    assert [there for there in HERE if there not in pages] == []
