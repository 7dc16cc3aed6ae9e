"""Tools that are not there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """Skip the test; with SORGENTE_NO_SKIP=1 in the environment that is a failure: CI has all."""
    reason = f"no {what} here (scripts/set_up tools)"
    if os.environ.get("SORGENTE_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
