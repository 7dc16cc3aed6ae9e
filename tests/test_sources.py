"""A process that is kept running: with small programs in place of ``sorgente push``."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from sorgente.channel_settings import ChannelSettings
from sorgente.sources import Source, push_command
from sorgente.tools.backoff import Backoff
from tests.support.clock import FakeClock
from tests.support.origin import until

URL = "http://127.0.0.1:8080"
STAY = "import signal; signal.pause()"

Run = Callable[..., Source]


def reporting(*reports: str, then: str = STAY) -> str:
    """A program that says so, and goes on."""
    said = "\n".join(reports)
    return f"print({said!r}, flush=True)\n{then}"


RUNS = '{"line": "25.0 fps", "state": "running"}'


@pytest.fixture
async def run(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Run]:
    """Run a program as a source that is started again after a moment."""
    caplog.set_level(logging.INFO)
    async with AsyncExitStack() as stack:

        def start(program: str, first: float = 0.001) -> Source:
            clock = FakeClock()
            command = [sys.executable, "-c", program]
            backoff = Backoff(first, 3600)
            source = Source("cam", lambda url: [*command, url], clock.monotonic, backoff)
            source.start(URL)
            stack.push_async_callback(source.close)
            return source

        yield start


@asynccontextmanager
async def family() -> AsyncIterator[Callable[[], list[psutil.Process]]]:
    """Who has come since."""
    us = psutil.Process()
    before = set(us.children(recursive=True))
    yield lambda: [each for each in us.children(recursive=True) if each not in before]


async def test_its_reports_are_its_state_and_lines_of_the_log(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(reporting('{"line": "publishing test"}', RUNS))
    assert (source.status().state, source.status().restarts) == ("starting", 0)
    await until(lambda: source.status().running)
    assert source.status().line == "25.0 fps"
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("INFO", "cam: source: publishing test")
    assert record.__dict__["channel"] == "cam"
    assert source.busy


async def test_what_it_waits_for_is_shown(run: Run) -> None:
    waits = '{"line": "waiting for a caller", "state": "waiting"}'
    source = run(reporting(waits))
    await until(lambda: source.status().state == "waiting")
    assert source.status().line == "waiting for a caller"


async def test_when_it_begins_again_is_counted_down_and_said_once(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """For as long as it has not run."""
    again = '{"line": "boom", "state": "restarting", "wait": 8}'
    source = run(reporting(again, again, RUNS, again))
    await until(lambda: source.status().restarts == 3)
    status = source.status()
    assert (status.state, status.line, status.wait) == ("restarting", "boom", 8)
    assert [record.message for record in caplog.records] == [
        "cam: source: boom; beginning again in 8 s"
    ] * 2
    assert {record.levelname for record in caplog.records} == {"WARNING"}


async def test_one_that_dies_is_started_again_ever_more_slowly(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(f"{reporting(RUNS, then='')}\nimport os; os.kill(os.getpid(), 9)", first=1800)
    await until(lambda: source.status().state == "failed")
    status = source.status()
    assert (status.line, status.wait) == ("sorgente push ended with SIGKILL", 1800)
    assert source.busy
    source = run("raise SystemExit(3)")
    await until(lambda: source.status().restarts == 5)
    said = [r.message for r in caplog.records if "exit code 3" in r.message]
    assert said == ["cam: source: sorgente push ended with exit code 3; beginning again in 0.001 s"]


async def test_one_that_gives_up_says_why(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    no = '{"line": "ffmpeg is missing", "state": "failed"}'
    source = run(reporting(no, then="raise SystemExit(1)"), first=1800)
    await until(lambda: source.status().wait > 0)
    assert (source.status().state, source.status().line) == ("failed", "ffmpeg is missing")
    assert [r.message for r in caplog.records] == [
        "cam: source: ffmpeg is missing; beginning again in 1800 s"
    ]


async def test_one_that_ends_well_unasked_is_started_again(run: Run) -> None:
    """Somebody has ended it who is not the origin."""
    source = run(reporting(RUNS, then=""))
    await until(lambda: source.status().restarts == 2)


async def test_a_file_at_its_end_is_left_there(run: Run) -> None:
    source = run(reporting(RUNS, '{"line": "the end", "state": "ended"}', then=""))
    await until(lambda: not source.busy)
    assert (source.status().state, source.status().line) == ("ended", "the end")
    assert source.status().restarts == 0


async def test_what_is_no_report_is_logged_as_it_is(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    source = run(reporting("hello", RUNS, then="raise RuntimeError('ouch')"), first=1800)
    await until(lambda: source.status().state == "failed")
    levels = {record.message: record.levelname for record in caplog.records}
    assert levels["cam: source: hello"] == "WARNING"
    assert levels["cam: source: RuntimeError: ouch"] == "ERROR"


async def test_a_program_that_is_not_there_is_tried_again(run: Run) -> None:
    source = Source("cam", lambda _: ["/nowhere"], FakeClock().monotonic, Backoff(1800, 1800))
    source.start(URL)
    await until(lambda: source.status().state == "failed")
    assert "cannot start sorgente push: No such file" in source.status().line
    await source.close()
    assert not source.busy


async def test_stopped_it_gets_the_time_it_takes_and_is_not_started_again(run: Run) -> None:
    patient = """
import signal, sys
def last_words(*_):
    print('{"line": "uploads ended"}', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, last_words)
"""
    async with family() as there:
        source = run(patient + reporting(RUNS))
        await until(lambda: source.status().running)
        assert len(there()) == 1
        source.stop()
        await until(lambda: not source.busy)
        assert source.status().restarts == 0
        assert there() == []


async def test_stopped_before_it_has_begun_and_while_it_waits(run: Run) -> None:
    early = run(STAY)
    early.stop()
    waiting = run("raise SystemExit(1)", first=3600)
    await until(lambda: waiting.status().state == "failed")
    waiting.stop()
    await until(lambda: not early.busy and not waiting.busy)


async def test_closed_it_is_gone_with_all_that_it_started(run: Run) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STAY!r}])\n"
    async with family() as there:
        source = run(deaf + child + reporting(RUNS))
        await until(lambda: source.status().running)
        processes = there()
        assert len(processes) == 2
        source.stop()
        await source.close()
        await until(lambda: not any(map(alive, processes)))


async def test_what_a_dead_one_leaves_behind_is_killed_before_it_is_started_again(
    run: Run, tmp_path: Path
) -> None:
    """An ffmpeg that waits for a caller would keep its port."""
    left = tmp_path / "left"
    child = (
        "import subprocess, sys, os\n"
        "quiet = dict(stdin=-3, stdout=-3, stderr=-3)\n"
        f"it = subprocess.Popen([sys.executable, '-c', {STAY!r}], **quiet)\n"
        f"open({str(left)!r}, 'w').write(str(it.pid))\n"
        "os.kill(os.getpid(), 9)"
    )
    source = run(child, first=1800)
    await until(lambda: source.status().state == "failed")
    pid = int(left.read_text())
    await until(lambda: not psutil.pid_exists(pid) or not alive(psutil.Process(pid)))


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_it_has_a_key_and_none_of_the_settings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SORGENTE_PUBLISH_KEY", "of-the-operator")
    monkeypatch.setenv("SORGENTE_LADDER", "720p")
    seen = tmp_path / "environ"
    program = f"import os, sys; open({str(seen)!r}, 'w').write(repr((dict(os.environ), sys.argv)))"
    source = run(f"{program}\n{reporting(RUNS)}")
    await until(lambda: source.status().running)
    text = seen.read_text()
    assert source.secret in text
    assert "of-the-operator" not in text
    assert "SORGENTE_LADDER" not in text
    assert f"{URL}/ingest/cam" in text
    assert "PATH" in text


def test_the_command_says_all_but_the_key() -> None:
    settings = ChannelSettings(
        source="-odd.mp4", ladder=("720p", "360p"), loop=True, encode=True, sound="-s", verbose=True
    )
    _, *rest = push_command(settings, f"{URL}/ingest/cam")
    assert rest == [
        *("-P", "-m", "sorgente", "push", "--attended", "--encode", "--loop", "--verbose"),
        *("--ladder=720p", "--ladder=360p", "--sound=-s"),
        *("--", "-odd.mp4", f"{URL}/ingest/cam"),
    ]
