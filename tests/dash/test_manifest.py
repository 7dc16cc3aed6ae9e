"""What single elements say, where rules and schema leave a choice."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from sorgente.dash.manifest import render
from sorgente.media.snapshot import PresentationSnapshot, SegmentEntry
from tests.dash.reader import Mpd, children, descendants
from tests.dash.snapshots import (
    CONTINUED,
    ENDED,
    MATRIX,
    NOON,
    audio,
    listed,
    period,
    presentation,
    text,
    video,
)


def read(snapshot: PresentationSnapshot) -> Mpd:
    return Mpd(render(snapshot))


def only(snapshot: PresentationSnapshot, name: str) -> Element:
    (found,) = descendants(read(snapshot).root, name)
    return found


def test_the_complete_text() -> None:
    """For readers: one MPD as it leaves the origin, two bit rates, audio and subtitles."""
    tracks = (
        video("v720"),
        video("v360", codec="avc1.64001e", bandwidth=800_000, width=640, height=360),
        audio("en"),
        text("cc"),
    )
    golden = Path(__file__).with_name("complete.mpd").read_bytes()
    assert render(presentation(period(*tracks, produced_at=NOON - Fraction("0.04")))) == golden


def test_the_delay_is_both_in_the_mpd_and_in_the_service_description() -> None:
    mpd = read(presentation(period(video()), latency_target=Fraction("0.2")))
    assert mpd.root.attrib["suggestedPresentationDelay"] == "PT0.2S"
    assert [dict(node.attrib) for node in descendants(mpd.root, "Latency")] == [
        {"referenceId": "1", "target": "200", "min": "100", "max": "400"}
    ]


def test_what_an_encoder_keeps_for_itself_is_not_asked_of_players() -> None:
    """dash.js takes it off the target of the service description, Shaka knows nothing of it."""
    late = period(video(), produced_at=NOON - Fraction("1.3"))
    mpd = read(presentation(late, latency_target=Fraction("0.5")))
    assert mpd.root.attrib["suggestedPresentationDelay"] == "PT0.5S"
    assert [dict(node.attrib) for node in descendants(mpd.root, "Latency")] == [
        {"referenceId": "1", "target": "1800", "min": "1550", "max": "2300"}
    ]


@pytest.mark.parametrize(("target", "slowest"), [("0.5", "0.95"), ("0.501", "1"), ("3", "1")])
def test_shaka_reads_the_only_one_and_may_not_slow_down_beyond_its_tolerance(
    target: str, slowest: str
) -> None:
    mpd = read(presentation(period(video()), latency_target=Fraction(target)))
    (only,) = descendants(mpd.root, "ServiceDescription")
    (rate,) = children(only, "PlaybackRate")
    assert rate.attrib["min"] == slowest
    assert not children(only, "Scope")


def test_bit_rates_are_one_set_languages_and_codec_families_are_not() -> None:
    mpd = read(
        presentation(
            period(
                video("v1"),
                video("v2", codec="avc1.42c01e", bandwidth=1),
                audio("en"),
                video("w", codec="hvc1.1.6.L93.B0"),
                audio("it", language="it"),
                audio("ad", roles=(("urn:mpeg:dash:role:2011", "description"),)),
                audio("other", switching_set="2"),
            )
        )
    )
    sets = [[each.id for each in owner.representations] for owner in mpd.sets]
    assert sets == [["v2", "v1"], ["en"], ["w"], ["it"], ["ad"], ["other"]]


def test_a_late_track_renumbers_no_set() -> None:
    before = read(presentation(period(video(), text())))
    after = read(presentation(period(video(), text(), audio())))
    assert [owner.id for owner in before.sets] == [owner.id for owner in after.sets][:2]


@pytest.mark.parametrize(
    ("channels", "value"),
    [
        (1, ("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "1")),
        (6, ("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "6")),
        (8, ("urn:mpeg:mpegB:cicp:ChannelConfiguration", "12")),
    ],
)
def test_channels(channels: int, value: tuple[str, str]) -> None:
    node = only(presentation(period(audio(channels=channels))), "AudioChannelConfiguration")
    assert (node.attrib["schemeIdUri"], node.attrib["value"]) == value


def test_an_unknown_number_of_channels_is_not_told() -> None:
    mpd = read(presentation(period(audio(channels=0))))
    assert not descendants(mpd.root, "AudioChannelConfiguration")


@pytest.mark.parametrize(("language", "told"), [("de-AT", "de-AT"), ("und", None), ("?", None)])
def test_languages(language: str, told: str | None) -> None:
    node = only(presentation(period(audio(language=language))), "AdaptationSet")
    assert node.attrib.get("lang") == told


def test_subtitles_have_a_role_that_players_list() -> None:
    assert only(presentation(period(text())), "Role").attrib["value"] == "subtitle"
    given = (("urn:mpeg:dash:role:2011", "caption"),)
    assert only(presentation(period(text(roles=given))), "Role").attrib["value"] == "caption"


def test_metadata_tracks_are_not_shown() -> None:
    meta = replace(text("m"), kind="meta")
    assert [each.id for each in read(presentation(period(video(), meta))).representations] == ["v"]


def test_templates_stand_on_the_set_where_all_agree() -> None:
    together = read(MATRIX["three bit rates, two languages"])
    apart = read(MATRIX["bit rates that differ in timing"])
    assert [len(children(each.node, "SegmentTemplate")) for each in together.sets] == [1, 1, 1]
    assert not children(apart.sets[0].node, "SegmentTemplate")
    assert [each.timescale for each in apart.representations] == [90000, 12800]


def test_events_stand_where_they_are_true() -> None:
    scte = (("urn:scte:scte35:2013:bin", "1"),)
    mpd = read(presentation(period(video("a", event_schemes=scte), video("b", bandwidth=1))))
    (stream,) = descendants(mpd.root, "InbandEventStream")
    owner = next(each for each in mpd.representations if stream in list(each.node))
    assert (owner.id, stream.attrib["value"]) == ("a", "1")


def test_continuity_is_told_of_sets_that_were_there() -> None:
    late = replace(CONTINUED[1], tracks=(*CONTINUED[1].tracks, audio("it", language="it")))
    last = read(presentation(CONTINUED[0], late)).sets[2:]
    scheme = "urn:mpeg:dash:period-continuity:2015"
    told = [
        [node.attrib["value"] for node in children(each.node, "SupplementalProperty")
         if node.attrib["schemeIdUri"] == scheme]
        for each in last
    ]  # fmt: skip
    assert told == [["e1"], ["e1"], []]


def test_a_restart_continues_nothing() -> None:
    assert b"period-continuity" not in render(MATRIX["after an outage"])


def test_equal_runs_are_merged_and_a_gap_has_its_time() -> None:
    track = listed(video(), [100, 100, 50])
    assert track.segments
    late = SegmentEntry(number=track.segments[-1].number + 1, time=1000, duration=50)
    timeline = only(presentation(period(replace(track, segments=(*track.segments, late)))),
                    "SegmentTimeline")  # fmt: skip
    assert [dict(node.attrib) for node in timeline] == [
        {"t": "0", "d": "100", "r": "1"},
        {"d": "50"},
        {"t": "1000", "d": "50"},
    ]


def test_a_number_that_never_was_hides_what_is_before_it() -> None:
    track = listed(video(), [100, 100, 100])
    assert track.segments
    holed = replace(track, segments=(track.segments[0], *track.segments[2:]))
    (each,) = read(presentation(period(holed))).representations
    assert [segment.number for segment in each.listed()] == [track.segments[2].number]


def test_a_timeline_with_nothing_in_it_is_not_shown() -> None:
    empty = replace(audio(), segments=())
    assert [each.id for each in read(presentation(period(video(), empty))).representations] == ["v"]


def test_the_end_of_the_event() -> None:
    mpd = read(ENDED)
    assert mpd.root.attrib["mediaPresentationDuration"] == "PT31S"
    assert [period.attrib["start"] for period in mpd.periods] == ["PT0S", "PT20S"]
    assert [each.start_number for each in mpd.representations] == [897_674_400] * 2 + [
        897_674_410
    ] * 2


def test_a_recording_starts_with_what_is_there_at_its_place() -> None:
    mpd = read(MATRIX["ended, the oldest gone"])
    picture, sound = mpd.representations[:2]
    assert mpd.periods[0].attrib["start"] == "PT8S"
    assert mpd.root.attrib["mediaPresentationDuration"] == "PT31S"
    assert picture.segment(897_674_404).start == sound.segment(897_674_404).start == 8
    assert int(sound.template["presentationTimeOffset"]) == 1024 + 8 * 48000


def test_periods_of_which_nothing_is_left_are_not_in_the_recording() -> None:
    gone = tuple(replace(track, first_number=track.start_number + 10) for track in
                 ENDED.periods[0].tracks)  # fmt: skip
    periods = (replace(ENDED.periods[0], tracks=gone), ENDED.periods[1])
    mpd = read(replace(ENDED, periods=periods))
    assert [period.attrib["id"] for period in mpd.periods] == ["e2"]


def test_a_recording_of_nothing_is_still_an_mpd() -> None:
    gone = tuple(replace(track, first_number=track.start_number + 99) for track in
                 ENDED.periods[1].tracks)  # fmt: skip
    snapshot = replace(ENDED, periods=(replace(ENDED.periods[1], tracks=gone),))
    mpd = read(snapshot)
    assert (mpd.root.attrib["mediaPresentationDuration"], mpd.representations) == ("PT0S", [])


def test_a_recording_of_listed_segments_starts_where_all_tracks_are() -> None:
    pair = (
        listed(video(), [12800] * 4, number=5, time=25600),
        listed(audio(), [48000] * 4, number=6, time=1024 + 3 * 48000),
    )
    mpd = read(presentation(period(*pair, end=NOON + 6), ended=True))
    assert mpd.periods[0].attrib["start"] == "PT3S"
    picture, sound = mpd.representations
    assert [segment.number for segment in picture.listed()] == [6, 7, 8]
    assert next(picture.listed()).start == next(sound.listed()).start == 3


def test_players_that_are_there_are_told_on_the_timeline_they_know() -> None:
    mpd = read(replace(ENDED, farewell=True))
    assert mpd.live
    assert mpd.root.attrib["minimumUpdatePeriod"] == "PT1S", "Shaka ends with a static one only"
    assert mpd.time("mediaPresentationDuration") == NOON + 31


def test_an_event_that_is_over_has_an_end() -> None:
    endless = replace(ENDED, periods=(replace(ENDED.periods[-1], end=None),))
    for broken in (endless, replace(endless, farewell=True)):
        with pytest.raises(ValueError, match="no end"):
            render(broken)


def test_the_same_snapshot_is_the_same_bytes() -> None:
    for name, snapshot in MATRIX.items():
        assert render(snapshot) == render(replace(snapshot)), name
