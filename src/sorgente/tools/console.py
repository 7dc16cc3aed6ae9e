"""Lines for the person who runs a tool: what happened, and one line of how it goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Final, TextIO

from sorgente.tools.errors import ToolError

STATUS_SECONDS: Final = 10.0
"""Between status lines where a new one cannot replace the old: in a log."""
CLEAR_LINE: Final = "\r\x1b[K"


class Console:
    """Writes events as lines, and the status in place of itself on a terminal.

    ``clock`` is in seconds and only grows.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._in_place = stream.isatty()
        self._shown = ""
        self._status_at: float | None = None
        self._said: set[str] = set()

    def say(self, line: str) -> None:
        """Something happened."""
        clear = CLEAR_LINE if self._shown else ""
        self._write(f"{clear}{line}\n{self._shown}")

    def say_once(self, line: str) -> None:
        """Something is so, and stays so."""
        if line not in self._said:
            self._said.add(line)
            self.say(line)

    def retry(self, why: str, wait: float, what: str = "beginning") -> None:
        """Something failed, and is done again in ``wait`` seconds."""
        self.say(f"{why}; {what} again in {wait:g} s")

    def refuse(self, error: ToolError) -> None:
        """There is no use in going on."""
        self.say(f"sorgente push: {error}")

    def finish(self, line: str) -> None:
        """All is done that there was to do."""
        self.say(line)

    def wait(self, line: str) -> None:
        """It goes on when somebody else does something."""
        self.show(line)

    def status(self, name: str, line: str) -> None:
        """How it goes with ``name``."""
        self.show(f"{name}  {line}")

    def close(self) -> None:
        """Leave the last status where it is."""
        if self._shown:
            self._shown = ""
            self._write("\n")

    def show(self, line: str) -> None:
        """How it goes."""
        if self._in_place:
            self._shown = line[: shutil.get_terminal_size().columns - 1]
            self._write(f"{CLEAR_LINE}{self._shown}")
            return
        now = self._clock()
        if self._status_at is None or now - self._status_at >= STATUS_SECONDS:
            self._status_at = now
            self._write(f"{line}\n")

    def clear(self) -> None:
        """Take the last status away."""
        if self._shown:
            self._shown = ""
            self._write(CLEAR_LINE)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
