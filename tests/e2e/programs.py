"""curl, ffmpeg as an encoder, and ffmpeg as the judge of what players saved."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO

import imageio_ffmpeg

from tests.support.origin import until


def ffmpeg(*arguments: str) -> list[str]:
    """A command of the real ffmpeg."""
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments]


def curl(*arguments: str) -> list[str]:
    """A command of the real curl, without a progress meter."""
    return ["curl", "-sS", *arguments]


class Program:
    """A running program; its standard output in a file, if it is given one."""

    def __init__(self, *command: str, output: Path | None = None) -> None:
        self.output = output
        file: IO[bytes] | None = None if output is None else output.open("wb")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if file is None else file,
            stderr=subprocess.PIPE,
        )
        if file is not None:
            file.close()

    @property
    def received(self) -> bytes:
        """What it has written so far."""
        assert self.output is not None
        return self.output.read_bytes()

    async def ended(self) -> int:
        """Wait for its exit code."""
        await until(lambda: self.process.poll() is not None)
        return int(self.process.returncode)

    async def succeeded(self) -> None:
        """Wait for its end, which is a good one."""
        code = await self.ended()
        assert self.process.stderr is not None
        assert code == 0, self.process.stderr.read().decode()

    async def receiving(self, count: int = 1) -> None:
        """Wait until it has written so many bytes."""
        assert self.output is not None
        output = self.output
        await until(lambda: output.stat().st_size >= count)

    def pause(self) -> None:
        """It goes on to exist, but reads nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: object, ___: TracebackType | None
    ) -> None:
        self.kill()
        assert self.process.stderr is not None
        self.process.stderr.close()


@dataclass(frozen=True)
class Frame:
    """A line of ``-f framemd5``."""

    stream: int
    dts: int
    md5: str


def decoded(path: Path, *options: str) -> list[Frame]:
    """Everything in a file as ffmpeg decodes it; not one word of complaint is allowed, and the
    times of every stream grow."""
    done = subprocess.run(
        ffmpeg("-xerror", "-i", str(path), *options, "-f", "framemd5", "pipe:1"),
        capture_output=True,
        check=False,
        timeout=50,
    )
    assert not done.stderr, f"{path.name}: {done.stderr.decode()}"
    assert done.returncode == 0
    lines = [line.split(",") for line in done.stdout.decode().splitlines() if line[0] != "#"]
    frames = [Frame(int(line[0]), int(line[1]), line[5].strip()) for line in lines]
    for stream in {frame.stream for frame in frames}:
        times = [frame.dts for frame in frames if frame.stream == stream]
        assert all(before < after for before, after in pairwise(times)), "times grow"
    return frames


def pictures(path: Path) -> list[str]:
    """A checksum of every picture in a file that decodes without complaint."""
    return [frame.md5 for frame in decoded(path, "-map", "0:v", "-fps_mode", "passthrough")]


def packets(path: Path, stream: int) -> list[str]:
    """A checksum of every packet of a stream, without decoding it."""
    frames = decoded(path, "-map", "0", "-c", "copy")
    return [frame.md5 for frame in frames if frame.stream == stream]
