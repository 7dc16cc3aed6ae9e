"""The receiver of docs/operating.md, as it stands there, told by an origin and by others."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from sorgente.hooks.signature import Secret, signed_headers
from sorgente.outbound import OutboundUrl
from sorgente.server import SystemClock
from sorgente.settings import HookSettings, Settings
from tests.docs.page import DOCS
from tests.support.live import video
from tests.support.origin import LOCAL, in_process, until
from tests.support.ports import free_port
from tests.support.receiver import SECRET

PAGE = (DOCS / "operating.md").read_text()


class Program:
    """It runs."""

    def __init__(self, folder: Path) -> None:
        (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        assert text.count("9000") == 1
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", text.replace("9000", str(port))],
                env={"SORGENTE_HOOK_SECRET": SECRET},
                stdout=output,
                stderr=subprocess.DEVNULL,
            )

    @property
    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.process.kill()
    program.process.wait()


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return response.status


async def test_it_hears_of_an_upload(program: Program) -> None:
    hooks = HookSettings(hook_url=(OutboundUrl(program.url),), hook_secret=(Secret(SECRET),))
    async with in_process(Settings(listen=LOCAL, hooks=hooks)) as origin:
        await origin.upload(video(5).whole)
        await until(lambda: len(program.lines) == 2)
    assert "'channel.publish'" in program.lines[0]
    assert "'channel.unpublish'" in program.lines[1]


async def test_it_takes_nothing_from_others_and_nothing_twice(program: Program) -> None:
    body, now = b'{"type":"channel.publish"}', int(SystemClock.wall())
    signed = signed_headers([Secret(SECRET)], "msg_1", now, body)

    async def listens() -> bool:
        try:
            return await post(program.url, body, {}) == 401
        except aiohttp.ClientError:
            return False

    await until(listens)
    assert await post(program.url, body + b" ", signed) == 401
    old = signed_headers([Secret(SECRET)], "msg_2", now - 301, body)
    assert await post(program.url, body, old) == 400
    assert program.lines == []
    for _ in range(2):
        assert await post(program.url, body, signed) == 204
    assert len(program.lines) == 1
