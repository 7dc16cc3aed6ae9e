"""Players that do not read: they cost nobody anything, and what they do get is never broken.

A slow player here is a socket with a receive buffer of 4 KiB that nobody reads from until the
others have everything. The window is far smaller than the upload, so it has left it behind.
"""

from __future__ import annotations

import asyncio
import os
from itertools import pairwise

import pytest

from sorgente.settings import PlayerSettings, WindowSettings
from tests.integration.conftest import Launch
from tests.support.live import media_of, payloads, video
from tests.support.origin import InProcess, Player, until

SMALL_BUFFER = 4096
WINDOW = 1 << 20
UPLOAD = video(200, gop=10, size=20_000)
DATA = os.urandom(1 << 20) * 4


@pytest.fixture
async def narrow(launch: Launch) -> InProcess:
    return await launch(window=WindowSettings(window_bytes=WINDOW))


async def stalled(origin: InProcess, count: int, version: str = "1.1") -> list[Player]:
    """Players that wait, and will read nothing until they are told to."""
    players = [
        await origin.play(version=version, receive_buffer=SMALL_BUFFER) for _ in range(count)
    ]
    await origin.until_metric("sorgente_held", count)
    return players


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_slow_player_is_moved_forward_to_a_key_frame(
    narrow: InProcess, version: str
) -> None:
    slow = await stalled(narrow, 3, version)
    fast = await narrow.audience(2)
    encoder = await narrow.publish()
    readers = [asyncio.create_task(player.rest()) for player in fast]
    await encoder.send(UPLOAD.init, *UPLOAD.chunks[:-20])
    await narrow.until_metric("sorgente_chunks_total", len(UPLOAD.chunks) - 20)

    readers += [asyncio.create_task(player.rest()) for player in slow]
    await narrow.until_metric("sorgente_lag_skips_total", 3)
    await encoder.send(*UPLOAD.chunks[-20:])
    assert (await encoder.finish()).status == 200
    whole = payloads(UPLOAD.whole)
    *fast_got, a, b, c = await asyncio.gather(*readers)
    assert {(got.complete, got.body) for got in fast_got} == {(True, UPLOAD.whole)}
    for got in (a, b, c):
        assert got.complete
        numbers = [whole.index(payload) for payload in payloads(got.body)]
        jumps = [after for before, after in pairwise(numbers) if after != before + 1]
        assert numbers[0] == 0, "from the first chunk"
        assert jumps, "it has missed some"
        assert all(number % 10 == 0 for number in jumps), "to a key frame"
        assert numbers[-1] == len(whole) - 1, "to the last"


async def test_a_slow_player_of_other_bytes_is_aborted_never_sent_a_gap(
    narrow: InProcess,
) -> None:
    slow = await stalled(narrow, 2)
    fast = await narrow.audience(2)
    encoder = await narrow.publish()
    readers = [asyncio.create_task(player.rest()) for player in fast]
    await encoder.send(DATA)
    await narrow.until_metric("sorgente_bytes_in_total", len(DATA))
    for got in await asyncio.gather(*(player.rest() for player in slow)):
        assert not got.complete
        assert 0 < len(got.body) < len(DATA)
        assert DATA.startswith(got.body)
    assert await narrow.metric("sorgente_lag_aborts_total") == 2
    assert (await encoder.finish()).status == 200
    for got in await asyncio.gather(*readers):
        assert (got.complete, got.body == DATA) == (True, True)


async def test_a_player_later_than_max_lag_is_moved_forward_within_the_window(
    launch: Launch,
) -> None:
    max_lag = 0.3
    origin = await launch(players=PlayerSettings(max_lag=max_lag))
    (slow,) = await stalled(origin, 1)
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    await origin.until_metric("sorgente_chunks_total", len(UPLOAD.chunks))
    loop = asyncio.get_running_loop()
    due = loop.time() + max_lag
    await until(lambda: loop.time() > due)
    reader = asyncio.create_task(slow.rest())
    await origin.until_metric("sorgente_lag_skips_total", 1)
    await encoder.finish()
    chunks = media_of((await reader).body)
    assert 10 <= len(chunks) < len(UPLOAD.chunks)


async def test_a_player_that_pauses_within_bounds_loses_nothing(launch: Launch) -> None:
    origin = await launch(players=PlayerSettings(max_lag=600))
    (slow,) = await stalled(origin, 1)
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    await origin.until_metric("sorgente_chunks_total", len(UPLOAD.chunks))
    reader = asyncio.create_task(slow.rest())
    await encoder.finish()
    got = await reader
    assert (got.complete, got.body == UPLOAD.whole) == (True, True)


@pytest.mark.parametrize("data", [UPLOAD.whole, DATA], ids=["fragmented", "other bytes"])
async def test_encoders_end_at_once_whoever_does_not_read(narrow: InProcess, data: bytes) -> None:
    """The answer to the encoder waits for no player, and who has left its window is cut off."""
    slow = await stalled(narrow, 3)
    assert (await narrow.upload(data)).status == 200
    for got in await asyncio.gather(*(player.rest() for player in slow)):
        assert data.startswith(got.body) or media_of(got.body)


async def test_a_player_that_takes_nothing_is_cut_off(launch: Launch) -> None:
    origin = await launch(players=PlayerSettings(stall_timeout=0.3))
    (slow,) = await stalled(origin, 1)
    (fast,) = await origin.audience(1)
    encoder = await origin.publish()
    reader = asyncio.create_task(fast.rest())
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    await origin.until_metric("sorgente_stall_aborts_total", 1)
    await origin.until_players(1)
    got = await slow.rest()
    assert not got.complete
    await encoder.finish()
    assert (await reader).body == UPLOAD.whole


async def test_memory_does_not_grow_with_players_that_do_not_read(narrow: InProcess) -> None:
    """What they have not got stays in the windows, which keep their bounds."""
    await stalled(narrow, 50)
    encoder = await narrow.publish()
    await encoder.send(UPLOAD.init)
    for chunk in UPLOAD.chunks:
        await encoder.send(chunk)
        held = await narrow.metric("sorgente_channel_window_bytes", channel="live")
        assert held <= WINDOW * 1.05
        both = await narrow.metric("sorgente_window_bytes")
        assert both <= 2 * WINDOW * 1.05, "that of the segments beside it"
