"""``-progress`` reports, and the pace they tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.progress import MAX_LINE_BYTES, Pace, Progress, ProgressParser

REPORT = b"""\
frame=28
fps=27.81
stream_0_0_q=-1.0
bitrate=   0.2kbits/s
total_size=28
out_time_us=1024000
out_time_ms=1024000
out_time=00:00:01.024000
dup_frames=0
drop_frames=0
speed=1.02x
progress=continue
"""
FIRST = b"bitrate=N/A\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n"
LAST = b"frame=30\nout_time_us=1100000\nprogress=end\n"
ALL = [Progress(), Progress(28, 1.024), Progress(30, 1.1, last=True)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_reports_are_read_however_they_come(size: int) -> None:
    parser, data = ProgressParser(), FIRST + REPORT + LAST + b"frame=9"
    reports = [
        report for at in range(0, len(data), size) for report in parser.feed(data[at : at + size])
    ]
    assert reports == ALL


def test_one_report_tells_nothing_of_the_next() -> None:
    parser = ProgressParser()
    parser.feed(REPORT)
    assert parser.feed(b"progress=continue\n") == [Progress()]


keys = st.sampled_from([b"frame", b"out_time_us", b"progress", b"speed", b"", b"\0"])
values = st.binary(max_size=30) | st.integers().map(lambda number: b"%d" % number)
lines = st.builds(lambda key, value: key + b"=" + value + b"\n", keys, values)


@given(st.lists(lines | st.binary(max_size=60)))
def test_rubbish_is_no_report_and_no_error(pieces: list[bytes]) -> None:
    parser = ProgressParser()
    for piece in pieces:
        for report in parser.feed(piece):
            assert report.frames is None or report.frames >= 0
    parser.feed(b"\n")
    assert parser.feed(REPORT)[-1] == Progress(28, 1.024)


def test_a_line_without_an_end_takes_no_memory() -> None:
    parser = ProgressParser()
    for _ in range(100):
        parser.feed(b"x" * MAX_LINE_BYTES)
    assert len(parser._rest) <= MAX_LINE_BYTES


def test_the_pace_of_what_is_on_time() -> None:
    pace = Pace()
    for second in range(1, 11):
        pace.note(Progress(second * 25, 10.0 + second), second * 1000, float(second))
    assert (pace.speed, pace.frame_rate, pace.bit_rate, pace.drift) == (1.0, 25.0, 8000.0, 0.0)


def test_what_falls_behind_shows_in_speed_now_and_in_drift_for_ever() -> None:
    pace = Pace()
    for second in range(1, 60):
        media = min(second, 20) + max(second - 20, 0) * 0.5 if second < 40 else 30 + second - 40
        pace.note(Progress(0, 10.0 + media), 0, float(second))
    assert pace.speed == pytest.approx(1.0)
    assert pace.drift == pytest.approx(-10.0)


def test_before_the_second_report_nothing_is_known() -> None:
    pace = Pace()
    assert pace.drift is None
    pace.note(Progress(None, None), 0, 0.0)
    pace.note(Progress(0, 0.0), 0, 1.0)  # nothing is written yet
    assert pace.drift is None
    pace.note(Progress(None, 10.0), 0, 2.0)
    assert [pace.drift, pace.speed, pace.frame_rate] == [0.0, None, None]


def test_sound_alone_has_no_frame_rate() -> None:
    pace = Pace()
    for second in (1, 2):
        pace.note(Progress(None, 10.0 + second), 0, float(second))
    assert (pace.frame_rate, pace.speed) == (None, 1.0)
