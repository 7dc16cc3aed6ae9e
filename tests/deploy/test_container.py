"""What ``deploy/Dockerfile`` copies is there, its libraries are those that are tested here, and its
health check tells. A build needs more than tests may: docs/operating.md says what was built."""

from __future__ import annotations

import asyncio
import re
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from sorgente.settings import ListenSettings
from tests.deploy.fronts import DEPLOY
from tests.integration.conftest import Launch
from tests.support.certificates import Authority
from tests.support.ports import free_port

ROOT = DEPLOY.parent
IMAGE = ROOT / "requirements/image"
LOCKS = sorted(IMAGE.glob("*.txt"))
PINNED = re.compile(r"^([a-z0-9-]+)==([^\s;]+)", re.MULTILINE)
DEV = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def test_what_the_image_copies_is_there_and_given_to_the_build() -> None:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", "")
    copied = [
        source
        for arguments in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in arguments.split()[:-1]
    ]
    given = re.findall("^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(given)
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_the_image_holds_the_versions_that_are_tested() -> None:
    text = (ROOT / "requirements/dev.txt").read_text()
    tested = {name.lower().replace("_", "-"): pin for name, pin in DEV.findall(text)}
    held = {name: pin for lock in LOCKS for name, pin in PINNED.findall(lock.read_text())}
    assert len(held) > 20
    assert {name: pin for name, pin in held.items() if tested.get(name, pin) != pin} == {}
    build = dict(PINNED.findall((IMAGE / "build.txt").read_text()))
    assert held.keys() - build.keys() <= tested.keys()


def test_the_image_holds_all_that_the_package_depends_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    held = dict(PINNED.findall((IMAGE / "origin.txt").read_text()))
    assert {_name(line) for line in project["dependencies"]} <= held.keys()
    (ffmpeg,) = project["optional-dependencies"]["ffmpeg"]
    assert _name(ffmpeg) in dict(PINNED.findall((IMAGE / "ffmpeg.txt").read_text()))


def _name(requirement: str) -> str:
    match = re.match("[a-z0-9-]+", requirement)
    assert match
    return match.group()


@pytest.mark.parametrize("tls", [False, True])
async def test_the_health_check_finds_an_origin(launch: Launch, tmp_path: Path, tls: bool) -> None:
    cert = Authority().write(tmp_path / "origin.pem") if tls else None
    origin = await launch(listen=ListenSettings(host="127.0.0.1", port=0, cert=cert))
    assert await _check(origin.port) == (0, "")


async def test_the_health_check_finds_none() -> None:
    port = free_port()
    code, said = await _check(port)
    assert code == 1
    assert fnmatch(said, f"nothing at port {port}: *refused*")


async def _check(port: int) -> tuple[int | None, str]:
    """Its exit code, and what it says."""
    check = await asyncio.create_subprocess_exec(
        *(sys.executable, "-IS", str(DEPLOY / "healthcheck.py"), str(port)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await check.communicate()
    return check.returncode, said.decode().strip()
