"""Publish and play over real sockets: who gets which bytes, and how responses end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.conftest import Launch
from tests.support import boxes
from tests.support.boxes import AUDIO, VIDEO, Sample, TrafSpec, visual_entry
from tests.support.live import Upload, muxed, payloads, video
from tests.support.origin import Encoder, InProcess, Player, frame
from tests.support.uploads import chunks_of, in_pieces, units_of

MFRA = boxes.box(b"mfra", bytes(40))
UPLOAD = video(20, trailer=MFRA)
AUDIO_ONLY = Upload(
    boxes.init_segment(AUDIO),
    [boxes.chunk(TrafSpec(2, n * 1024, [Sample(b"sound", 1024)]), sequence_number=n + 1)
     for n in range(8)],
)  # fmt: skip
PROGRESSIVE = boxes.ftyp(b"isom") + boxes.moov(fragmented=False) + boxes.box(b"mdat", bytes(9000))

CONTENTS: dict[str, tuple[bytes, str]] = {
    "fragmented": (UPLOAD.whole, "video/mp4"),
    "fragmented, addressed by file position": (video(20, base="absolute").whole, "video/mp4"),
    "muxed": (muxed(20).whole, "video/mp4"),
    "audio only": (AUDIO_ONLY.whole, "audio/mp4"),
    "an init segment and no more": (UPLOAD.init, "video/mp4"),
    "progressive": (PROGRESSIVE, "video/mp4"),
    "media without an init segment": (b"".join(UPLOAD.chunks), "application/octet-stream"),
    "one byte": (b"x", "application/octet-stream"),
    "half a header": (b"\0\0\0\x18fty", "application/octet-stream"),
    "noise": (os.urandom(300_000), "application/octet-stream"),
    "text": (b"0\r\n\r\n" * 1000, "application/octet-stream"),
    "large": (os.urandom(1 << 16) * 80, "application/octet-stream"),
}


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
@pytest.mark.parametrize("content", CONTENTS)
async def test_who_waited_gets_every_byte(origin: InProcess, content: str, chunked: bool) -> None:
    data, content_type = CONTENTS[content]
    players = await origin.audience(4)
    players.append(await origin.play(version="1.0"))
    await origin.until_metric("sorgente_held", 5)
    encoder = await origin.publish(length=None if chunked else len(data))
    everybody = asyncio.gather(*(player.rest() for player in players))
    responses, _ = await asyncio.gather(everybody, finished(encoder, data))
    for response in responses:
        assert response.status == 200
        assert response.complete
        assert response.body == data
        assert response.headers["content-type"] == content_type
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["access-control-allow-origin"] == "*"
        assert "content-length" not in response.headers
    *modern, old = responses
    assert {response.headers["transfer-encoding"] for response in modern} == {"chunked"}
    assert "transfer-encoding" not in old.headers
    assert old.headers["connection"] == "close"


async def finished(encoder: Encoder, data: bytes) -> None:
    await encoder.send(data)
    assert (await encoder.finish()).status == 200


@pytest.mark.parametrize("content", ["fragmented", "muxed", "noise"])
@pytest.mark.parametrize(("frames", "writes"), [(1, 1 << 20), (7, 5), (100, 1), (1000, 3000)])
async def test_the_cuts_of_an_upload_leave_no_trace(
    origin: InProcess, content: str, frames: int, writes: int
) -> None:
    """``frames``: bytes in a frame; ``writes``: bytes in a TCP write, across the frames."""
    data = CONTENTS[content][0][:20_000]
    (player,) = await origin.audience(1)
    encoder = await origin.publish()
    wire = b"".join(map(frame, in_pieces(data, frames))) + b"0\r\n\r\n"
    for piece in in_pieces(wire, writes):
        await encoder.wire.send(piece)
    assert (await encoder.answer()).status == 200
    assert (await player.rest()).body == data


async def started(origin: InProcess, upload: Upload, count: int, channel: str = "live") -> Encoder:
    """An upload on the air, as far as its first ``count`` chunks."""
    before = await origin.metric("sorgente_chunks_total")
    encoder = await origin.publish(f"/ingest/{channel}")
    await encoder.send(upload.init, *upload.chunks[:count])
    await origin.until_metric("sorgente_publishers", 1)
    await origin.until_metric("sorgente_chunks_total", before + count)
    return encoder


LATE = [
    ("/play", 12, 10),
    ("/play", 10, 5),
    ("/play", 11, 10),
    ("/play", 1, 0),
    ("/play", 0, 0),
    ("/play?from=newest", 12, 10),
    ("/play?from=oldest", 12, 0),
    ("/play?from=oldest&x=y", 20, 0),
    ("/play?from=", 12, 10),
]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("base", ["moof", "absolute"])
@pytest.mark.parametrize(("target", "gone", "first"), LATE)
async def test_who_comes_late_starts_at_a_key_frame(
    origin: InProcess, target: str, gone: int, first: int, base: str, version: str
) -> None:
    upload = video(20, base=base, trailer=MFRA)
    encoder = await started(origin, upload, gone)
    player = await origin.play(target, version=version)
    await player.take(len(upload.init))
    await encoder.send(*upload.chunks[gone:], upload.trailer)
    await encoder.finish()
    got = await player.rest()
    assert got.complete
    assert got.body.startswith(upload.init)
    assert payloads(got.body) == payloads(upload.whole)[first:]


async def test_who_comes_late_to_other_bytes_gets_them_from_where_they_are(
    origin: InProcess,
) -> None:
    encoder = await origin.publish()
    await encoder.send(b"what was, ")
    await origin.until_metric("sorgente_chunks_total", 1)
    player = await origin.play("/play?from=oldest")
    await origin.until_players(1)
    await encoder.send(b"what is")
    await encoder.finish()
    got = await player.rest()
    assert (got.complete, got.body) == (True, b"what is")


async def test_a_connection_that_played_to_the_end_takes_the_next_request(
    origin: InProcess,
) -> None:
    (player,) = await origin.audience(1)
    for number in range(3):
        data = b"event %d" % number
        await origin.upload(data)
        assert (await player.rest()).body == data
        await player.wire.send(b"GET /play HTTP/1.1\r\nHost: x\r\n\r\n")
        await origin.until_metric("sorgente_held", 1)
        player = Player(player.wire)


async def test_channels_are_apart(origin: InProcess) -> None:
    uploads = {f"channel-{n}": os.urandom(50_000) for n in range(8)}
    players = {name: await origin.audience(3, f"/play/{name}") for name in uploads}
    await asyncio.gather(*(origin.upload(data, f"/ingest/{n}") for n, data in uploads.items()))
    for name, data in uploads.items():
        for player in players[name]:
            assert (await player.rest()).body == data


async def test_the_default_channel_is_live(origin: InProcess) -> None:
    (player,) = await origin.audience(1, "/play/live")
    await origin.upload(b"data", "/ingest")
    assert (await player.rest()).body == b"data"


def by_close(encoder: Encoder) -> None:
    encoder.wire.close()


@pytest.mark.parametrize("vanish", [Encoder.vanish, by_close], ids=["reset", "close"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_an_upload_that_broke_off_never_looks_complete(
    origin: InProcess, vanish: Callable[[Encoder], None], chunked: bool, version: str
) -> None:
    """Rule 5. HTTP/1.0 has no last frame to leave out: only a reset says it."""
    player = await origin.play(version=version)
    await origin.until_metric("sorgente_held", 1)
    data = os.urandom(5000)
    encoder = await origin.publish(length=None if chunked else 2 * len(data))
    await encoder.send(data)
    assert await player.take(len(data)) == data
    vanish(encoder)
    got = await player.rest()
    assert got.body == data
    if version == "1.1":
        assert not got.complete
    else:
        assert got.reset


async def test_a_second_publisher_is_told_who_holds_the_channel_and_since_when(
    origin: InProcess,
) -> None:
    (player,) = await origin.audience(1)
    first = await origin.publish(headers=[("User-Agent", "Lavf/62")])
    await first.send(UPLOAD.init, *UPLOAD.chunks[:5])
    await origin.until_metric("sorgente_publishers", 1)
    for headers in ([], [("Expect", "100-continue")]):
        response = await origin.ask("POST", "/ingest", headers, body=UPLOAD.whole)
        assert response.status == 409
        address, port = first.wire.sock.getsockname()
        assert f"{address}:{port} (Lavf/62)".encode() in response.body
        assert re.search(rb"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", response.body)
        assert b"?takeover=1" in response.body
    await first.send(*UPLOAD.chunks[5:], UPLOAD.trailer)
    assert (await first.finish()).status == 200
    got = await player.rest()
    assert (got.complete, got.body) == (True, UPLOAD.whole), "nobody noticed"


@pytest.mark.parametrize("value", ["0", "", "yes", "11"])
async def test_only_takeover_1_takes_over(origin: InProcess, value: str) -> None:
    first = await started(origin, UPLOAD, 5)
    response = await origin.ask("POST", f"/ingest?takeover={value}", body=b"x")
    assert response.status == 409
    await first.send(*UPLOAD.chunks[5:])
    assert (await first.finish()).status == 200


async def test_takeover_ends_the_first_and_its_players_go_on_in_one_timeline(
    origin: InProcess,
) -> None:
    (player,) = await origin.audience(1)
    first = await started(origin, UPLOAD, 7)
    second = await origin.publish("/ingest?takeover=1")
    response = await first.answer()
    assert response.status == 409
    assert response.headers["connection"] == "close"
    after = video(10, first_number=8)
    await second.send(after.init, *after.chunks)
    assert (await second.finish()).status == 200
    got = await player.rest()
    assert got.complete
    assert payloads(got.body) == payloads(video(17).whole)


async def test_takeover_of_other_bytes_lets_their_players_go(origin: InProcess) -> None:
    (player,) = await origin.audience(1)
    first = await origin.publish()
    await first.send(b"the first half of something")
    await player.take(1)
    second = await origin.publish("/ingest?takeover=1")
    assert (await first.answer()).status == 409
    assert not (await player.rest()).complete
    await second.send(b"something else")
    assert (await second.finish()).status == 200
    player.leave()
    await origin.works()


async def test_takeover_of_nothing_is_a_plain_publish(origin: InProcess) -> None:
    assert (await origin.upload(b"x", "/ingest?takeover=1")).status == 200


async def test_players_may_leave_at_any_time(origin: InProcess) -> None:
    """Before the first byte, in the middle of a chunk, by close and by reset: nobody else cares."""
    upload = video(20)
    steps = [0, 1, *range(50, len(upload.whole), 400), len(upload.whole)]
    staying = await origin.audience(2)
    leaving = await origin.audience(len(steps))
    leaving[0].leave()
    await origin.until_metric("sorgente_held", 2 + len(steps) - 1)
    encoder = await origin.publish()

    async def leave(player: Player, after: int, number: int) -> None:
        await player.take(after)
        player.wire.reset() if number % 2 else player.leave()

    async def feed() -> None:
        for piece in (upload.init, *upload.chunks):
            await encoder.send(piece)

    departures = (leave(player, steps[n], n) for n, player in enumerate(leaving) if n)
    await asyncio.gather(feed(), *departures)
    await origin.until_players(2)
    assert (await encoder.finish()).status == 200
    for player in staying:
        got = await player.rest()
        assert (got.complete, got.body) == (True, upload.whole)


async def test_what_a_player_sends_while_it_plays_disturbs_nobody(origin: InProcess) -> None:
    players = await origin.audience(2)
    for _ in range(10):
        await players[0].wire.send(b"GET /play HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    await origin.upload(UPLOAD.whole)
    for player in players:
        assert (await player.rest()).body == UPLOAD.whole


async def test_a_player_that_half_closes_is_gone(origin: InProcess) -> None:
    first, second = await origin.audience(2)
    first.wire.half_close()
    await origin.until_players(1)
    await origin.upload(UPLOAD.whole)
    assert (await second.rest()).body == UPLOAD.whole


async def test_a_thousand_players_at_once(launch: Launch) -> None:
    origin = await launch()
    players = await origin.audience(1000)
    responses, _ = await asyncio.gather(
        asyncio.gather(*(player.rest() for player in players)), origin.upload(UPLOAD.whole)
    )
    assert all(response.complete for response in responses)
    assert {response.body for response in responses} == {UPLOAD.whole}
    for player in players:
        player.leave()
    await origin.until_metric("sorgente_connections", 2)  # the encoder, and who asks


async def test_of_several_pictures_one_may_be_chosen(origin: InProcess) -> None:
    large = replace(VIDEO, entry=visual_entry(width=320, height=180))
    uploads = {"small": video(100, gop=25), "large": video(100, gop=25, spec=large)}
    queries = ("?picture=small", "?picture=", "")
    players = [await origin.play(f"/play/live{query}") for query in queries]
    await origin.until_metric("sorgente_held", 3)
    encoders = {name: await origin.publish(f"/ingest/live/{name}") for name in uploads}
    everybody = asyncio.gather(*(player.rest() for player in players))
    for name, upload in uploads.items():
        await encoders[name].send(upload.whole)
    await origin.until_metric("sorgente_held", 0)
    for encoder in encoders.values():
        await encoder.finish()
    small, best, everything = await everybody
    told = re.sub(r"bandwidth=\d+", "bandwidth=0", small.headers["sorgente-pictures"])
    assert told == '"large";height=180;bandwidth=0, "small";height=90;bandwidth=0;playing'
    assert best.headers["sorgente-pictures"].startswith('"large";height=180;bandwidth=')
    assert "sorgente-pictures" not in everything.headers
    counts = [len(chunks_of(units_of(each.body))) for each in (small, best, everything)]
    assert counts == [100, 100, 200]
