"""What the watch page tells of its players, as the origin reads it."""

from __future__ import annotations

from typing import Any

import pytest

from sorgente.cmcd.report import Pair, Report, of_text
from tests.web.modules import in_module

TELL = """
const { latency, buffer, bits, rate } = argument;
const said = { sid: "a", sf: "o", ts: 1 };
return module.line("t", "p", { latency, buffer: buffer ?? NaN, bits, rate }, said);
"""


def told(latency: float | None, buffer: float | None, bits: float | None, rate: float) -> Report:
    fares: dict[str, Any] = {"latency": latency, "buffer": buffer, "bits": bits, "rate": rate}
    line = in_module("report.js", TELL, fares)
    report = of_text(str(line).strip().encode())
    assert report is not None
    return report


@pytest.mark.parametrize(
    ("fares", "says"),
    [
        ((0.1304, 0.05, 1.5e6, 1.05),
         Report(b"a", "other", "playing", Pair(0.05), Pair(1.5e6), None, 0.13, 1.05)),
        ((None, None, None, 1), Report(b"a", "other", "playing")),
        ((-1, 0, 0, 0), Report(b"a", "other", "playing", Pair(0.0), Pair(0.0), playback_rate=0.0)),
    ],
)  # fmt: skip
def test_it_is_read_as_it_was_meant(
    fares: tuple[float | None, float | None, float | None, float], says: Report
) -> None:
    assert told(*fares) == says
