"""A channel as those see it who look after it."""

from __future__ import annotations

import pytest

from sorgente.media.chunk import LAST_FRAME
from sorgente.media.lately import SPAN_SECONDS
from sorgente.media.report import ChannelReport, report
from tests.support.boxes import VIDEO
from tests.support.live import sound, video
from tests.support.on_air import FRAME, Live, framed
from tests.support.transport import House


def seen(house: House, name: str = "live") -> ChannelReport:
    channel = house.broker.get(name)
    assert channel is not None
    return report(channel, house.clock.now)


def test_a_channel_on_the_air() -> None:
    house = House()
    live = Live(house, frames=120, spec=VIDEO)
    house.request(b"GET /play/live HTTP/1.1")
    live.ask(3)
    found = seen(house)
    assert (found.name, found.state, found.opaque) == ("live", "live", False)
    assert [each.path for each in found.publishers] == ["live"]
    assert found.publishers[0].bytes_in == found.counters.bytes_in > 0
    assert found.key_frame_interval == pytest.approx(1.0)
    assert found.key_frames_regular is True
    assert found.segment_duration == pytest.approx(2.0)
    assert found.latency_target == pytest.approx(0.5)
    assert found.drift == pytest.approx(0.0, abs=0.001)
    assert (found.viewers, found.waiting) == (2, 0)
    (track,) = found.tracks
    assert (track.name, track.kind, track.away) == ("video", "video", False)
    assert (track.width, track.height, track.frame_rate) == (160, 90, 25.0)
    assert (track.sample_rate, track.channels) == (None, None)
    assert track.chunk_duration == pytest.approx(FRAME)
    assert track.chunk_interval == pytest.approx(FRAME)
    assert track.jitter == pytest.approx(0.0, abs=0.001)
    assert track.encoder_delay is None
    first = live.presentation.tracks["video"].segments[live.first + 1]
    assert track.bit_rate == pytest.approx(first.bytes * 8 / 2)
    assert track.segments == 3


def test_what_is_counted_stays_as_it_was_reported() -> None:
    house = House()
    live = Live(house, frames=30, spec=VIDEO)
    before = seen(house)
    chunks = before.counters.chunks
    live.send(10)
    assert before.counters.chunks == chunks


def test_players_without_an_encoder() -> None:
    house = House()
    house.request(b"GET /play/live HTTP/1.1")
    found = seen(house)
    assert (found.state, found.viewers, found.waiting, found.held) == ("waiting", 1, 1, 0)
    assert (found.tracks, found.latency_target, found.key_frame_interval) == ((), None, None)


def test_an_encoder_that_broke_off_is_awaited_and_its_track_is_away() -> None:
    house = House()
    live = Live(house, spec=VIDEO)
    live.encoder.lose()
    house.pass_time(0.2)
    found = seen(house)
    assert found.state == "reconnecting"
    assert found.publishers == ()
    assert [track.away for track in found.tracks] == [True]


def test_an_encoder_that_came_to_a_clean_end_is_not_missed() -> None:
    house = House()
    live = Live(house, spec=VIDEO)
    live.encoder.receive(LAST_FRAME)
    assert seen(house).state == "ending"
    house.pass_time(11)
    assert seen(house).state == "ended"


def test_a_new_encoder_may_go_on_after_a_clean_end() -> None:
    house = House()
    Live(house, spec=VIDEO).encoder.receive(LAST_FRAME)
    again = Live(house, spec=VIDEO)
    assert seen(house).state == "live"
    again.encoder.lose()
    house.pass_time(0.2)
    assert seen(house).state == "reconnecting"


def test_before_its_first_chunk_is_whole_a_track_is_not_away() -> None:
    """One chunk a group of ten seconds: an encoder like that is slow, and there."""
    house = House()
    upload = video(3, gop=1)
    encoder = house.request(b"POST /ingest/live HTTP/1.1", b"Transfer-Encoding: chunked")
    encoder.receive(framed(upload.init))
    house.pass_time(9.0)
    found = seen(house)
    assert found.state == "live"
    assert [track.away for track in found.tracks] == [False]


def test_players_that_are_too_slow_are_counted_while_it_is_news() -> None:
    house = House()
    Live(house, frames=30, spec=VIDEO)
    channel = house.broker.get("live")
    assert channel is not None
    channel.counters.lag_skips, channel.counters.stall_aborts = 7, 2
    assert seen(house).too_slow == 9
    for spans in range(4):
        channel.tick(house.clock.now + spans * SPAN_SECONDS)
    assert report(channel, house.clock.now).too_slow == 0


def test_bytes_that_nobody_understands() -> None:
    house = House()
    house.request(b"POST /ingest/live HTTP/1.1", b"Content-Length: 900", body=b"\x47" * 500)
    found = seen(house)
    assert found.opaque
    assert found.tracks == ()


def test_tracks_with_encoders_of_their_own() -> None:
    house = House()
    uploads = [("picture", video(60, gop=25)), ("sound", sound(60))]
    encoders = []
    for name, upload in uploads:
        path = f"POST /ingest/live/{name} HTTP/1.1".encode()
        encoder = house.request(path, b"Transfer-Encoding: chunked")
        encoder.receive(framed(upload.init))
        encoders.append(encoder)
    for index in range(60):
        house.pass_time(FRAME)
        for encoder, (_, upload) in zip(encoders, uploads, strict=True):
            encoder.receive(framed(upload.chunks[index]))
    found = seen(house)
    assert [each.path for each in found.publishers] == ["live/picture", "live/sound"]
    assert {track.name: track.kind for track in found.tracks} == {
        "picture": "video",
        "sound": "audio",
    }
    heard = next(track for track in found.tracks if track.kind == "audio")
    assert (heard.sample_rate, heard.channels, heard.width) == (48000, 2, None)


def test_silence_for_want_of_sound_is_not_away() -> None:
    """No encoder is to be looked after, and nobody to be got out of bed."""
    house = House()
    upload = video(90, gop=25)
    encoder = house.request(b"POST /ingest/live/picture HTTP/1.1", b"Transfer-Encoding: chunked")
    encoder.receive(framed(upload.init))
    for chunk in upload.chunks:
        house.pass_time(FRAME)
        encoder.receive(framed(chunk))
    found = {track.name: track.away for track in seen(house).tracks}
    assert found == {"picture": False, "silence": False}
