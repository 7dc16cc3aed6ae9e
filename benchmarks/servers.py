"""The servers under test: how each is started, found ready, and ended."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from benchmarks.machine import children_on
from benchmarks.native import Toolchain, Unavailable, find_go, nethttp_program, seed_program

_REPOSITORY: Final = Path(__file__).resolve().parent.parent
_READY_SECONDS: Final = 20
_END_SECONDS: Final = 10
_ATTEMPTS: Final = 3
_CONNECTIONS: Final = 16_000  # 10,000 players with room for those that reconnect


Service = Literal["fanout", "live", "objects"]
"""Progressive streams; segments and manifests of what is published; what is PUT, from memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKind:
    """One program that takes an upload and serves players."""

    name: str
    command: Callable[[int], list[str]]
    serves: frozenset[Service]
    configurable: bool = False
    """It takes Sorgente's options."""

    ingest_path: str = "/ingest/{channel}"
    ingest_track_path: str = "/ingest/{channel}/{track}"
    play_path: str = "/play/{channel}"
    ready_path: str = "/healthz"
    ready_status: int = 200
    one_channel: bool = False


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A started server."""

    kind: ServerKind
    pid: int
    port: int


def yardstick(toolchain: Toolchain, fault: str | None = None) -> ServerKind:
    """The C floor."""
    program = str(toolchain.program("yardstick", fault))
    name = f"yardstick-{fault.lower()}" if fault else "yardstick"
    return ServerKind(
        name=name,
        command=lambda port: [program, str(port)],
        serves=frozenset({"fanout", "live", "objects"}),
    )


def seed(go: str | None) -> ServerKind:
    """The Go program that all began with; it has one channel and knows no /healthz."""
    program = str(seed_program(find_go(go)))
    return ServerKind(
        name="seed",
        command=lambda port: [program, str(port)],
        serves=frozenset({"fanout"}),
        ingest_path="/ingest",
        play_path="/play",
        ready_status=404,
        one_channel=True,
    )


def nethttp(go: str | None) -> ServerKind:
    """Go's net/http, answering from memory."""
    program = str(nethttp_program(find_go(go)))
    return ServerKind(
        name="net/http",
        command=lambda port: [program, str(port)],
        serves=frozenset({"objects"}),
        ready_status=404,
    )


def default_python() -> str:
    """The repository's own environment when there is one."""
    own = _REPOSITORY / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def sorgente(python: str) -> ServerKind:
    """Sorgente, as users start it, with the connection limits out of the way."""
    base = [python, "-m", "sorgente", "serve"]
    probe = subprocess.run(
        [*base, "--help"], capture_output=True, text=True, timeout=60, check=False, cwd=_REPOSITORY
    )
    if probe.returncode != 0:
        reason = (probe.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"`{' '.join(base)}` cannot be run: {reason}")
    options = [
        "--max-connections",
        str(_CONNECTIONS),
        "--max-connections-per-address",
        str(_CONNECTIONS),
    ]
    return ServerKind(
        name="sorgente",
        serves=frozenset({"fanout", "live"}),
        configurable=True,
        command=lambda port: [*base, "--host", "127.0.0.1", "--port", str(port), *options],
    )


@contextmanager
def running(kind: ServerKind, core: int, options: Sequence[str] = ()) -> Iterator[RunningServer]:
    """Start a server on a core, wait until it is ready, and end it afterwards.

    ``options`` are for those that are configurable.

    Raises:
        Unavailable: it did not come up.
    """
    with tempfile.TemporaryFile() as log:
        process, port = _start(kind, core, options if kind.configurable else (), log)
        try:
            yield RunningServer(kind, process.pid, port)
        finally:
            _end(process)


def _start(
    kind: ServerKind, core: int, options: Sequence[str], log: IO[bytes]
) -> tuple[subprocess.Popen[bytes], int]:
    """On a busy machine somebody else may take the port that was free: another one, then."""
    for _ in range(_ATTEMPTS):
        port = _free_port()
        with children_on(core):
            process = subprocess.Popen(
                [*kind.command(port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=_REPOSITORY,
            )
        if _becomes_ready(kind, process, port):
            return process, port
        _end(process)
    log.seek(0)
    tail = log.read()[-2000:].decode(errors="replace").strip()
    raise Unavailable(f"{kind.name} did not come up: {tail or 'it said nothing'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _becomes_ready(kind: ServerKind, process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", kind.ready_path)
            if connection.getresponse().status == kind.ready_status:
                return True
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_END_SECONDS)
