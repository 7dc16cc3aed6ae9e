"""What the players are told, and reading what all of them get once."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sorgente.isobmff.init_segment import parse_init_segment
from sorgente.tools.bench.guide import Guide, Reading
from sorgente.tools.mpd.presentation import read_mpd
from sorgente.tools.web import Answer
from tests.support.live import video
from tests.support.other_mpd import GOOD, LISTED, PERIOD, altered

URL = "http://cdn.example/manifest.mpd"
START = Fraction(1795348800)


def guide(text: str = GOOD) -> Guide:
    return Guide(read_mpd(text.encode(), URL), text.encode())


def test_one_rate_of_each_set() -> None:
    assert guide().tracks == 1
    due = guide().after(0, START)
    assert due is not None
    assert (due[0].id, due[1].number) == ("v1", 1)


def test_the_newest_segment_that_is_available() -> None:
    assert guide().newest(0, START + 10) == START + 9 + Fraction("0.2")
    assert guide().newest(0, START + 9 + Fraction("0.1")) == START + 8 + Fraction("0.2")


def test_from_one_period_into_the_next() -> None:
    following = PERIOD.replace('"P0"', '"P1"').replace("1795348800", "1795348805")
    both = guide(altered({"  </Period>\n": f"  </Period>\n{following}"}))
    numbers, at = [], START + 3
    for _ in range(4):
        due = both.after(0, at)
        assert due is not None
        at = due[1].available
        numbers.append((due[0].period_id, due[1].number))
    assert numbers == [("P0", 4), ("P0", 5), ("P1", 1), ("P1", 2)]


def test_the_end_of_a_list_is_the_end_until_there_is_a_new_one() -> None:
    listed = guide(LISTED)
    assert listed.after(0, START + 10) is None
    longer = altered({'r="9"': 'r="10"'}, LISTED).encode()
    listed.take(Answer(URL, 200, {}, 0, 0, body=longer))
    due = listed.after(0, START + 10)
    assert due is not None
    assert due[1].number == 11


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_a_segment_is_read_once_for_all(size: int) -> None:
    upload = video(5)
    reading = Reading(parse_init_segment(upload.init))
    body = b"".join(upload.chunks)
    for start in (0, 0, 3):  # the third one is served other pieces
        offset = 0
        while offset < len(body):
            piece = body[offset : offset + size + start]
            reading.feed(offset, piece)
            offset += len(piece)
    ends = [end for end, _ in reading.chunks]
    assert ends == [sum(map(len, upload.chunks[: n + 1])) for n in range(5)]
    assert [chunk.sync for _, chunk in reading.chunks] == [True, False, False, False, False]
    assert reading.reader.seconds(512) == 0.04
