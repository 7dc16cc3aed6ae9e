"""Channels whose source the origin runs: ``sorgente serve --config`` with real ffmpegs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil
import pytest

from tests.dash.reader import Mpd
from tests.e2e.programs import decoded, ffmpeg
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import Site, until
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(120)

TEST = 'source = "test:160x90@25"\n'
KEY = "of-the-operator"


@pytest.fixture(autouse=True)
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ffmpeg that everybody has here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], str]:
    """Write it."""

    def write(text: str) -> str:
        path = tmp_path / "sorgente.toml"
        path.write_text(text)
        return str(path)

    return write


class Family:
    """The processes that an origin has started, and theirs."""

    def __init__(self, origin: OriginProcess) -> None:
        self._origin = psutil.Process(origin.process.pid)

    def all(self) -> list[psutil.Process]:
        found: list[psutil.Process] = self._origin.children(recursive=True)
        return found

    async def ffmpeg(self) -> psutil.Process:
        """The one that makes media."""
        found: list[psutil.Process] = []

        def there() -> bool:
            found[:] = [each for each in self.all() if "-progress" in words(each)]
            return bool(found)

        await until(there)
        return found[0]

    def push(self) -> psutil.Process:
        (push,) = self._origin.children()
        return push


def words(process: psutil.Process) -> list[str]:
    try:
        found: list[str] = process.cmdline()
    except psutil.Error:  # it is gone by now
        return []
    return found


def gone(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


@pytest.fixture
def families() -> Iterator[list[psutil.Process]]:
    """Who is to be gone at the end; who is not is no trouble for other tests."""
    processes: list[psutil.Process] = []
    yield processes
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.kill()


async def on_the_air(origin: Site, channel: str = "live", more: int = 50) -> Mpd:
    """Its MPD, once there are so many chunks more."""
    before = await origin.metric("sorgente_chunks_total")

    async def there() -> bool:
        return await origin.metric("sorgente_chunks_total") >= before + more

    await until(there)
    answer = await origin.ask("GET", f"/live/{channel}/manifest.mpd")
    assert answer.status == 200
    return Mpd(answer.body)


async def running(origin: Site, channel: str = "live") -> None:
    await origin.until_metric("sorgente_source_running", 1, channel=channel)


async def test_a_test_picture_is_on_the_air_and_ends_well(
    spawn: Spawn, config: Callable[[str], str], tmp_path: Path
) -> None:
    origin = await spawn("--config", config(f"[channel.live]\n{TEST}"), "--shutdown-timeout", "20")
    player = await origin.play("/play/live")
    mpd = await on_the_air(origin)
    assert {each.id for each in mpd.representations} == {"v", "a"}
    await running(origin)
    (source,) = await sources(origin)
    assert (source["channel"], source["state"]) == ("live", "running")
    assert " fps " in source["line"]
    processes = Family(origin).all()
    assert len(processes) == 2, "push and ffmpeg"

    origin.signal(signal.SIGINT)
    got = await player.rest()
    assert got.complete, "the upload ended, and with it what was played"
    (tmp_path / "played.mp4").write_bytes(got.body)
    assert len(decoded(tmp_path / "played.mp4")) > 10
    assert await origin.exited() == 0
    assert all(map(gone, processes))
    assert "live: source: publishing test:160x90@25 to" in origin.log
    lines = origin.log.splitlines()
    shut_down = next(n for n, line in enumerate(lines) if line.endswith("shutting down"))
    ended = [line for line in lines[shut_down:] if "publishing ended: upload complete" in line]
    assert len(ended) == 2, "by itself, and not by the origin"


async def test_a_file_loops_in_a_ladder(
    spawn: Spawn, config: Callable[[str], str], tmp_path: Path
) -> None:
    """Past its end it is one period; an option of push is an option here."""
    film = tmp_path / "film.mp4"
    arguments = ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(film)),
    )
    assert psutil.Popen(arguments).wait(20) == 0
    text = f'[channel.film]\nsource = "{film}"\nloop = true\nladder = ["180p", "90p"]\n'
    origin = await spawn("--config", config(text))
    mpd = await on_the_air(origin, "film", more=2 * 75)
    assert {"v180", "v90"} < {each.id for each in mpd.representations}, "and silence"
    assert len(mpd.periods) == 1
    assert await origin.metric("sorgente_source_restarts_total", channel="film") == 0


async def test_an_ffmpeg_or_a_push_that_is_killed_comes_back(
    spawn: Spawn, config: Callable[[str], str], families: list[psutil.Process]
) -> None:
    origin = await spawn("--config", config(f"[channel.live]\n{TEST}"))
    family = Family(origin)
    await on_the_air(origin)
    first = await family.ffmpeg()
    first.kill()
    await origin.logged("live: source: ffmpeg was ended by SIGKILL; beginning again in 0.5 s")
    await on_the_air(origin)
    await running(origin)
    push, second = family.push(), await family.ffmpeg()
    families += [second]
    push.kill()
    await origin.logged("live: source: sorgente push ended with SIGKILL; beginning again in 1 s")
    await until(lambda: gone(second))
    await on_the_air(origin)
    assert await origin.metric("sorgente_source_restarts_total", channel="live") == 2


async def test_keys_are_no_hindrance_and_nowhere_to_be_seen(
    spawn: Spawn, config: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's opens, its own opens nothing else; JSON is JSON to the last line."""
    monkeypatch.setenv("SORGENTE_PUBLISH_KEY", KEY)
    text = f'[channel.live]\n{TEST}publish-key = "{KEY}-2"\nverbose = true\n[channel.cam]\n{TEST}'
    origin = await spawn("--config", config(text), "--log-format", "json")
    await on_the_air(origin, "cam")
    await on_the_air(origin, "live")
    processes = Family(origin).all()
    assert len(processes) == 4
    secrets = {each.environ().get("SORGENTE_PUBLISH_KEY") for each in processes} - {None}
    assert len(secrets) == 2, "one for each push, and ffmpeg has none"
    origin.signal(signal.SIGTERM)
    assert await origin.exited() == 0
    entries = [json.loads(line) for line in origin.log.splitlines()]
    said = {each["channel"] for each in entries if ": source: " in each["message"]}
    assert said == {"live", "cam"}
    assert any(": source: ffmpeg: " in each["message"] for each in entries), "verbose"
    seen = [origin.log, *(" ".join(words(each)) for each in processes)]
    for secret in (KEY, *secrets):
        assert not any(str(secret) in each for each in seen)


async def test_an_origin_that_is_killed_takes_them_with_it(
    spawn: Spawn, config: Callable[[str], str], families: list[psutil.Process]
) -> None:
    """One that waits for a caller, who has nothing else to notice it by."""
    address = f"rtmp://127.0.0.1:{free_port()}/live?listen"
    text = f'[channel.live]\n{TEST}[channel.cam]\nsource = "{address}"\n'
    origin = await spawn("--config", config(text))
    await on_the_air(origin)

    await until(lambda: says(origin, "cam", "waiting", "waiting for a caller at"))
    family = Family(origin)
    await until(lambda: len(family.all()) == 4)
    families += family.all()
    origin.signal(signal.SIGKILL, expect=-signal.SIGKILL)
    await origin.exited()
    await until(lambda: all(map(gone, families)))


async def test_what_cannot_be_opened_is_said_once_and_tried_again(
    spawn: Spawn, config: Callable[[str], str], tmp_path: Path
) -> None:
    """The origin goes on; the file comes later."""
    film = tmp_path / "late.mp4"
    origin = await spawn("--config", config(f'[channel.live]\nsource = "{film}"\n'))
    why = f"{film}: Error opening input: No such file or directory"
    await origin.logged(f"WARNING live: source: {why}; beginning again in 1 s")
    await origin.works("other")
    await until(lambda: says(origin, "live", "failed", str(film)))
    await until(lambda: again(origin, 2))
    assert origin.log.count("beginning again") == 1
    assert await origin.metric("sorgente_source_running", channel="live") == 0
    making = film.with_name("making.mp4")
    arguments = ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x90:duration=1", str(making))
    assert psutil.Popen(arguments).wait(20) == 0
    making.rename(film)
    await origin.logged(f"live: source: the end of {film}")
    assert await says(origin, "live", "ended", "the end of")


async def sources(origin: Site) -> list[dict[str, Any]]:
    """As the API tells of them."""
    answer = json.loads((await origin.ask("GET", "/api/v1/origin")).body)
    return list(answer["sources"])


async def says(origin: Site, channel: str, state: str, line: str) -> bool:
    """Whether the source of ``channel`` is in ``state``, with ``line`` in what is said of it."""
    (source,) = [each for each in await sources(origin) if each["channel"] == channel]
    return bool(source["state"] == state and line in source["line"])


async def again(origin: Site, times: int) -> bool:
    return await origin.metric("sorgente_source_restarts_total", channel="live") >= times


async def test_without_an_ffmpeg_the_origin_runs_and_a_line_says_so(
    spawn: Spawn, config: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/no/ffmpeg")
    origin = await spawn("--config", config(f"[channel.live]\n{TEST}"))
    await origin.logged("WARNING live: source: /no/ffmpeg does not run: ")
    await origin.works("other")


async def test_a_section_that_means_nothing_is_a_line_before_anything_listens(
    config: Callable[[str], str], tmp_path: Path
) -> None:
    path = config('[channel.live]\nsource = "test"\nladder = ["720x"]\n')
    with OriginProcess(tmp_path / "usage.log", "--config", path) as origin:
        origin.expected_exit = 2
        assert await origin.exited() == 2
        assert "'720x' is no rung" in origin.log
        assert "on the air" not in origin.log
