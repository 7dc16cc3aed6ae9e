"""``sorgente push`` as a process: options, exit codes, and one line on standard error."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.tools.conftest import Serve, answering, response


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
    code, said = await run("test", PATH=str(tmp_path), PYTHONPATH=str(tmp_path))
    assert code == 1
    assert said.startswith("sorgente push: ffmpeg is missing: `pip install imageio-ffmpeg`")
    assert said.count("\n") == 1
