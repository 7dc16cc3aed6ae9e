"""Who may ask for what, when: by the MPD's own numbers, read by somebody else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sorgente.dash.availability import set_offset
from sorgente.dash.manifest import render
from sorgente.media.snapshot import PresentationSnapshot, TrackSnapshot
from tests.dash.reader import Mpd
from tests.dash.snapshots import NOON, audio, listed, period, presentation, text, video

MILLISECOND = Fraction(1, 1000)
NANOSECOND = Fraction(1, 10**9)
TARGET = Fraction(1, 2)

timescales = st.sampled_from([1000, 12800, 15360, 24000, 30000, 44100, 48000, 90000, 10_000_000])


@st.composite
def tracks(draw: st.DrawFn, name: str) -> TrackSnapshot:
    """A track that comes in chunks: anything from a tick to all but a few ms of a segment."""
    timescale = draw(timescales)
    length = draw(st.integers(timescale // 3 + 1, timescale * 8))
    chunk = draw(st.integers(1, length - timescale // 100))
    return replace(
        draw(st.sampled_from([video(name), audio(name)])),
        timescale=timescale,
        segment_duration=length,
        chunk_duration=Fraction(chunk, timescale),
        start_number=draw(st.integers(0, 2**31)),
        presentation_time_offset=draw(st.integers(0, 2**40)),
        switching_set=name,
    )


@st.composite
def presentations(draw: st.DrawFn) -> PresentationSnapshot:
    names = draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
    late = draw(st.fractions(0, 10**6, max_denominator=10**6))
    return presentation(period(*(draw(tracks(name)) for name in names), start=NOON + late))


@given(presentations(), st.integers(0, 10**6))
def test_a_segment_may_be_asked_for_when_its_first_chunk_can_be_there(
    snapshot: PresentationSnapshot, ahead: int
) -> None:
    made = {track.name: track for track in snapshot.periods[0].tracks}
    for each in Mpd(render(snapshot)).representations:
        track = made[each.id]
        number = track.start_number + ahead
        start = snapshot.periods[0].start + Fraction(
            ahead * track.segment_duration, track.timescale
        )
        first_chunk = start + track.chunk_duration
        late = each.requestable(number) - first_chunk
        assert -NANOSECOND <= late < MILLISECOND + NANOSECOND


@given(st.lists(st.integers(3000, 60000), min_size=1, max_size=8))
def test_of_listed_segments_the_longest_may_be_asked_for_at_its_first_chunk(
    durations: list[int],
) -> None:
    track = listed(video(segment_duration=1280, chunk_duration=Fraction(1, 50)), durations)
    (each,) = Mpd(render(presentation(period(track)))).representations
    longest = max(each.listed(), key=lambda segment: segment.duration)
    late = each.requestable(longest.number) - longest.start - track.chunk_duration
    assert 0 <= late < MILLISECOND


def test_the_longest_chunk_of_a_set_counts() -> None:
    pair = [video("a"), video("b", chunk_duration=Fraction(1, 5))]
    assert set_offset(pair, pair, TARGET) == Fraction("1.8")


def test_a_set_without_chunks_borrows_from_the_others() -> None:
    everything = [video(), text()]
    assert set_offset([text()], everything, TARGET) == Fraction("1.96")


def test_what_is_borrowed_stays_below_the_segment() -> None:
    short = text(segment_duration=1000, chunk_duration=Fraction(1))
    assert set_offset([short], [video(), short], TARGET) == Fraction("0.999")


def test_before_anybody_knows_the_guess_meets_the_target() -> None:
    unknown = [video(chunk_duration=Fraction(0))]
    assert set_offset(unknown, unknown, TARGET) == Fraction("1.75")
    assert set_offset(unknown, unknown, Fraction(10)) == 1


def test_nothing_to_be_early_for_where_nothing_has_chunks() -> None:
    whole = [video(chunk_duration=Fraction(2)), text()]
    assert set_offset(whole[:1], whole, TARGET) is None


def test_a_period_that_is_over_takes_part_in_the_one_live_edge_that_shaka_has() -> None:
    short = period(video(segment_duration=12800), end=NOON + 10)
    longer = period(video(segment_duration=76800), start=NOON + 10, id="e2")
    mpd = Mpd(render(presentation(short, longer)))
    assert [each.offset for each in mpd.representations] == [Fraction("5.96")] * 2


def test_metadata_has_no_say() -> None:
    meta = replace(text("m"), kind="meta", chunk_duration=Fraction("1.999"))
    mpd = Mpd(render(presentation(period(video(), text(), meta))))
    assert {each.id: each.offset for each in mpd.representations} == {
        "v": Fraction("1.96"),
        "t": Fraction("1.96"),
    }
