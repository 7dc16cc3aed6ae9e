"""Which chunks of several encoders are new."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.isobmff.fragment import MediaChunk
from sorgente.media.continuity import Continuity, Verdict
from tests.support import boxes
from tests.support.boxes import Sample, TrafSpec
from tests.support.uploads import chunks_of, units_of

TIMESCALE = 12800


def media(start: float, seconds: float = 1.0) -> MediaChunk:
    sample = Sample(b"x", round(seconds * TIMESCALE))
    chunk = boxes.chunk(TrafSpec(1, round(start * TIMESCALE), [sample]))
    (one,) = chunks_of(units_of(boxes.init_segment() + chunk))
    return one


@pytest.mark.parametrize(
    ("starts", "verdicts"),
    [
        ([0, 1, 2], "NNN"),
        ([0, 0, 1, 1], "NRNR"),
        ([0, 1, 0, 1, 2], "NNRRN"),
        ([0, 1, 7, 8], "NNNN"),
        ([5, 4, 5, 6], "NRRN"),
        ([0, 0.95, 1.95], "NNN"),
        ([0, 0.5, 1], "NRN"),
    ],
    ids=["in order", "each twice", "two again", "a gap", "an older one", "guessed", "half of one"],
)
def test_what_is_not_after_all_that_came_is_a_repetition(
    starts: list[float], verdicts: str
) -> None:
    continuity = Continuity()
    told = [continuity.judge(media(start), 10.0) for start in starts]
    assert "".join("R" if verdict is Verdict.REPEATED else "N" for verdict in told) == verdicts
    assert Verdict.RESTARTED not in told


def test_chunks_without_samples_say_nothing() -> None:
    continuity = Continuity()
    empty = boxes.chunk(TrafSpec(1, 0, []))
    (one,) = chunks_of(units_of(boxes.init_segment() + empty))
    continuity.judge(media(5), 0.0)
    assert continuity.judge(one, 0.0) is Verdict.NEW
    assert continuity.judge(media(6), 0.0) is Verdict.NEW


@pytest.mark.parametrize(
    ("object_seconds", "patience"), [(0.1, 3.0), (2, 6.0), (4, 12.0), (3600, 30.0)]
)
def test_for_three_segments_an_encoder_may_send_things_again(
    object_seconds: float, patience: float
) -> None:
    continuity = Continuity()
    continuity.begin(media(100).init)
    continuity.note_object(round(object_seconds * TIMESCALE))
    continuity.judge(media(100), 50.0)
    assert continuity.judge(media(0), 50.0 + patience - 0.01) is Verdict.REPEATED
    assert continuity.judge(media(0), 50.0 + patience) is Verdict.RESTARTED
    assert continuity.judge(media(1), 50.0 + patience) is Verdict.NEW


@given(
    st.integers(1, 4).flatmap(lambda encoders: st.lists(st.integers(0, encoders - 1), max_size=60))
)
def test_however_encoders_of_one_stream_interleave_every_chunk_is_new_once(
    turns: list[int],
) -> None:
    continuity = Continuity()
    at = dict.fromkeys(range(4), 0)
    new = []
    for encoder in turns:
        start, at[encoder] = at[encoder], at[encoder] + 1
        if continuity.judge(media(start), 0.0) is Verdict.NEW:
            new.append(start)
    assert new == list(range(max(at.values())))
