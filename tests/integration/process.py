"""``sorgente serve`` as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.support.origin import Site, until


class OriginProcess(Site):
    """A real ``sorgente serve``. Its log is in a file, and must not hold a traceback."""

    def __init__(self, log: Path, *options: str, port: int = 0) -> None:
        super().__init__()
        self.log_path = log
        self.expected_exit: int | None = None
        """None: it is to be alive at the end of the test."""
        command = [str(Path(sys.executable).with_name("sorgente")), "serve", *options]
        command += ["--host", self.host, "--port", str(port)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    async def listening(self) -> OriginProcess:
        """Wait for the banner, which says where."""
        marker = f"://{self.host}:"
        await until(lambda: marker in self.log or self.process.poll() is not None)
        assert marker in self.log, self.log
        digits = self.log.partition(marker)[2]
        self.port = int(digits[: len(digits) - len(digits.lstrip("0123456789"))])
        return self

    async def logged(self, text: str) -> None:
        """Wait for ``text`` in the log."""
        await until(lambda: text in self.log)

    def signal(self, number: signal.Signals, *, expect: int = 0) -> None:
        self.expected_exit = expect
        self.process.send_signal(number)

    async def exited(self) -> int:
        """Wait for the exit code."""
        await until(lambda: self.process.poll() is not None)
        return int(self.process.returncode)

    def __enter__(self) -> OriginProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        self.hang_up()
        alive = self.process.poll() is None
        self.process.kill()
        code = self.process.wait()
        if kind is None:
            assert "Traceback" not in self.log, self.log
            if self.expected_exit is None:
                assert alive, f"the origin died with {code}:\n{self.log}"
            else:
                assert (alive, code) == (False, self.expected_exit), self.log
