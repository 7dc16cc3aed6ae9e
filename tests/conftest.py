"""What holds for all tests, one after the other or beside each other (pytest-xdist)."""

from __future__ import annotations

import os
from typing import Final

import pytest
from hypothesis import settings

WAY: Final = 10
"""Niceness of tests that give way to those whose pictures and sound have to be on time."""

# No test is a stopwatch: on a machine with other things to do, an example takes what it takes.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)  # before xdist, which looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Players and other real programs are one group, for one worker: they have to be on time, so
    no two of them run at once (side by side, pictures were late one run in two). They mostly wait.
    It is the largest group, which xdist hands out first, and the slowest.
    """
    if not config.pluginmanager.has_plugin("xdist"):
        return
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.xdist_group("on time"))


@pytest.hookimpl(tryfirst=True)  # before fixtures, whose processes inherit it
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Everything else gives way to them, and so does all that it starts.

    For good, as only root could take it back: a worker comes to a group first or never.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and not item.get_closest_marker("e2e"):
        os.nice(max(0, WAY - os.nice(0)))
