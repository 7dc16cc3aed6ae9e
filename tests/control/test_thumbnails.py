"""Pictures of channels, by a real ffmpeg."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Final

import imageio_ffmpeg
import psutil
import pytest

from sorgente.control import thumbnails
from sorgente.control.thumbnails import FRESH_SECONDS, Thumbnails, decoded, key_picture
from sorgente.errors import EndedByOperator
from sorgente.media.channel import Channel
from tests.control.conftest import Stage
from tests.support.transport import House
from tests.support.uploads import units_of

FFMPEG: Final = imageio_ffmpeg.get_ffmpeg_exe()
FRAME: Final = 0.04
JPEG: Final = b"\xff\xd8\xff"


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four seconds of a test picture, a key frame every second."""
    file = tmp_path_factory.mktemp("thumbnails") / "picture.mp4"
    command = f"{FFMPEG} -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=4"
    command += " -c:v libx264 -preset ultrafast -tune zerolatency -g 25"
    command += f" -movflags cmaf+frag_every_frame {file}"
    subprocess.run(command.split(), check=True)
    return Path(file).read_bytes()


def on_air(house: House, upload: bytes) -> Channel:
    encoder = house.request(b"POST /ingest/live HTTP/1.1", b"Content-Length: %d" % (1 << 30))
    for unit in units_of(upload):
        house.pass_time(FRAME)
        encoder.receive(unit.data)
    channel = house.broker.get("live")
    assert channel is not None
    return channel


async def settled(made: Thumbnails) -> None:
    """What is being made in the background is there."""
    await asyncio.gather(*made.making)


async def test_the_newest_key_picture_is_decoded(upload: bytes) -> None:
    house = House()
    channel = on_air(house, upload)
    picture = await Thumbnails(FFMPEG, house.clock.monotonic).of(channel)
    assert picture is not None
    assert picture.startswith(JPEG)
    assert 1000 < len(picture) < 60_000


async def test_a_fresh_one_is_kept_and_an_old_one_made_anew_behind_its_back(
    upload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House()
    channel = on_air(house, upload)
    asked: list[bytes] = []

    async def counted(program: str, mp4: bytes) -> bytes | None:
        asked.append(mp4)
        return b"picture %d" % len(asked)

    monkeypatch.setattr(thumbnails, "decoded", counted)
    monkeypatch.setattr(thumbnails, "PAUSE_SECONDS", 0)
    made = Thumbnails("ffmpeg", house.clock.monotonic)
    both = tuple(await asyncio.gather(made.of(channel), made.of(channel)))
    assert both == (b"picture 1", b"picture 1"), "one for all who wait"
    assert await made.of(channel) == b"picture 1"
    house.clock.advance(FRESH_SECONDS)
    assert await made.of(channel) == b"picture 1"
    await settled(made)
    assert len(asked) == 1, "there is no newer key picture to decode"
    channel.end(EndedByOperator("live"), house.clock.now)
    house.pass_time(FRESH_SECONDS)
    again = on_air(house, upload)
    assert await made.of(again) == b"picture 1", "nobody waits for a newer one"
    await settled(made)
    assert await made.of(again) == b"picture 2"


async def test_what_ffmpeg_does_not_understand_has_no_picture(stage: Stage) -> None:
    channel = stage.house.broker.get("live")
    assert channel is not None
    assert key_picture(channel) is not None
    now = stage.house.clock.monotonic
    assert await Thumbnails(FFMPEG, now).of(channel) is None, "its pictures are dots"
    assert await Thumbnails(None, now).of(channel) is None, "there is no ffmpeg"
    waiting = stage.house.broker.get("tomorrow")
    assert waiting is not None
    assert await Thumbnails(FFMPEG, now).of(waiting) is None, "there is nothing"


async def test_an_ffmpeg_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(thumbnails, "DECODE_SECONDS", 0.3)
    assert await decoded(str(program), b"x") is None
    pid = (tmp_path / "pid").read_text().strip()
    assert not psutil.pid_exists(int(pid))
