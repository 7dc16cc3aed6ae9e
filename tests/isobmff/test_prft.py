from __future__ import annotations

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import boxes
from sorgente.isobmff.prft import NTP_EPOCH, ProducerReferenceTime, parse_prft
from tests.support.boxes import prft

NTP = (NTP_EPOCH + 1_700_000_000) << 32 | 1 << 31


def read(data: bytes) -> ProducerReferenceTime:
    return parse_prft(next(boxes(data, 0, len(data))))


@pytest.mark.parametrize(("version", "media_time"), [(0, 0xFFFFFFFF), (1, 1 << 40)])
def test_all_fields(version: int, media_time: int) -> None:
    found = read(prft(3, NTP, media_time, version=version, flags=24))
    assert found == ProducerReferenceTime(3, NTP, media_time, 24, version)
    assert found.unix_seconds == 1_700_000_000.5


def test_cut_short() -> None:
    data = prft(1, NTP, 0)
    with pytest.raises(MalformedBox, match="'prft'"):
        read(bytes([0, 0, 0, len(data) - 1]) + data[4:-1])
