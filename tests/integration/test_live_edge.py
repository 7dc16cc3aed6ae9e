"""The live edge over real sockets: segments while they grow, and parts of them.

The encoder sends as fast as it can, so how far a segment has come is up to the test.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import pytest

from sorgente.settings import PlayerSettings, WindowSettings
from tests.integration.conftest import Launch
from tests.support.boxes import ENCRYPTED
from tests.support.live import Upload, media_of, video
from tests.support.origin import Encoder, Headers, Incoming, InProcess, Player, Wire, request_head

FRAMES = 10
"""In a segment."""
END = 9007199254740991
SMALL_BUFFER = 4096


@dataclass
class Channel:
    """One on the air, with two whole segments and the beginning of a third."""

    origin: InProcess
    encoder: Encoder
    upload: Upload
    init: bytes
    growing: int
    """The number of the third."""
    sent: int

    @classmethod
    async def begin(cls, origin: InProcess, size: int = 40) -> Channel:
        upload = video(400, gop=FRAMES, size=size, spec=ENCRYPTED)  # of which there are no slates
        encoder = await origin.publish()
        sent = 2 * FRAMES + 3
        await encoder.send(upload.init, *upload.chunks[:sent])
        manifest = await origin.ask("GET", "/live/live/manifest.mpd")  # waits for what it says
        assert manifest.status == 200
        channel = origin.broker.get("live")
        assert channel is not None
        track = channel.presentation.tracks["video"]
        ((epoch, init),) = track.inits.items()
        assert (await origin.ask("GET", f"/live/live/video/init-{epoch}.mp4")).body == init.data
        return cls(origin, encoder, upload, init.data, max(track.segments), sent)

    async def send(self, frames: int) -> None:
        await self.encoder.send(*self.upload.chunks[self.sent : self.sent + frames])
        self.sent += frames

    def path(self, number: int) -> str:
        return f"/live/live/video/{number}.m4s"

    async def ask(
        self, number: int, *headers: tuple[str, str], receive_buffer: int | None = None
    ) -> Player:
        wire = await self.origin.connect(receive_buffer=receive_buffer)
        await wire.send(request_head("GET", self.path(number), headers))
        return Player(wire)

    async def whole(self, number: int) -> bytes:
        """A complete segment."""
        answer = await self.origin.ask("GET", self.path(number))
        assert answer.headers["content-length"] == str(len(answer.body))
        return answer.body


@pytest.fixture
async def channel(launch: Launch) -> Channel:
    return await Channel.begin(await launch(window=WindowSettings(segment_target=0.4)))


def part(first: int | str, last: int | str = "") -> tuple[str, str]:
    return ("Range", f"bytes={first}-{last}")


async def next_on(wire: Wire, path: str, headers: Headers = ()) -> Incoming:
    await wire.send(request_head("GET", path, headers))
    return Incoming(wire)


async def test_a_segment_is_followed_chunk_by_chunk_and_then_it_is_complete(
    channel: Channel,
) -> None:
    player = await channel.ask(channel.growing)
    await player.head()
    assert player.headers["transfer-encoding"] == "chunked"
    there = len(b"".join(channel.upload.chunks[2 * FRAMES : channel.sent]))
    assert len(await player.take(there)) == there
    await channel.send(1)
    assert len(await player.take(there + 1)) > there, "at once, not when it is complete"
    await channel.send(FRAMES)
    followed = await player.rest()
    assert followed.complete
    assert followed.body == await channel.whole(channel.growing)
    assert len(media_of(channel.init + followed.body)) == FRAMES
    following = await next_on(player.wire, channel.path(channel.growing + 1))
    assert (await following.take(1)) != b"", "on the same connection"


async def test_the_next_segment_is_waited_for(channel: Channel) -> None:
    early = [await channel.ask(channel.growing + 1) for _ in range(5)]
    await channel.origin.until_metric("sorgente_held", 5)
    await channel.send(2 * FRAMES)
    answers = [await player.rest() for player in early]
    body = await channel.whole(channel.growing + 1)
    assert {(each.status, each.body) for each in answers} == {(200, body)}
    assert all('"sorgente";rd=' in each.headers["cmsd-dynamic"] for each in answers)


async def test_parts_of_what_grows(channel: Channel) -> None:
    """Of every kind, by everybody at once; all of them slices of what it came to be."""
    stream = await channel.ask(channel.growing, part(100, END))
    ahead = await channel.ask(channel.growing, part(900, 999))
    beyond = await channel.ask(channel.growing, part(50, 10**6))
    now = await channel.ask(channel.growing, part(10))
    whole = await channel.ask(channel.growing, part(0))
    early = await channel.ask(channel.growing + 1, part(5, 104))
    there = await now.rest()
    assert there.status == 206
    await channel.send(2 * FRAMES)
    body = await channel.whole(channel.growing)
    following = await channel.whole(channel.growing + 1)

    got = await stream.rest()
    assert (got.status, got.body) == (206, body[100:])
    assert got.headers["content-range"] == f"bytes 100-{END}/*"
    got = await ahead.rest()
    assert (got.status, got.body) == (206, body[900:1000])
    assert got.headers["content-range"] == "bytes 900-999/*"
    got = await beyond.rest()
    assert (got.status, got.body) == (206, body[50:])
    assert got.headers["content-range"] == f"bytes 50-{len(body) - 1}/{len(body)}"
    assert there.headers["content-range"] == f"bytes 10-{9 + len(there.body)}/*"
    assert body[10:].startswith(there.body)
    assert ((await whole.rest()).status, (await whole.rest()).body) == (200, body)
    got = await early.rest()
    assert (got.status, got.body) == (206, following[5:105])


async def test_a_connection_goes_on_behind_parts_and_conditions(channel: Channel) -> None:
    wire = await channel.origin.connect()
    path, body = channel.path(channel.growing - 1), await channel.whole(channel.growing - 1)
    whole = await (await next_on(wire, path)).rest()
    tag = ("If-None-Match", whole.headers["etag"])
    cases: list[tuple[Headers, int, bytes]] = [
        ([part(0, 9)], 206, body[:10]),
        ([tag], 304, b""),
        ([part(len(body))], 416, f"there are {len(body)} bytes\n".encode()),
        ([part(3, 4), ("If-Range", whole.headers["etag"])], 206, body[3:5]),
        ([part(3, 4), ("If-Range", '"other"')], 200, body),
        ([part(0, 0), part(2, 2)], 200, body),
        ([("CMCD-Request", 'bl=1,"'), ("CMCD-Request", "x" * 5000)], 200, body),
        ([], 200, body),
    ]
    for headers, status, expected in cases:
        got = await (await next_on(wire, path, headers)).rest()
        assert (got.status, got.body) == (status, expected)
        assert got.headers["access-control-allow-origin"] == "*"


async def test_a_connection_goes_on_behind_a_part_that_was_waited_for(channel: Channel) -> None:
    waiting = await channel.ask(channel.growing, part(0, 10**6))
    await waiting.wire.send(request_head("GET", channel.path(channel.growing)))
    await channel.send(FRAMES)
    body = await channel.whole(channel.growing)
    assert (await waiting.rest()).body == body
    assert (await waiting.wire.response()).body == body


SLOW = 100_000
"""Bytes of a frame: a segment is more than all buffers of a connection."""


@pytest.fixture
async def heavy(launch: Launch) -> Channel:
    settings = WindowSettings(segment_target=0.4, window_bytes=4 << 20)
    players = PlayerSettings(stall_timeout=0.5)
    return await Channel.begin(await launch(window=settings, players=players), size=SLOW)


@pytest.mark.parametrize("headers", [(), (part(12345, END),)], ids=["whole", "from the middle"])
async def test_a_slow_reader_gets_all_of_it(heavy: Channel, headers: Headers) -> None:
    slow = await heavy.ask(heavy.growing, *headers, receive_buffer=SMALL_BUFFER)
    await slow.take(1)
    reading = asyncio.create_task(slow.rest())
    await heavy.send(FRAMES)
    got, body = await reading, await heavy.whole(heavy.growing)
    assert got.complete
    assert got.body == (body[12345:] if headers else body)


@pytest.mark.parametrize("headers", [(), (part(12345, END),)], ids=["whole", "from the middle"])
async def test_a_reader_that_reads_nothing_is_cut_off(heavy: Channel, headers: Headers) -> None:
    stuck = await heavy.ask(heavy.growing, *headers, receive_buffer=SMALL_BUFFER)
    await stuck.take(1)
    stuck.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    await heavy.send(3)
    await heavy.origin.until_metric("sorgente_stall_aborts_total", 1)
    got = await stuck.rest()
    assert not got.complete


async def test_who_waits_for_bytes_that_never_come_is_told_in_time(channel: Channel) -> None:
    waiting = await channel.ask(channel.growing, part(10**5, END))
    some = await channel.ask(channel.growing, part(7, 10**5))
    behind, got = await waiting.rest(), await some.rest()
    assert behind.status == 416
    assert got.status == 206
    assert behind.headers["content-range"] == f"bytes */{7 + len(got.body)}"
