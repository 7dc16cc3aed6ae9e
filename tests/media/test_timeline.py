"""Tracks of simulated encoders on one timeline; no real time passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

import pytest

from sorgente.media.epoch import Cause
from sorgente.media.timeline import MPEG_WRAP, Timeline
from tests.media.simulation import (
    DAY,
    FRAME,
    NETWORK,
    PROMISE,
    T0,
    Jitter,
    Segmenter,
    Sent,
    encode,
    merged,
    offset_error,
    spiky_jitter,
    uniform_jitter,
)

# Settling


def test_a_stream_in_real_time_is_announced_after_half_a_second() -> None:
    segmenter = Segmenter().begin().feed(encode(seconds=10))
    assert segmenter.causes == [Cause.FIRST]
    assert 0.5 <= segmenter.opened_at[0] - T0 < 0.6
    (epoch,) = segmenter.epochs
    assert epoch.media_start == 0
    assert 0 <= offset_error(segmenter, T0 + NETWORK) < 0.002
    assert epoch.produced_at == epoch.start
    assert all(at.epoch is epoch for _, at in segmenter.placed), "those held too"


def test_until_then_chunks_are_to_be_held() -> None:
    timeline = Timeline()
    timeline.begin("v", 90_000)
    at = timeline.observe("v", Fraction(0), FRAME, T0)
    assert at.epoch is None
    assert at.presentation is None
    assert not at.run.ready(T0 + 0.4)
    assert at.run.ready(T0 + 0.6), "long chunks need not wait for the second one"
    epoch = timeline.open(Fraction(0), T0 + 0.6)
    assert at.epoch is epoch
    assert at.presentation == 0


def test_tracks_whose_init_segments_came_are_waited_for_but_not_for_ever() -> None:
    timeline = Timeline()
    timeline.begin("v", 90_000)
    timeline.begin("a", 48_000)
    at = timeline.observe("v", Fraction(0), FRAME, T0)
    assert not at.run.ready(T0 + 1.9)
    assert at.run.ready(T0 + 2)
    timeline.observe("a", Fraction(0), FRAME, T0 + 0.8)
    assert at.run.ready(T0 + 1.3)


def test_what_comes_before_the_first_segment_is_at_negative_times() -> None:
    timeline = Timeline()
    timeline.begin("a", 48_000)
    at = timeline.observe("a", Fraction(-1024, 48_000), Fraction(0), T0)
    timeline.open(Fraction(0), T0 + 1)
    assert at.presentation == Fraction(-1024, 48_000)


def test_a_backlog_at_the_start_is_in_the_past() -> None:
    """The connection took 3 s: what was encoded meanwhile comes at once."""
    late = [
        Sent(sent.track, sent.start, sent.end, sent.made, max(sent.arrived, T0 + 3))
        for sent in encode(seconds=20)
    ]
    segmenter = Segmenter().begin().feed(late)
    assert segmenter.causes == [Cause.FIRST]
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035
    assert segmenter.early < PROMISE


def test_a_backlog_that_is_caught_up_slowly_costs_one_more_epoch() -> None:
    """5 s behind, sent at twice the speed: settling takes 5 s, more than its bound."""
    chunks = [
        Sent(
            sent.track,
            sent.start,
            sent.end,
            sent.made,
            max(sent.arrived, T0 + 5 + float(sent.end) / 2),
        )
        for sent in encode(seconds=60)
    ]
    segmenter = Segmenter().begin().feed(chunks)
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035
    assert segmenter.early < PROMISE


def test_slow_first_chunks_are_not_what_the_others_are_like() -> None:
    """An encoder's start-up: its first half second comes late, in one piece."""
    chunks = [
        Sent(sent.track, sent.start, sent.end, sent.made, max(sent.arrived, T0 + 0.8))
        for sent in encode(seconds=20)
    ]
    segmenter = Segmenter().begin().feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035


def test_a_burst_of_a_sender_that_then_pauses_is_put_right() -> None:
    """A pacer with a full bucket: 2 s at once, ahead of time, then nothing for 2 s."""
    burst = [
        Sent("v", sent.start, sent.end, T0, T0 + 0.01 * i)
        for i, sent in enumerate(encode(seconds=2, since=T0 - 2))
    ]
    rest = encode(seconds=30, since=T0 + 2, media=Fraction(2))
    segmenter = Segmenter().begin().feed([*burst, *rest])
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert segmenter.opened_at[1] - (T0 + 2) < 3.1
    assert abs(offset_error(segmenter, T0 + NETWORK)) < 0.035


def test_a_file_faster_than_real_time_is_one_epoch_from_its_first_seconds_on() -> None:
    chunks = [
        Sent(sent.track, sent.start, sent.end, sent.made, T0 + float(sent.end) / 50)
        for sent in encode(seconds=600, chunk=Fraction(1, 5))
    ]
    segmenter = Segmenter().begin().feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.opened_at[0] - T0 <= 2.1
    numbers = [epoch.start_number for epoch in segmenter.epochs]
    assert numbers == sorted(numbers)


# Leaps, wraps, pauses


def then(
    seconds: float, *, wall: float, media: float, chunk: Fraction = FRAME, first: float = 20
) -> Segmenter:
    """``first`` seconds, and on after a leap of the wall clock and of media time."""
    before = list(encode(seconds=first, chunk=chunk))
    onset = before[-1].end + Fraction(media)
    after = encode(seconds=seconds, chunk=chunk, since=T0 + first + wall, media=onset)
    return Segmenter().begin().feed([*before, *after])


@pytest.mark.parametrize("media", [3600, 5, 1.5])
def test_a_leap_forward_is_another_timeline(media: float) -> None:
    segmenter = then(20, wall=0, media=media)
    assert segmenter.causes == [Cause.FIRST, Cause.LEAP]
    assert segmenter.epochs[1].continues is None
    assert abs(offset_error(segmenter, T0 + NETWORK - media)) < 0.035
    assert segmenter.epochs[1].start >= segmenter.epochs[0].wall(Fraction(20))


@pytest.mark.parametrize("media", [-3600, -20, -0.2])
def test_so_is_one_back(media: float) -> None:
    segmenter = then(20, wall=0, media=media)
    assert segmenter.causes == [Cause.FIRST, Cause.BACK]
    assert abs(offset_error(segmenter, T0 + NETWORK - media)) < 0.035


def test_a_leap_too_small_to_be_one_is_drift() -> None:
    segmenter = then(30, wall=0, media=0.5)
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert abs(offset_error(segmenter, T0 + NETWORK - 0.5)) < 0.035


@pytest.mark.parametrize("media", [-0.05, 0.03])
def test_muxers_that_guess_durations_are_forgiven(media: float) -> None:
    assert then(20, wall=0, media=media, chunk=Fraction(1, 5)).causes == [Cause.FIRST]


@pytest.mark.parametrize("seconds", [0.5, 3, 600, DAY])
def test_missing_segments_and_pauses_leap_with_the_wall_clock(seconds: float) -> None:
    segmenter = then(90, wall=seconds, media=seconds)
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.early < PROMISE


@pytest.mark.parametrize("seconds", [0.6, 3, 20])
def test_an_encoder_whose_clock_stood_still_is_anchored_again(seconds: float) -> None:
    segmenter = then(20, wall=seconds, media=0)
    first, second = segmenter.epochs
    assert second.cause is Cause.DRIFT
    assert second.continues == first.id
    assert abs(offset_error(segmenter, T0 + NETWORK + seconds)) < 0.035
    assert segmenter.opened_at[1] - (T0 + 20 + seconds) < 3.1, "1 s, and a segment at worst"
    gap = second.start - first.wall(second.media_start)
    assert float(gap) == pytest.approx(seconds, abs=0.035), "no overlap"


def test_a_stalled_network_that_catches_up_is_only_a_stalled_network() -> None:
    chunks = [
        Sent(s.track, s.start, s.end, s.made, max(s.arrived, T0 + 23))
        if T0 + 20 < s.arrived < T0 + 23
        else s
        for s in encode(seconds=60)
    ]
    assert Segmenter().begin().feed(chunks).causes == [Cause.FIRST]


@pytest.mark.parametrize(
    ("wrap", "timescale"),
    [(Fraction(2**32, 90_000), 90_000), (Fraction(2**32, 10**7), 10**7), (MPEG_WRAP, 48_000)],
)
def test_time_stamps_that_wrap_go_on(wrap: Fraction, timescale: int) -> None:
    chunks = [
        Sent(s.track, s.start % wrap, s.start % wrap + FRAME, s.made, s.arrived)
        for s in encode(seconds=60, media=wrap - 20)
    ]
    segmenter = Segmenter().begin(timescale=timescale).feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    starts = [at.start for _, at in segmenter.placed]
    assert all(b - a == FRAME for a, b in pairwise(starts))
    assert segmenter.placed[-1][1].shift == wrap


def test_a_day_of_wraps_every_seven_minutes() -> None:
    wrap, chunk = Fraction(2**32, 10**7), Fraction(4)
    chunks = (
        Sent(s.track, s.start % wrap, s.start % wrap + chunk, s.made, s.arrived)
        for s in encode(seconds=DAY, chunk=chunk)
    )
    segmenter = Segmenter().begin(timescale=10**7).feed(chunks)
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.placed[-1][1].shift == 201 * wrap


def test_a_wrap_in_a_pause_is_recognised_too() -> None:
    wrap = Fraction(2**32, 90_000)
    before = list(encode(seconds=10, media=wrap - 10))
    after = encode(seconds=10, since=T0 + 40, media=Fraction(30))
    segmenter = Segmenter().begin().feed([*before, *after])
    assert segmenter.causes == [Cause.FIRST]


def test_a_track_that_comes_after_the_wrap_of_the_others_joins_them() -> None:
    wrap = Fraction(2**32, 90_000)
    video = [
        Sent("v", s.start % wrap, s.start % wrap + FRAME, s.made, s.arrived)
        for s in encode(seconds=60, media=wrap - 20)
    ]
    audio = encode("a", seconds=10, since=T0 + 50, media=Fraction(30), chunk=Fraction(1, 50))
    segmenter = Segmenter().begin("v", "a").feed(merged(video, audio))
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.placed[-1][1].shift == wrap


# Tracks


def test_no_track_is_announced_before_it_is_there() -> None:
    """The best bit rate is encoded 400 ms slower than the worst, audio is ahead of both."""
    segmenter = (
        Segmenter()
        .begin("v", "low", "a")
        .feed(
            merged(
                encode("v", seconds=60, delay=0.5),
                encode("low", seconds=60, delay=0.1),
                encode("a", seconds=60, chunk=Fraction(1, 50)),
            )
        )
    )
    assert segmenter.causes == [Cause.FIRST]
    assert 0 <= offset_error(segmenter, T0 + NETWORK + 0.5) < 0.035
    assert abs(segmenter.drifts[-1][1]) < 0.01


def test_the_slowest_track_may_die_without_a_new_epoch() -> None:
    chunks = merged(encode(seconds=60), encode("slow", seconds=20, delay=0.5))
    segmenter = Segmenter().begin("v", "slow").feed(chunks)
    assert segmenter.causes == [Cause.FIRST]


def test_audio_that_appears_late_joins() -> None:
    audio = encode("a", seconds=40, since=T0 + 20, media=Fraction(20), chunk=Fraction(1, 50))
    segmenter = Segmenter().begin("v", "a").feed(merged(encode(seconds=60), audio))
    assert segmenter.causes == [Cause.FIRST]
    assert segmenter.placed[-1][1].shift == 0


def test_a_track_that_is_later_than_announced_is_drift_of_the_channel() -> None:
    audio = encode("a", seconds=40, since=T0 + 20, media=Fraction(20), delay=0.6)
    segmenter = Segmenter().begin("v", "a").feed(merged(encode(seconds=60), audio))
    assert segmenter.causes == [Cause.FIRST, Cause.DRIFT]
    assert abs(offset_error(segmenter, T0 + NETWORK + 0.6)) < 0.035


def test_an_encoder_that_restarts_at_zero_opens_one_epoch_for_all_its_tracks() -> None:
    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20, chunk=Fraction(1, 50))))
    segmenter.begin("v", "a").feed(
        merged(
            encode(seconds=20, since=T0 + 25, delay=0.3),
            encode("a", seconds=20, since=T0 + 25, chunk=Fraction(1, 50)),
        )
    )
    first, second = segmenter.epochs
    assert (second.cause, second.continues) == (Cause.INIT, None)
    assert second.media_start == 0
    assert second.start > first.wall(Fraction(20))
    assert second.start_number > first.start_number
    assert abs(offset_error(segmenter, T0 + 25 + NETWORK + 0.3)) < 0.035


def test_one_upload_a_track_with_backlogs_is_still_one_restart() -> None:
    def held(track: str, until: float) -> Iterator[Sent]:
        for s in encode(track, seconds=20, since=T0 + 25):
            yield Sent(track, s.start, s.end, s.made, max(s.arrived, T0 + 25 + until))

    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20)))
    segmenter.begin("v", "a").feed(merged(held("v", 1.5), held("a", 1.8)))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]


def restarted(
    *others: Iterable[Sent], again: Iterable[Sent], leave: bool = True
) -> tuple[Segmenter, list[Sent]]:
    """The tracks of ``again`` are lost after 30 s, and begin anew; ``others`` go on."""
    again = list(again)
    names = dict.fromkeys(sent.track for sent in again)
    before = merged(*(encode(name, seconds=30) for name in names), *others)
    segmenter = Segmenter().begin(*dict.fromkeys(sent.track for sent in before))
    segmenter.feed(sent for sent in before if sent.arrived < T0 + 30.1)
    for name in names if leave else ():
        segmenter.timeline.leave(name)
    first = again[0].arrived
    segmenter.feed(sent for sent in before if T0 + 30.1 <= sent.arrived < first)
    segmenter.begin(*names)
    segmenter.feed(merged((sent for sent in before if sent.arrived >= first), again))
    return segmenter, again


def shifts(segmenter: Segmenter, track: str) -> list[float]:
    """That the chunks of a track have had in the newest run, one after the other."""
    run = segmenter.timeline.run
    placed = [at.shift for sent, at in segmenter.placed if sent.track == track and at.run is run]
    return [float(shift) for shift in dict.fromkeys(placed)]


def test_a_track_that_restarts_alone_comes_to_the_others() -> None:
    """One bit rate's upload starts again at 0: the others notice nothing."""
    segmenter, _ = restarted(
        encode(seconds=60), again=encode("low", seconds=20, since=T0 + 40, delay=0.1)
    )
    assert segmenter.causes == [Cause.FIRST]
    last = {sent.track: (sent, at) for sent, at in segmenter.placed}
    assert last["v"][1].run is last["low"][1].run
    assert shifts(segmenter, "v") == [0]
    sent, at = last["low"]
    assert at.epoch is not None
    wall = float(at.epoch.wall(at.start + FRAME))
    assert wall == pytest.approx(sent.arrived, abs=0.04)
    waited = next(sent.made for sent, at in segmenter.placed if sent.track == "low" and at.shift)
    assert 0.5 <= waited - (T0 + 40) < 0.7, "until its offset is known"


def test_a_track_that_comes_late_on_a_clock_of_its_own_comes_to_the_others() -> None:
    """A microphone that is switched on after 20 s, and counts from 0."""
    sound = encode("a", seconds=40, since=T0 + 20, chunk=Fraction(1, 50))
    segmenter = Segmenter().begin("v")
    video = list(encode(seconds=60))
    segmenter.feed(video[:600]).begin("a").feed(merged(video[600:], sound))
    assert segmenter.causes == [Cause.FIRST]
    assert shifts(segmenter, "v") == [0]
    assert shifts(segmenter, "a") == [pytest.approx(20, abs=0.04)]


@pytest.mark.parametrize("jitter", [uniform_jitter, spiky_jitter])
def test_jitter_of_a_newcomer_moves_nobody_but_itself(jitter: Jitter) -> None:
    for seed in range(20):
        sound = encode(
            "a", seconds=60, since=T0 + 20, chunk=Fraction(1, 50), jitter=jitter, seed=seed
        )
        segmenter = Segmenter().begin("v")
        video = list(encode(seconds=80))
        segmenter.feed(video[:600]).begin("a").feed(merged(video[600:], sound))
        assert segmenter.causes == [Cause.FIRST]
        assert 20 - 0.04 <= shifts(segmenter, "a")[-1] < 20.3, "late by the jitter, never early"


def test_a_track_that_is_back_is_as_far_ahead_of_the_others_as_it_was() -> None:
    """Pictures are encoded for 0.4 s, sound is not: what was in step stays in step."""
    segmenter, _ = restarted(
        encode(seconds=60, delay=0.4), again=encode("a", seconds=20, since=T0 + 40)
    )
    assert segmenter.causes == [Cause.FIRST]
    assert shifts(segmenter, "a")[-1] == pytest.approx(40, abs=0.04)


def test_tracks_of_one_newcomer_share_its_clock() -> None:
    """Its sound is there 0.3 s before its pictures, and the second one comes a second later."""
    uploads = [
        encode("low", seconds=20, since=T0 + 40, delay=0.3),
        encode("a", seconds=20, since=T0 + 40, chunk=Fraction(1, 50)),
        (sent for sent in encode("b", seconds=20, since=T0 + 40) if sent.arrived > T0 + 44),
    ]
    segmenter, _ = restarted(encode(seconds=60), again=merged(*uploads))
    assert segmenter.causes == [Cause.FIRST]
    assert shifts(segmenter, "v") == [0]
    (shift,) = {*shifts(segmenter, "low")[1:], *shifts(segmenter, "a")[1:]}
    assert shift == pytest.approx(40.3, abs=0.04)
    assert shifts(segmenter, "b")[-1] == shift


def test_tracks_of_one_newcomer_stay_together_if_all_others_end_meanwhile() -> None:
    """A muxed encoder, one of whose tracks is with the others when those end."""
    again = merged(*(encode(name, seconds=5, since=T0 + 40) for name in ("low", "a")))
    video = list(encode(seconds=45))
    segmenter = Segmenter().begin("v", "low", "a")
    segmenter.feed(merged(video[:900], *(encode(name, seconds=30) for name in ("low", "a"))))
    segmenter.feed(video[900:1200]).begin("low", "a")
    coming = iter(merged(video[1200:], again))
    for sent in coming:
        segmenter.feed([sent])
        if segmenter.placed[-1][1].shift:
            break
    segmenter.timeline.leave("v")
    segmenter.feed(sent for sent in coming if sent.track != "v")
    runs = {sent.track: at.run for sent, at in segmenter.placed}
    assert runs["low"] is runs["a"] is runs["v"]
    assert shifts(segmenter, "low")[-1] == shifts(segmenter, "a")[-1]


@pytest.mark.parametrize("apart", [0.01, 0.4, 1.5, 4.0])
def test_tracks_that_restart_one_after_the_other_are_one_run(apart: float) -> None:
    """Nobody of the old run is there when the first one is back."""
    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20, chunk=Fraction(1, 50))))
    for track in ("v", "a"):
        segmenter.timeline.leave(track)
    video = list(encode(seconds=20, since=T0 + 22))
    sound = encode("a", seconds=20, since=T0 + 22, chunk=Fraction(1, 50))
    late = [sent for sent in sound if sent.arrived > T0 + 22 + apart]
    segmenter.begin("v").feed(sent for sent in video if sent.arrived < late[0].arrived)
    segmenter.begin("a")
    segmenter.feed(merged((sent for sent in video if sent.arrived >= late[0].arrived), late))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]
    assert shifts(segmenter, "v") == shifts(segmenter, "a") == [0]


def test_a_track_that_restarts_beside_one_whose_connection_hangs_does_not_wait_for_it() -> None:
    """Its upload is open, and nothing comes: there are no others."""
    segmenter, again = restarted(
        encode("a", seconds=30), again=encode(seconds=10, since=T0 + 30.5), leave=False
    )
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]
    assert segmenter.opened_at[1] - again[0].arrived < 1.0


def test_others_that_end_while_a_newcomer_settles_are_not_waited_for() -> None:
    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=22.2)))
    again = list(encode(seconds=20, since=T0 + 22))
    segmenter.begin("v").feed(again[:10])
    segmenter.timeline.leave("a")
    segmenter.feed(again[10:])
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]
    assert segmenter.opened_at[1] - (T0 + 22) < 0.7


def test_who_was_silent_while_another_began_a_run_comes_to_it() -> None:
    """The camera stood still when the sound restarted; then it goes on as before."""
    video = [sent for sent in encode(seconds=60) if not T0 + 35 < sent.arrived < T0 + 45]
    segmenter, _ = restarted(video, again=encode("a", seconds=22, since=T0 + 38))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]
    assert shifts(segmenter, "a") == [0]
    assert shifts(segmenter, "v") == [pytest.approx(-38, abs=0.04)]


def test_a_newcomer_that_begins_with_a_burst_and_pauses_moves_nobody() -> None:
    """A pacer with a full bucket: 2 s at once, ahead of time, then nothing for 2 s."""
    burst = [
        Sent("low", sent.start, sent.end, T0 + 40, T0 + 40 + 0.01 * index)
        for index, sent in enumerate(encode("low", seconds=2))
    ]
    rest = encode("low", seconds=18, since=T0 + 42, media=Fraction(2))
    segmenter, _ = restarted(encode(seconds=60), again=[*burst, *rest])
    assert segmenter.causes == [Cause.FIRST]
    assert shifts(segmenter, "low")[-1] == pytest.approx(40, abs=0.04)


def test_time_stamps_of_a_newcomer_wrap_too() -> None:
    wrap = Fraction(2**32, 90_000)
    again = [
        Sent(s.track, s.start % wrap, s.start % wrap + FRAME, s.made, s.arrived)
        for s in encode("low", seconds=20, since=T0 + 40, media=wrap - 10)
    ]
    segmenter, _ = restarted(encode(seconds=60), again=again)
    assert segmenter.causes == [Cause.FIRST]
    before, after = shifts(segmenter, "low")[-2:]
    assert after - before == pytest.approx(float(wrap))
    assert before + float(wrap) - 10 == pytest.approx(40, abs=0.04)


def test_text_goes_by_the_clock_it_came_with() -> None:
    """That of the tracks it is next to, of which there are two."""
    segmenter, _ = restarted(encode(seconds=60), again=encode("a", seconds=20, since=T0 + 40))
    timeline, now = segmenter.timeline, T0 + 60.1
    timeline.begin("text", 1000, sparse=True)
    for start in (Fraction(59), Fraction(19)):
        at = timeline.observe("text", start, start + 1, now)
        assert at.run is timeline.run
        assert float(at.start) == pytest.approx(59, abs=0.04)


def test_a_stray_chunk_of_the_old_upload_stays_in_the_old_epoch() -> None:
    segmenter = Segmenter().begin("v", "a")
    segmenter.feed(merged(encode(seconds=20), encode("a", seconds=20)))
    old = segmenter.epochs[0]
    segmenter.begin("v").feed(encode(seconds=1, since=T0 + 20.5))
    at = segmenter.timeline.observe("a", Fraction(20), Fraction(201, 10), T0 + 21.6)
    assert at.epoch is old
    segmenter.begin("a").feed(encode("a", seconds=1, since=T0 + 20.5))
    assert segmenter.causes == [Cause.FIRST, Cause.INIT]


def test_resuming_is_a_gap() -> None:
    segmenter = Segmenter().begin().feed(encode(seconds=20))
    segmenter.timeline.begin("v", 90_000, resumes=True)
    segmenter.feed(encode(seconds=20, since=T0 + 25, media=Fraction(25)))
    assert segmenter.causes == [Cause.FIRST]
