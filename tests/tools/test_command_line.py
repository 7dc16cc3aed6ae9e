"""``sorgente push`` as a process: options, exit codes, and one line on standard error."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sorgente.tools.leash import find_leash
from tests.support.command import Command
from tests.support.origin import until
from tests.support.ports import free_port
from tests.tools.conftest import Serve, answering, response

LEASH = find_leash()


async def run(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """Its exit code, and what it says."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("sorgente")),
        "push",
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("how", ["variable", "--key", "--publish-key"])
async def test_the_key_is_sent_and_a_refusal_ends_it(serve: Serve, how: str) -> None:
    server = await serve(answering(response("401 Unauthorized", "another key, please\n")))
    url = f"http://{server.target.authority}/ingest/show"
    if how == "variable":
        code, said = await run("test", url, SORGENTE_PUBLISH_KEY="geheim")
    else:
        code, said = await run("test", url, how, "geheim")
    assert (code, said) == (1, "sorgente push: the origin answers 401: another key, please\n")
    assert server.heads[0].startswith("POST /ingest/show/v HTTP/1.1\r\n")
    assert "Authorization: Bearer geheim\r\n" in server.heads[0]


async def test_no_ffmpeg_is_one_line_that_says_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "imageio_ffmpeg.py").write_text("raise ImportError\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    code, said = await run("test", PATH=str(tmp_path), PYTHONPATH=os.pathsep.join(paths))
    assert code == 1
    assert said.startswith("sorgente push: ffmpeg is missing: `pip install imageio-ffmpeg`")
    assert said.count("\n") == 1


@pytest.mark.skipif(not LEASH, reason="there is no setpriv that can do it")
async def test_killed_it_leaves_nobody_behind_who_holds_the_port(
    serve: Serve, tmp_path: Path
) -> None:
    """A listening ffmpeg writes nothing, and would not notice for as long as nobody calls."""
    server = await serve(answering(response("200 OK")))
    caller = f"rtmp://127.0.0.1:{free_port()}/live/key?listen"
    url = f"http://{server.target.authority}/ingest/live"
    with Command(tmp_path / "push.log", "push", caller, url) as push:
        me = psutil.Process(push.process.pid)
        await until(lambda: any(waits_for_a_caller(each) for each in me.children()))
        (ffmpeg,) = me.children()
        me.kill()
        try:
            await until(lambda: not waits_for_a_caller(ffmpeg))
        finally:
            with suppress(psutil.NoSuchProcess):
                ffmpeg.kill()


def waits_for_a_caller(process: psutil.Process) -> bool:
    try:
        return any(each.status == psutil.CONN_LISTEN for each in process.net_connections())
    except psutil.Error:
        return False  # it is gone
