"""Programs of others: curl and ffmpeg against a real ``sorgente serve``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e import cookbook
from tests.e2e.programs import Program, ffmpeg
from tests.integration.conftest import origin_process, spawn
from tests.support.npm import node

__all__ = ["origin_process", "spawn"]

Run = Callable[..., Program]


@pytest.fixture(autouse=True)
def players_are_installed(request: pytest.FixtureRequest) -> None:
    """Before a test begins: npm takes a quarter of a minute, with an encoder on the air."""
    if request.node.get_closest_marker("players"):
        node()


@pytest.fixture
def run() -> Iterator[Run]:
    """Start a program; what is still running at the end of the test is killed."""
    with ExitStack() as stack:

        def start(*command: str, output: Path | None = None) -> Program:
            return stack.enter_context(Program(*command, output=output))

        yield start


@pytest.fixture(scope="session")
def progressive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``input.mp4`` of the seed's lines: 10 s of noisy pictures with sound, a plain file."""
    path = tmp_path_factory.mktemp("media") / "input.mp4"
    picture = "testsrc2=size=320x180:rate=25:duration=10,noise=alls=30:allf=t"
    sound = "sine=frequency=440:sample_rate=48000:duration=10"
    command = ffmpeg(
        "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound,
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "3000k",
        "-g", "25", "-c:a", "aac", str(path),
    )  # fmt: skip
    subprocess.run(command, check=True, timeout=50)
    return path


@pytest.fixture(scope="session")
def pantry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name."""
    folder = tmp_path_factory.mktemp("pantry")
    for name, size in (("input", "320x180"), ("film", "1280x720")):
        command = ffmpeg(
            *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30:duration=20"),
            *("-f", "lavfi", "-i", "sine=sample_rate=48000:duration=20"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"),
            *("-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", str(folder / f"{name}.mp4")),
        )
        subprocess.run(command, check=True, timeout=50)
    (folder / "recording.mp4").symlink_to("input.mp4")
    (folder / "mpv").mkdir()
    (folder / "mpv" / "mpv.conf").write_text(cookbook.MPV)
    return folder


@pytest.fixture
def folder(pantry: Path, tmp_path: Path) -> Path:
    """What is in the pantry, and room for more."""
    made = tmp_path / "kitchen"
    made.mkdir()
    for each in pantry.iterdir():
        (made / each.name).symlink_to(each)
    return made
