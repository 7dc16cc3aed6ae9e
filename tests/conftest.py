"""What holds for all tests, one after the other or beside each other (pytest-xdist)."""

from __future__ import annotations

import os
import re
from typing import Final

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

REAL_PROGRAMS: Final = "tests/e2e/"
"""Real encoders, players and other programs: all of what is marked ``e2e``."""
WAY: Final = 10
"""Niceness of tests that give way to those whose pictures and sound have to be on time."""
READABLE: Final = re.compile(rb"[ -~\r\n\t]{0,80}")

# No test is a stopwatch: on a machine with other things to do, an example takes what it takes.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


class OnTime(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Players and other real programs are one piece of work, for one worker: they have to be on
    time, so no two of them run at once (side by side, pictures were late one run in two). They
    mostly wait. It is the largest piece, which xdist hands out first. Anything else is handed out
    test by test.

    By path, as a scheduler sees no marks. (xdist 3.8 has ``xdist_group`` for this, which does
    nothing with pytest 9.2, and does not say so.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return REAL_PROGRAMS if nodeid.startswith(REAL_PROGRAMS) else nodeid


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that nobody can read are no name. Neither may they be one: what was packed, signed or
    drawn by lot differs from worker to worker, and xdist runs nothing then."""
    if isinstance(val, bytes) and not READABLE.fullmatch(val):
        return argname
    return None


@pytest.hookimpl(optionalhook=True)  # xdist's; without -n nobody asks
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OnTime:
    """What ``-n`` runs where."""
    return OnTime(config, log)


@pytest.hookimpl(tryfirst=True)  # before fixtures, whose processes inherit it
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Everything else gives way to them, and so does all that it starts.

    For good, as only root could take it back: a worker comes to a group first or never.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and not item.get_closest_marker("e2e"):
        os.nice(max(0, WAY - os.nice(0)))
