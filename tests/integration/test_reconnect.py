"""Encoders that break off: who waits, who goes on in one timeline, who is let go, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sorgente.settings import EncoderSettings
from tests.integration.conftest import Launch
from tests.support import boxes
from tests.support.boxes import AUDIO, VIDEO
from tests.support.live import Upload, media_of, muxed, payloads, video
from tests.support.origin import Encoder, InProcess, until

PATIENT = EncoderSettings(reconnect_grace=600)
HASTY = EncoderSettings(reconnect_grace=0.3)


@pytest.fixture
async def patient(launch: Launch) -> InProcess:
    return await launch(encoders=PATIENT)


async def send_and_vanish(origin: InProcess, upload: Upload, *, torn: bytes = b"") -> None:
    """All of ``upload`` is relayed, ``torn`` is on the way, and the encoder dies."""
    before = await origin.metric("sorgente_chunks_total")
    encoder = await origin.publish()
    await encoder.send(upload.init, *upload.chunks)
    if torn:
        await encoder.send(torn)
    await origin.until_metric("sorgente_chunks_total", before + len(upload.chunks))
    encoder.vanish()
    await origin.until_metric("sorgente_publishers", 0)


async def publish_whole(origin: InProcess, upload: Upload) -> Encoder:
    encoder = await origin.publish()
    await encoder.send(upload.init, *upload.chunks)
    return encoder


@pytest.mark.parametrize("torn", [b"", b"\0\0\0\x50moof", video(1).chunks[0][:-1]])
async def test_a_returning_encoder_goes_on_in_one_timeline(patient: InProcess, torn: bytes) -> None:
    """Time and sequence numbers of the new upload begin at 0; no player sees them go back."""
    players = await patient.audience(3)
    await send_and_vanish(patient, video(7), torn=torn)
    for number in (8, 18, 28):
        await send_and_vanish(patient, video(10, first_number=number), torn=torn)
    encoder = await publish_whole(patient, video(3, first_number=38))
    assert (await encoder.finish()).status == 200
    for player in players:
        got = await player.rest()
        assert got.complete
        assert payloads(got.body) == payloads(video(40).whole)


async def test_both_tracks_of_a_returning_encoder_stay_in_step(patient: InProcess) -> None:
    (player,) = await patient.audience(1)
    await send_and_vanish(patient, muxed(10))
    await (await publish_whole(patient, muxed(10))).finish()
    chunks = media_of((await player.rest()).body)
    assert len(chunks) == 20
    for chunk in chunks:
        picture, sound = chunk.fragment.tracks
        assert abs(picture.base_decode_time / 12800 - sound.base_decode_time / 48000) < 0.1


async def test_who_comes_while_the_encoder_is_away_sees_the_last_and_then_the_next(
    patient: InProcess,
) -> None:
    await send_and_vanish(patient, video(12))
    late, oldest = await patient.play(), await patient.play("/play?from=oldest")
    await late.take(1)
    await oldest.take(1)
    await (await publish_whole(patient, video(5, first_number=13))).finish()
    assert payloads((await late.rest()).body) == payloads(video(17).whole)[10:]
    assert payloads((await oldest.rest()).body) == payloads(video(17).whole)


@pytest.mark.parametrize(
    "other",
    [
        video(5, spec=replace(VIDEO, timescale=90000)).whole,
        video(5, spec=replace(VIDEO, entry=boxes.visual_entry(width=320, height=180))).whole,
        muxed(5).whole,
        boxes.init_segment(AUDIO),
        b"bytes of no known kind",
    ],
    ids=["timescale", "picture size", "a track more", "other tracks", "no fragments"],
)
async def test_an_encoder_that_returns_with_something_else_begins_anew(
    patient: InProcess, other: bytes
) -> None:
    """The players of the old stream are let go without a clean end; who waits gets the new one."""
    (player,) = await patient.audience(1)
    await send_and_vanish(patient, video(7))
    encoder = await patient.publish()
    await encoder.send(other)
    await encoder.finish()
    got = await player.rest()
    assert not got.complete
    assert payloads(got.body) == payloads(video(7).whole)
    player.leave()
    await patient.works()


@pytest.mark.parametrize("count", [0, 7])
async def test_an_encoder_that_stays_away_is_not_waited_for_for_ever(
    launch: Launch, count: int
) -> None:
    origin = await launch(encoders=HASTY)
    (player,) = await origin.audience(1)
    await send_and_vanish(origin, video(count))
    got = await player.rest()
    assert not got.complete
    assert got.body == video(count).whole
    player.leave()
    # The channel may be there yet: what came slowly is announced, and stays to be seen.
    await until(lambda: not origin.broker.busy)
    (next_player,) = await origin.audience(1)
    await (await publish_whole(origin, video(5))).finish()
    assert (await next_player.rest()).body == video(5).whole, "as if nothing had been"


async def test_a_silent_encoder_is_ended_and_may_return(launch: Launch) -> None:
    origin = await launch(encoders=EncoderSettings(publisher_timeout=0.3, reconnect_grace=600))
    (player,) = await origin.audience(1)
    encoder = await publish_whole(origin, video(7))
    response = await encoder.answer()
    assert response.status == 408
    await (await publish_whole(origin, video(3, first_number=8))).finish()
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(video(10).whole)


async def test_an_encoder_that_broke_off_before_it_said_anything_changes_nothing(
    patient: InProcess,
) -> None:
    (player,) = await patient.audience(1)
    for sent in (b"", b"\0\0\0\x18ftyp", video(1).init[:-1]):
        encoder = await patient.publish()
        if sent:
            await encoder.send(sent)
        await patient.until_metric("sorgente_publishers", 1)
        encoder.vanish()
        await patient.until_metric("sorgente_publishers", 0)
    assert await patient.metric("sorgente_held") == 1
    await (await publish_whole(patient, video(5))).finish()
    assert (await player.rest()).body == video(5).whole


async def test_an_encoder_may_send_its_header_again(patient: InProcess) -> None:
    (player,) = await patient.audience(1)
    upload = video(10)
    encoder = await patient.publish()
    await encoder.send(upload.init, *upload.chunks[:5], upload.init, *upload.chunks[5:])
    await encoder.finish()
    assert payloads((await player.rest()).body) == payloads(upload.whole)
