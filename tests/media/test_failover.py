"""A bit rate that dies among others, and what those who watch it get until they know."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest

from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.upload import MediaChunk
from sorgente.media.segment import Segment
from sorgente.media.track import Absence
from tests.media.stage import FRAME, Stage
from tests.media.test_slate import GOP, Encoder, segments
from tests.support.boxes import NON_SYNC, SYNC, Sample, TrackSpec, TrafSpec, chunk, init_segment
from tests.support.boxes import visual_entry as entry
from tests.support.live import Upload
from tests.support.players import player
from tests.support.uploads import units_of

TIMESCALES = {"v1": 12800, "v2": 90000, "v3": 30000}
"""Every bit rate has its own, by which a picture shows whether it is decoded as what it is."""
SIZES = {"v1": 200, "v2": 400, "v3": 600}
FRAMES = 600
SEGMENT = 2 * GOP


def rung(name: str, spec: TrackSpec | None = None) -> Upload:
    """Pictures that tell what they are of, and which they are."""
    timescale = TIMESCALES[name]
    ticks = timescale // 25
    chunks = []
    for index in range(FRAMES):
        payload = f"frame {name} {index}".encode().ljust(SIZES[name], b".")
        sample = Sample(payload, ticks, NON_SYNC if index % GOP else SYNC)
        traf = TrafSpec(1, index * ticks, [sample])
        chunks.append(chunk(traf, sequence_number=index + 1))
    return Upload(init_segment(spec or TrackSpec(timescale=timescale)), chunks)


def ladder(stage: Stage, *names: str, **specs: TrackSpec) -> Encoder:
    encoder = Encoder(stage, "a")
    for name in names:
        encoder.uploads[name] = rung(name, specs.get(name))
        encoder.begin(name)
    return encoder


@dataclass(frozen=True)
class Picture:
    """On the screen; seconds on the timeline of its init segment."""

    start: Fraction
    end: Fraction
    name: str
    frame: int


def shown(init: bytes, body: bytes) -> list[Picture]:
    """What a player that has ``init`` decodes of ``body``; each under its own init segment."""
    pictures: list[Picture] = []
    begun: InitSegment | None = None
    for unit in units_of(init + body):
        if not isinstance(unit, MediaChunk):
            continue
        if unit.init is not begun:
            assert unit.random_access, "a decoder begins with a key frame"
        begun = unit.init
        (part,) = unit.fragment.tracks
        timescale = unit.init.leading_track.timescale
        _, name, number = unit.data[unit.data.index(b"frame") :].split(b".")[0].split()
        start = Fraction(part.base_decode_time, timescale)
        picture = Picture(
            start, start + Fraction(part.duration, timescale), name.decode(), int(number)
        )
        assert TIMESCALES[picture.name] == timescale, "decoded as another one"
        assert not pictures or abs(picture.start - pictures[-1].end) < Fraction(1, 1000)
        pictures.append(picture)
    return pictures


def body(segment: Segment) -> bytes:
    return b"".join(segment.slice(0, segment.bytes))


def watched(stage: Stage, name: str, period: int = 0) -> list[Picture]:
    """What a player sees that stays with a track to the end of a period, and behind it."""
    epoch = stage.snapshot.periods[period].id
    own = [each for each in segments(stage, name) if each.epoch == epoch]
    init = stage.presentation.tracks[name].inits[epoch].data
    for segment in own:
        if segment.end:
            assert shown(init, body(segment)), "it can be begun with"
    return shown(init, b"".join(map(body, own)))


def of(name: str, pictures: list[Picture]) -> list[int]:
    return [picture.frame for picture in pictures if picture.name == name]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_bit_rate_that_dies_goes_on_with_the_pictures_of_another(stage: Stage) -> None:
    """From the next key frame on: in the segment that grows, and in the period that it died in."""
    encoder = ladder(stage, "v1", "v2")
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(30)
    assert len(stage.snapshot.periods) == 1
    pictures = watched(stage, "v2")
    assert of("v1", pictures) == list(range(75, 90))
    assert of("v2", pictures)[:60] == list(range(60))
    assert set(of("v2", pictures)[60:]) == {50}, "the last key picture, until then"
    assert pictures[-1].end == watched(stage, "v1")[-1].end


def test_what_players_ask_for_until_they_know_goes_on_too(stage: Stage) -> None:
    encoder = ladder(stage, "v1", "v2")
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(35)
    track, following = stage.presentation.tracks["v2"], segments(stage, "v2")[-1].number + 1
    subscriber, sink = player()
    while isinstance(found := stage.presentation.find(track, following, stage.now), Absence):
        assert found is Absence.NEXT
        if subscriber not in track._held.get(following, {}):
            track.hold(following, subscriber, lambda: pytest.fail("it was promised"))
        encoder.send(1)
    encoder.send(10)
    old, new = stage.snapshot.periods
    assert [track.name for track in new.tracks] == ["a", "v1"]
    first = shown(track.inits[old.id].data, sink.body)
    assert of("v1", first)[-1] == encoder.at - 1, "a picture as it comes"
    encoder.send(2 * SEGMENT)
    pictures = watched(stage, "v2")
    living = of("v1", pictures)
    assert living == list(range(75, 75 + len(living)))
    assert living[-1] >= 2 * SEGMENT + SEGMENT


def test_it_ends_with_what_was_promised(stage: Stage) -> None:
    encoder = ladder(stage, "v1", "v2")
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(45)
    track = stage.presentation.tracks["v2"]
    promised = [
        number
        for number in range(track.last_number, track.last_number + 10)
        if stage.presentation.find(track, number, stage.now) is not Absence.UNKNOWN
    ]
    encoder.send(5 * SEGMENT)
    kept = {segment.number: segment for segment in segments(stage, "v2")}
    assert 2 <= len(promised) <= 4
    assert all(kept[number].complete for number in promised)
    assert max(kept) == promised[-1]
    assert [kept[number].duration for number in promised[1:]] == [2 * 90000] * (len(promised) - 1)
    found = stage.presentation.find(track, promised[-1] + 1, stage.now)
    assert found is Absence.UNKNOWN
    assert encoder.at - 1 not in of("v1", watched(stage, "v2"))


@pytest.mark.parametrize(
    ("dies", "plays"), [("v3", "v2"), ("v2", "v1"), ("v1", "v2")], ids=["top", "middle", "lowest"]
)
def test_the_next_lower_bit_rate_plays_it(stage: Stage, dies: str, plays: str) -> None:
    encoder = ladder(stage, "v1", "v2", "v3")
    encoder.send(60)
    encoder.kill(dies)
    encoder.send(30)
    assert {picture.name for picture in watched(stage, dies)} == {dies, plays}


@pytest.mark.parametrize(
    "spec",
    [
        TrackSpec(timescale=12800, entry=entry(b"hvc1")),
        TrackSpec(timescale=12800, language="deu"),
    ],
    ids=["codec", "language"],
)
def test_nobody_plays_it_whom_players_could_not_switch_to(stage: Stage, spec: TrackSpec) -> None:
    encoder = ladder(stage, "v1", "v2", v1=spec)
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(30)
    assert {picture.name for picture in watched(stage, "v2")} == {"v2"}


@pytest.mark.parametrize("later", [5, 20, 45, 70])
def test_who_plays_it_may_die_as_well(stage: Stage, later: int) -> None:
    """Before it has begun, in the middle of it, and when players know already."""
    encoder = ladder(stage, "v1", "v2", "v3")
    encoder.send(60)
    encoder.kill("v3")
    encoder.send(later)
    encoder.kill("v2")
    encoder.send(60)
    pictures = watched(stage, "v3")
    at = 60 + later
    assert of("v1", pictures)[0] == -(-at // GOP) * GOP, "its next key frame"
    assert of("v2", pictures) == list(range(75, at))
    assert len(pictures) > 90


def test_when_all_are_gone_it_shows_slates_of_its_own(stage: Stage) -> None:
    encoder = ladder(stage, "v1", "v2")
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(20)
    encoder.kill("v1")
    for _ in range(30):
        stage.pass_time(0.1)
    pictures = watched(stage, "v2")
    assert pictures[-1].name == "v2"
    assert float(pictures[-1].end - pictures[0].start) == pytest.approx(80 * FRAME + 3, abs=0.3)


def test_players_of_it_get_its_own_pictures_when_it_is_back(stage: Stage) -> None:
    """Some by the old numbers: they have the init segment of the other one."""
    encoder = ladder(stage, "v1", "v2")
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(20)
    encoder.begin("v2")
    encoder.send(60)
    old, new = stage.snapshot.periods
    assert [track.name for track in new.tracks] == ["a", "v1", "v2"]
    both = segments(stage, "v2")
    assert both[-1].epoch == new.id
    by_old_numbers = shown(stage.presentation.tracks["v2"].inits[old.id].data,
                           b"".join(map(body, both)))  # fmt: skip
    assert of("v2", by_old_numbers)[-1] == of("v2", watched(stage, "v2", 1))[-1] == encoder.at - 1


def test_one_that_is_silent_goes_on_with_another_and_comes_back(stage: Stage) -> None:
    encoder = ladder(stage, "v1", "v2")
    encoder.send(110)
    encoder.send(50, silent="v2")
    assert "v1" in {picture.name for picture in watched(stage, "v2")}
    encoder.send(200)
    newest = stage.snapshot.periods[-1]
    assert [track.name for track in newest.tracks] == ["a", "v1", "v2"]
    assert {picture.name for picture in watched(stage, "v2", -1)} == {"v2"}


def test_pictures_are_shared_and_held_for_no_longer(stage: Stage) -> None:
    encoder = ladder(stage, "v1", "v2")
    encoder.send(60)
    encoder.kill("v2")
    encoder.send(30)
    one, other = (segments(stage, name)[-1].chunks for name in ("v1", "v2"))
    assert other[-15:] == one[-15:], "the same objects"
    encoder.send(60)
    for track in stage.presentation.tracks.values():
        assert track.bytes_held == sum(each.bytes_held for each in track.segments.values())
    encoder.send(400)
    stage.pass_time(15)
    assert "v2" not in stage.presentation.tracks


def test_a_bit_rate_is_not_announced_by_what_another_needed(stage: Stage) -> None:
    encoder = ladder(stage, "v1", "v2")
    encoder.send(160)
    track = stage.presentation.tracks["v1"]
    before = track.needs.bandwidth
    encoder.kill("v1")
    encoder.send(160)
    assert "v2" in {picture.name for picture in watched(stage, "v1")}
    assert track.needs.bandwidth == before
