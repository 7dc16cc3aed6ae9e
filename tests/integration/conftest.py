"""Origins to talk to, in the loop of the test and as processes of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from pathlib import Path

import pytest
import uvloop

from sorgente.settings import Settings
from tests.integration.process import OriginProcess
from tests.support.origin import LOCAL, InProcess, in_process

Launch = Callable[..., Awaitable[InProcess]]
Spawn = Callable[..., Awaitable[OriginProcess]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Everything in process runs on both; a process of its own chooses its loop itself."""
    if "spawn" in getattr(item, "fixturenames", ()):
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


class Complaints(logging.Handler):
    """Keeps what a healthy origin never logs."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.records.append(record)


@pytest.fixture
def no_complaints() -> Iterator[None]:
    """No traceback, and nothing at ERROR, whatever the outside does."""
    complaints = Complaints()
    root = logging.getLogger()
    root.addHandler(complaints)
    yield
    root.removeHandler(complaints)
    assert not complaints.records, [record.getMessage() for record in complaints.records]


@pytest.fixture
async def launch(no_complaints: None) -> AsyncIterator[Launch]:
    """Start an origin with settings of the test's own."""
    async with AsyncExitStack() as stack:

        async def start(**components: object) -> InProcess:
            settings = Settings(**{"listen": LOCAL, **components})  # type: ignore[arg-type]
            return await stack.enter_async_context(in_process(settings))

        yield start


@pytest.fixture
async def origin(launch: Launch) -> InProcess:
    """An origin with all defaults."""
    return await launch()


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start ``sorgente serve`` with options of the test's own."""
    numbers = count(1)
    with ExitStack() as stack:

        async def start(*options: str) -> OriginProcess:
            log = tmp_path / f"origin-{next(numbers)}.log"
            return await stack.enter_context(OriginProcess(log, *options)).listening()

        yield start


@pytest.fixture
async def origin_process(spawn: Spawn) -> OriginProcess:
    """``sorgente serve`` with all defaults."""
    return await spawn()
