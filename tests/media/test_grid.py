"""Where segments begin, for key frames that come in any way."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from sorgente.isobmff.split import TrackChunk
from sorgente.media.arrival import Arrival
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.grid import Grid
from sorgente.media.rhythm import BREAK_SECONDS, KeyFrames, Rhythm
from sorgente.media.run import Placement
from sorgente.media.timeline import Timeline
from sorgente.media.track import Track
from tests.support.boxes import AUDIO, VIDEO, TrackSpec, init_segment
from tests.support.uploads import init_of, units_of

FPS = 25
TICKS = 512
START = Fraction(1000)
TARGET = Fraction(2)


class Stage:
    """A period that begins at ``START``, and tracks that get chunks in it."""

    def __init__(self, rhythm: Rhythm) -> None:
        timeline = Timeline()
        timeline.begin("v", 12800)
        self.run = timeline.observe("v", START, START + 1, 0.0).run
        self.epoch = timeline.open(START, 0.0)
        self.grid = Grid(self.epoch, rhythm, TARGET)
        self.counters = Counters()
        self.video = self.track("v", VIDEO)
        self.audio = self.track("a", AUDIO)

    def track(self, name: str, spec: TrackSpec) -> Track:
        return Track(name, init_of(units_of(init_segment(spec))), self.counters)

    def send(self, track: Track, frame: int, *, key: bool) -> int | None:
        """One frame's chunk; the index of the segment it begins, if it does."""
        start = START + Fraction(frame, FPS)
        ticks = track.timescale // FPS
        time = int(start * track.timescale)
        cut = TrackChunk(1, b"media", time, ticks, time, 1, key, key)
        chunk = Chunk.of(b"media", 0.0, random_access=key)
        number = self.grid.begins(
            Arrival(track, Placement(self.run, start, Fraction(0)), cut, chunk)
        )
        if number is None:
            return None
        if track is self.video:
            self.grid.opened(number, start)
        track.open(number, self.epoch.id, 0)
        return number - self.epoch.start_number


def frames(group: int, *, longest: int | None = None, steady: bool = True) -> Rhythm:
    return Rhythm(Fraction(group, FPS), Fraction(longest or group, FPS), steady)


@given(
    st.fractions(0, 100, max_denominator=90_000),
    st.integers(0, 5 * 48_000),
    st.integers(1, 120),
)
def test_sound_is_in_the_segment_that_its_middle_lies_in(
    since: Fraction, ticks: int, group: int
) -> None:
    stage = Stage(frames(group))
    start, length = START + since, stage.grid.duration
    cut = TrackChunk(1, b"media", int(start * 48_000), ticks, int(start * 48_000), 1, True, True)
    at = Placement(stage.run, start, Fraction(0))
    number = stage.grid.number_at(Arrival(stage.audio, at, cut, Chunk.of(b"media", 0.0)))
    middle = since + min(Fraction(ticks, 48_000), length) / 2
    assert number - stage.epoch.start_number == middle // length


@given(st.lists(st.integers(1, 120), min_size=2, max_size=40))
def test_without_a_rhythm_segments_begin_late_but_never_early_nor_half_a_segment_late(
    groups: list[int],
) -> None:
    stage = Stage(frames(groups[0], longest=max(groups), steady=False))
    length = stage.grid.duration * FPS
    keys = set(accumulate(groups, initial=0))
    began = {}
    for frame in range(max(keys)):
        index = stage.send(stage.video, frame, key=frame in keys)
        if index is not None:
            assert frame in keys
            began[index] = frame
            assert not stage.grid.strays(START + Fraction(frame, FPS))
        if stage.send(stage.audio, frame, key=True) is not None:
            assert index is not None, "sound is cut where pictures are"
    assert list(began) == list(range(len(began))), "no number is left out"
    assert all(0 <= frame - index * length <= length / 2 for index, frame in began.items())


@given(st.integers(1, 300), st.integers(1, 1000))
def test_with_a_rhythm_segments_begin_on_the_grid(group: int, count: int) -> None:
    stage = Stage(frames(group))
    length = stage.grid.duration * FPS
    assert length % group == 0
    for frame in range(count):
        index = stage.send(stage.video, frame, key=frame % group == 0)
        assert (index is not None) == (frame % length == 0)
        assert index is None or index == frame // length


def test_a_key_frame_off_the_grid_strays() -> None:
    stage = Stage(frames(50))
    assert not stage.grid.strays(START + 2 + Fraction(6, FPS))
    assert stage.grid.strays(START + 2 + Fraction(7, FPS))


def test_sound_goes_on_without_the_pictures_that_it_was_cut_by() -> None:
    stage = Stage(frames(50, longest=75, steady=False))
    length = int(stage.grid.duration * FPS)
    for frame in range(length + 10):
        stage.send(stage.video, frame, key=frame % length == 0)
        stage.send(stage.audio, frame, key=True)
    began = [stage.send(stage.audio, length + 10 + n, key=True) for n in range(2 * length)]
    assert [index for index in began if index is not None] == [2]


def test_what_comes_late_for_a_period_that_has_ended_begins_nothing_behind_its_end() -> None:
    stage = Stage(frames(50))
    assert stage.send(stage.audio, 0, key=True) == 0
    stage.grid.end_at(START + 4)
    assert stage.send(stage.audio, 50, key=True) == 1
    assert stage.send(stage.audio, 100, key=True) is None


def test_one_break_moves_the_rhythm_two_end_it() -> None:
    seen = KeyFrames()
    steady = frames(50)
    for frame in (0, 50):
        seen.note(Fraction(frame, FPS))
    assert seen.broken(steady, Fraction(70, FPS), 0.0) == steady
    seen.note(Fraction(70, FPS))
    assert seen.broken(steady, Fraction(130, FPS), 5.0) == frames(50, longest=60, steady=False)


def test_a_break_is_forgotten_after_a_while() -> None:
    seen = KeyFrames()
    for at in (0.0, BREAK_SECONDS):
        assert seen.broken(frames(50), Fraction(round(at) + 1), at).steady


def test_a_new_rhythm_that_shows_is_one_but_not_a_third_time() -> None:
    seen = KeyFrames()
    for frame in (0, 50, 90):
        seen.note(Fraction(frame, FPS))
    assert seen.broken(frames(50), Fraction(130, FPS), 0.0) == frames(40)
    assert seen.broken(frames(50), Fraction(130, FPS), 1.0) == frames(40)
    assert not seen.broken(frames(40), Fraction(130, FPS), 2.0).steady


def test_a_segment_is_of_whole_groups_nearest_to_the_target() -> None:
    assert frames(48).segment_duration(TARGET) == Fraction(48, 25)
    assert frames(300).segment_duration(TARGET) == 12
    assert frames(10).segment_duration(TARGET) == 2
    assert Rhythm.of_sound([]).segment_duration(TARGET) == TARGET
