"""The sources of channels that the origin runs itself: ``source = "…"`` in ``[channel.NAME]``.

Each is a ``sorgente push`` in a process of its own, kept running:

    origin ── Source ═╤═ standard input: its end is the origin's end ═▶ sorgente push ─▶ ffmpeg
                ▲     ╘═ reports, a JSON object a line ◀══════════════════╛    │
                └──────────────────── uploads over HTTP ◀──────────────────────┘

A process and not a task: it reads what others send, splits it and waits for programs, and nothing
of that may hold up the players of all channels or take the origin with it. Whatever happens to it,
it is started again; whatever happens to the origin, it ends, and its ffmpeg with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from subprocess import PIPE, Popen
from typing import Final

from sorgente.channel_settings import ChannelSettings
from sorgente.control.status import SourceStatus
from sorgente.keys import Key
from sorgente.tools import child
from sorgente.tools.backoff import Backoff
from sorgente.tools.child import Pipe
from sorgente.tools.lines import lines
from sorgente.tools.reports import State, parse_report

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0
"""Seconds between starts of one that gives up. What may be back soon, an input or an ffmpeg, it
waits for itself; left are a file that is not there, a missing ffmpeg, and defects: a process costs
0.3 s of a core each time."""

KEY_BYTES: Final = 32

log = logging.getLogger("sorgente.channel")

MonotonicClock = Callable[[], float]
"""Seconds of a clock that only grows."""


class Sources:
    """All of them."""

    def __init__(self, channels: Mapping[str, ChannelSettings], clock: MonotonicClock) -> None:
        self._sources = [
            Source(name, partial(push_command, each), clock)
            for name, each in channels.items()
            if each.source is not None
        ]

    @property
    def keys(self) -> Mapping[str, Key]:
        """What each publishes its channel with."""
        return {each.channel: Key(each.secret) for each in self._sources}

    @property
    def busy(self) -> bool:
        """Some process runs, or would be started again."""
        return any(each.busy for each in self._sources)

    def __bool__(self) -> bool:
        """There are any."""
        return bool(self._sources)

    def start(self, url: str) -> None:
        """Start them all; the origin listens at ``url``."""
        for each in self._sources:
            each.start(url)

    def stop(self) -> None:
        """End them: ffmpeg ends its files, the uploads end cleanly; until ``busy`` is over."""
        for each in self._sources:
            each.stop()

    async def close(self) -> None:
        """End them at once."""
        await asyncio.gather(*(each.close() for each in self._sources))

    def status(self) -> list[SourceStatus]:
        """How each goes."""
        return [each.status() for each in self._sources]


class Source:
    """One of them.

    ``command`` makes the command of where to publish to. ``backoff`` is in real seconds.
    """

    def __init__(
        self,
        channel: str,
        command: Callable[[str], list[str]],
        clock: MonotonicClock,
        backoff: Backoff | None = None,
    ) -> None:
        self.channel = channel
        self.secret = secrets.token_urlsafe(KEY_BYTES)
        """A key that nobody else has and that is made anew with each start of the origin: it needs
        none of the operator's, of which only digests are kept."""
        self._command = command
        self._clock = clock
        self._backoff = backoff or Backoff(FIRST_WAIT, LONGEST_WAIT)
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._process: Popen[bytes] | None = None

        self._state = State.STARTING
        self._line = ""
        self._due = 0.0  # when it begins again
        self._restarts = 0
        self._complaint: str | None = None  # the last in the log, while it does not run

    @property
    def busy(self) -> bool:
        """A process runs, or would be started again."""
        return self._task is not None and not self._task.done()

    def start(self, url: str) -> None:
        """Run it until it is stopped, or at its end."""
        command = self._command(f"{url}/ingest/{self.channel}")
        self._task = asyncio.create_task(self._supervise(command))

    def stop(self) -> None:
        """End it well."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()

    async def close(self) -> None:
        """End it at once. Its task is not cancelled, but ends with the process."""
        self._stopping.set()
        if self._process is not None:
            _kill(self._process)
        if self._task is not None:
            await self._task

    def status(self) -> SourceStatus:
        """How it goes."""
        wait = max(0.0, self._due - self._clock())
        again = self._state in (State.RESTARTING, State.FAILED)
        return SourceStatus(
            self.channel, self._state.value, self._line, wait if again else 0.0, self._restarts
        )

    async def _supervise(self, command: list[str]) -> None:
        while True:
            began = self._clock()
            try:
                why = await self._run(command)
            except OSError as error:  # no memory, no file descriptor, no room for a process
                why = f"cannot start sorgente push: {error.strerror or error}"
            except Exception:
                log.exception("%s: source", self.channel, extra={"channel": self.channel})
                why = "a defect of the origin's"
            if self._stopping.is_set() or self._state is State.ENDED:
                return
            wait = self._backoff.after(self._clock() - began)
            self._fails(why, State.FAILED, wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
                return

    async def _run(self, command: list[str]) -> str:
        """Run the process to its end; why it ended."""
        self._state, self._line = State.STARTING, ""
        async with child.pipe() as reports, child.pipe() as errors:
            if self._stopping.is_set():
                return ""
            process = _start(command, reports, errors, self.secret)
            self._process = process
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(reports.reader))
                    group.create_task(self._complain(errors.reader))
                code = await asyncio.to_thread(process.wait)
            finally:
                self._process = None
                _end(process)
        if self._state is State.FAILED:
            return self._line
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"sorgente push ended with {how}"

    async def _listen(self, reports: asyncio.StreamReader) -> None:
        async for line in lines(reports):
            report = parse_report(line)
            if report is None:
                self._say(line, logging.WARNING)
            elif report.state is None:
                self._say(report.line)
            elif report.state is State.RESTARTING:
                self._fails(report.line, report.state, report.wait)
            else:
                self._enters(report.state, report.line)

    async def _complain(self, errors: asyncio.StreamReader) -> None:
        """Nothing is meant to come: it is a traceback, or a word of the interpreter's."""
        async for line in lines(errors):
            self._say(line, logging.ERROR)

    def _enters(self, state: State, line: str) -> None:
        self._state, self._line = state, line
        if state is State.RUNNING:
            self._complaint = None
        elif state is State.ENDED:
            self._say(line)

    def _fails(self, why: str, state: State, wait: float) -> None:
        """It begins again in ``wait`` seconds. For the same reason that is one line of the log, not
        one every time: an input may be away for weeks."""
        self._state, self._line = state, why
        self._due = self._clock() + wait
        self._restarts += 1
        if why != self._complaint:
            self._complaint = why
            self._say(f"{why}; beginning again in {wait:g} s", logging.WARNING)

    def _say(self, text: str, level: int = logging.INFO) -> None:
        log.log(level, "%s: source: %s", self.channel, text, extra={"channel": self.channel})


def push_command(settings: ChannelSettings, url: str) -> list[str]:
    """What is run, to publish to ``url``. ``-P``: nothing of what lies in the folder where the
    origin was started is taken for a module."""
    assert settings.source is not None, "or there is nothing to run"
    options = [f"--{name}" for name in ("encode", "loop", "verbose") if getattr(settings, name)]
    options += [f"--ladder={rungs}" for rungs in settings.ladder]
    if settings.sound is not None:
        options.append(f"--sound={settings.sound}")
    interpreter = [sys.executable, "-P", "-m", "sorgente"]
    return [*interpreter, "push", "--attended", *options, "--", settings.source, url]


def _environment(key: str) -> dict[str, str]:
    """Ours, without the origin's settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SORGENTE_")}
    return {**ours, "SORGENTE_PUBLISH_KEY": key}


def _start(command: list[str], reports: Pipe, errors: Pipe, key: str) -> Popen[bytes]:
    """In a session of its own: who ends its group ends its ffmpeg too.

    Not with asyncio: uvloop forks, which copies the page tables of all the media in memory and
    holds up every player meanwhile, 0.1 to 0.4 s with 1 to 2 GB. ``Popen`` has ``vfork``.
    """
    process = Popen(
        command, stdin=PIPE, stdout=reports.write, stderr=errors.write, env=_environment(key),
        start_new_session=True,
    )  # fmt: skip
    reports.close_write()  # their end is to be seen
    errors.close_write()
    return process


def _end(process: Popen[bytes]) -> None:
    """Whatever is left of it, and what told it that we are there."""
    _kill(process)
    assert process.stdin is not None
    process.stdin.close()


def _kill(process: Popen[bytes]) -> None:
    """With all that is left of its group: an ffmpeg that waits for a caller would keep its port for
    ever."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
