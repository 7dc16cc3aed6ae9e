"""What a program reads of ``push``."""

from __future__ import annotations

import io

import pytest

from sorgente.tools.errors import FfmpegMissing
from sorgente.tools.lines import MAX_LINE_BYTES
from sorgente.tools.reports import Report, Reports, State, parse_report
from tests.support.clock import FakeClock


def test_all_that_is_said_is_a_report_a_line() -> None:
    stream = io.StringIO()
    reports = Reports(stream, FakeClock().monotonic)
    reports.say_once("publishing")
    reports.say_once("publishing")
    reports.wait("waiting for a caller")
    reports.status("live", "25.0 fps")
    reports.retry("the caller hung up", 0.5)
    reports.retry("no route to host", 2, "trying")
    reports.finish("the end of film.mp4")
    reports.refuse(FfmpegMissing("ffmpeg is missing"))
    reports.close()
    assert [parse_report(line) for line in stream.getvalue().splitlines()] == [
        Report("publishing"),
        Report("waiting for a caller", State.WAITING),
        Report("25.0 fps", State.RUNNING),
        Report("the caller hung up", State.RESTARTING, 0.5),
        Report("no route to host", State.RESTARTING, 2),
        Report("the end of film.mp4", State.ENDED),
        Report("ffmpeg is missing", State.FAILED),
    ]


@pytest.mark.parametrize("character", ["x", '"', "\n", "\x01", "é", "\N{CLAPPER BOARD}"])
def test_a_report_is_one_line_whole_however_long_its_text(character: str) -> None:
    stream = io.StringIO()
    Reports(stream, FakeClock().monotonic).say(character * 5000)
    (line,) = stream.getvalue().splitlines()
    assert len(line.encode()) < MAX_LINE_BYTES
    report = parse_report(line)
    assert report is not None
    assert report.line == character * len(report.line)


@pytest.mark.parametrize("line", ["", "Traceback", "{}", "[]", '{"line": 1}', '{"line": "x'])
def test_what_is_no_report_is_none(line: str) -> None:
    assert parse_report(line) is None


def test_nobody_who_reads_is_no_failure() -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    Reports(Broken(), FakeClock().monotonic).say("anybody?")
