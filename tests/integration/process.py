"""``sorgente serve`` as a process of its own."""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType

from tests.support.command import Command
from tests.support.origin import Site


class OriginProcess(Command, Site):
    """A real ``sorgente serve``."""

    def __init__(self, log: Path, *options: str, port: int = 0) -> None:
        Site.__init__(self)
        self.expected_exit: int | None = None
        """None: it is to be alive at the end of the test."""
        Command.__init__(self, log, "serve", *options, "--host", self.host, "--port", str(port))

    async def listening(self) -> OriginProcess:
        """Wait for the banner, which says where."""
        marker = f"://{self.host}:"
        await self.logged(marker)
        digits = self.log.partition(marker)[2]
        self.port = int(digits[: len(digits) - len(digits.lstrip("0123456789"))])
        return self

    def signal(self, number: signal.Signals, *, expect: int = 0) -> None:
        self.expected_exit = expect
        self.process.send_signal(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        alive = self.alive
        self.kill()
        if kind is None:
            assert "Traceback" not in self.log, self.log
            code = self.process.returncode
            if self.expected_exit is None:
                assert alive, f"the origin died with {code}:\n{self.log}"
            else:
                assert (alive, code) == (False, self.expected_exit), self.log
