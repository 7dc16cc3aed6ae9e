from __future__ import annotations

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import boxes
from sorgente.isobmff.emsg import EventMessage, parse_emsg
from tests.support.boxes import emsg, full, u32


def read(data: bytes) -> EventMessage:
    return parse_emsg(next(boxes(data, 0, len(data))))


@pytest.mark.parametrize(("version", "time"), [(0, 90_000), (1, 1 << 40)])
def test_all_fields(version: int, time: int) -> None:
    data = emsg(b"urn:scte:scte35:2013:bin", b"42", 90_000, time, 100, 7, b"\xfc", version)
    assert read(data) == EventMessage(
        scheme="urn:scte:scte35:2013:bin",
        value="42",
        timescale=90_000,
        presentation_time=time,
        is_delta=version == 0,
        duration=100,
        event_id=7,
        payload=b"\xfc",
    )


@pytest.mark.parametrize(
    "data", [full(b"emsg", 1, 0, u32(1, 0, 0, 1)), full(b"emsg", 0, 0, b"urn:x\0\0", u32(1, 2))]
)
def test_cut_short(data: bytes) -> None:
    with pytest.raises(MalformedBox, match="'emsg'"):
        read(data)
