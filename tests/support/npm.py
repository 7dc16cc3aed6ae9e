"""Node packages that tests use, as the lock file in ``tests/npm`` pins them."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

NPM: Final = Path(__file__).resolve().parents[1] / "npm"
INSTALL_SECONDS: Final = 120


def run(*command: str, text: str | None = None, timeout: float = 50) -> str:
    """A command in ``tests/npm``, which succeeds; what it prints."""
    done = subprocess.run(
        command, cwd=NPM, input=text, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def node() -> str:
    """Where node is; skips without it. Installs what the lock file says, once.

    With SORGENTE_NO_SKIP=1 in the environment its absence is a failure, as in ``corpus.py``.
    """
    path = shutil.which("node")
    npm = shutil.which("npm")
    if path is None or npm is None:
        reason = "node and npm are not there, which bring outside parsers and players"
        if os.environ.get("SORGENTE_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    installed, wanted = NPM / "node_modules" / ".package-lock.json", NPM / "package-lock.json"
    with wanted.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # workers of pytest-xdist come here at the same time
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", timeout=INSTALL_SECONDS)
    return path


def package_file(path: str) -> bytes:
    """A file of an installed package."""
    node()
    return (NPM / "node_modules" / path).read_bytes()
