"""What the origin does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["aiohttp", "sorgente.tools.bench.players"])
def test_the_origin_loads_no_client(module: str) -> None:
    """An HTTP client is 10 MB, and a quarter of a second."""
    look = f"import sys, sorgente.cli; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look]).returncode == 0
