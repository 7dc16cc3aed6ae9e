"""Programs that are run, the pipes they write into, and what they are told."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass


async def start(
    command: Sequence[str], pass_fds: Sequence[int] = (), *, own_group: bool = True
) -> Process:
    """Run ``command`` with pipes at its outputs. Our settings, the publish key among them, are none
    of its business.

    ``own_group``: in a process group of its own, as a Ctrl-C in the terminal is for us, who know in
    which order things end. Without, whoever ends our group ends it too, should we be gone.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("SORGENTE_")}
    return await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=env, pass_fds=pass_fds,
        process_group=0 if own_group else None,
    )  # fmt: skip


def tell(process: Process, number: signal.Signals) -> None:
    """Send a signal, if it still runs.

    ``Process.send_signal`` looks first whether it does, and so takes the exit code of one that has
    just ended away from asyncio, which complains.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def end(process: Process) -> None:
    """Kill it, if it still runs."""
    tell(process, signal.SIGKILL)
    await process.wait()


@dataclass
class Pipe:
    """A pipe that a program is to write into and we read."""

    reader: asyncio.StreamReader
    write: int
    """The file descriptor for the program; -1 once it is closed here."""

    def close_write(self) -> None:
        """The program has it: now its end is the end."""
        if self.write >= 0:
            os.close(self.write)
            self.write = -1


@asynccontextmanager
async def pipe() -> AsyncIterator[Pipe]:
    """A pipe that is closed when it is left."""
    read, write = os.pipe()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    file = os.fdopen(read, "rb", buffering=0)
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, file)
    except BaseException:
        file.close()
        os.close(write)
        raise
    made = Pipe(reader, write)
    try:
        yield made
    finally:
        made.close_write()
        transport.close()
