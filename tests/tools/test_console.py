"""Lines on a terminal, and in a log."""

from __future__ import annotations

import io

from sorgente.tools.console import CLEAR_LINE, Console
from tests.support.clock import FakeClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_status_replaces_itself_and_stays_below_what_happens() -> None:
    stream = Terminal()
    console = Console(stream, FakeClock().monotonic)
    console.status("live", "one")
    console.status("live", "two")
    console.say("it happened")
    console.close()
    assert stream.getvalue() == (
        f"{CLEAR_LINE}live  one{CLEAR_LINE}live  two{CLEAR_LINE}it happened\nlive  two\n"
    )  # fmt: skip


def test_a_status_longer_than_the_terminal_is_cut() -> None:
    stream = Terminal()
    Console(stream, FakeClock().monotonic).status("live", "x" * 10_000)
    assert len(stream.getvalue()) < 1000


def test_in_a_log_there_is_a_status_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), FakeClock()
    console = Console(stream, clock.monotonic)
    for second in range(21):
        console.wait(f"at {second}")
        clock.advance(1)
    console.say("it happened")
    console.close()
    assert stream.getvalue() == "at 0\nat 10\nat 20\nit happened\n"


def test_what_stays_so_is_said_once() -> None:
    stream = io.StringIO()
    console = Console(stream, FakeClock().monotonic)
    for line in ("a", "b", "a"):
        console.say_once(line)
    assert stream.getvalue() == "a\nb\n"
