"""Hooks of a real ``sorgente serve``, at a receiver that checks what it gets."""

from __future__ import annotations

import asyncio
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from sorgente.hooks.signature import Secret
from sorgente.outbound import OutboundUrl
from sorgente.settings import HookSettings
from tests.integration.conftest import Launch, Spawn
from tests.support.certificates import Authority
from tests.support.live import video
from tests.support.origin import Encoder, InProcess, Site, until
from tests.support.receiver import SECRET, Receiver, receiving

UPLOAD = video(2000, gop=25)
CHUNK = 0.04
"""Seconds."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def hooks(*receivers: Receiver) -> HookSettings:
    return HookSettings(
        hook_url=tuple(OutboundUrl(each.url) for each in receivers), hook_secret=(Secret(SECRET),)
    )


@asynccontextmanager
async def on_air(origin: Site, path: str = "/ingest") -> AsyncIterator[Encoder]:
    """An encoder that sends in real time until the end of the block."""
    encoder = await origin.publish(path)
    await encoder.send(UPLOAD.init)

    async def send() -> None:
        began = time.monotonic()
        for number, chunk in enumerate(UPLOAD.chunks, 1):
            await encoder.send(chunk)
            await asyncio.sleep(began + number * CHUNK - time.monotonic())

    sending = asyncio.create_task(send())
    try:
        yield encoder
    finally:
        sending.cancel()


def told(receiver: Receiver, *types: str) -> Callable[[], bool]:
    return lambda: receiver.types == list(types)


async def test_a_channel_from_its_encoder_to_its_last_viewer(
    spawn: Spawn, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answers = [500, 500]
    monkeypatch.setenv("SORGENTE_HOOK_SECRET", SECRET)
    origin = await spawn("--hook-url", receiver.url)
    async with on_air(origin) as encoder:
        await until(told(receiver, "publish"))
        first, second, third = receiver.heard
        assert first.number == second.number == third.number
        player = await origin.play()
        await until(told(receiver, "publish", "first_viewer"))
        player.leave()
        await until(told(receiver, "publish", "first_viewer", "last_viewer"))
    encoder.vanish()
    await until(lambda: receiver.types[3:] == ["stall"])
    assert receiver.taken[3]["reason"] == "away"
    async with on_air(origin) as encoder:
        await until(lambda: receiver.types[4:] == ["resume"])
    await encoder.finish()
    await until(lambda: receiver.types[5:] == ["unpublish"])
    assert receiver.taken[5]["complete"] is True
    assert {event["channel"] for event in receiver.taken} == {"live"}
    labels = {"event": "channel.publish", "outcome": "delivered"}
    assert await origin.metric("sorgente_hooks_total", **labels) == 1
    assert await origin.metric("sorgente_hooks_queued", event="channel.publish") == 0
    assert SECRET not in origin.log
    assert "/hook" not in origin.log


async def test_a_shutdown_tells_the_last(spawn: Spawn, receiver: Receiver) -> None:
    origin = await spawn(
        "--hook-url", receiver.url, "--hook-secret", SECRET, "--shutdown-timeout", "0.1"
    )
    async with on_air(origin):
        await until(told(receiver, "publish"))
        receiver.answers = [500]  # tried once more, and no more than that
        await origin.play()
        await until(lambda: len(receiver.heard) == 2)
        origin.signal(signal.SIGTERM)
        await origin.exited()
    assert receiver.types == ["publish", "first_viewer", "unpublish", "last_viewer"]
    assert receiver.taken[2]["complete"] is False


async def test_a_shutdown_does_not_wait_for_who_hangs(spawn: Spawn, receiver: Receiver) -> None:
    receiver.answers = [0] * 10
    origin = await spawn(
        "--hook-url", receiver.url, "--hook-secret", SECRET, "--shutdown-timeout", "0.1"
    )
    assert (await origin.upload(UPLOAD.whole)).status == 200
    await until(lambda: bool(receiver.heard))
    origin.signal(signal.SIGTERM)
    await origin.exited()


async def test_every_receiver_is_told_and_none_waits_for_another(
    launch: Launch, receiver: Receiver
) -> None:
    receiver.answers = [0]
    async with receiving() as other:
        origin = await launch(hooks=hooks(receiver, other))
        await origin.upload(UPLOAD.whole)
        await until(told(other, "publish", "unpublish"))
        assert len(receiver.heard) == 1
        assert receiver.heard[0].number == other.heard[0].number


async def test_players_get_theirs_whatever_receivers_do(launch: Launch, receiver: Receiver) -> None:
    receiver.answers = [0] * 10
    origin = await launch(hooks=hooks(receiver))
    for _ in range(3):
        await origin.works()


async def test_a_silent_encoder_is_a_stall(
    launch: Launch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sorgente.hooks.silence.USUAL_AT_FIRST", 1.0)
    origin = await launch(hooks=hooks(receiver))
    async with on_air(origin) as encoder:
        await until(told(receiver, "publish"))
    await until(told(receiver, "publish", "stall"))
    assert receiver.taken[1]["reason"] == "silent"
    encoder.vanish()


async def test_a_viewer_of_segments_is_one(launch: Launch, receiver: Receiver) -> None:
    origin: InProcess = await launch(hooks=hooks(receiver))
    async with on_air(origin):
        await until(told(receiver, "publish"))
        presentation = next(iter(origin.broker)).presentation
        await until(lambda: presentation.snapshot() is not None)
        snapshot = presentation.snapshot()
        assert snapshot is not None
        (track,) = snapshot.periods[0].tracks
        segment = await origin.play(f"/live/live/{track.name}/{track.start_number}.m4s")
        await until(told(receiver, "publish", "first_viewer"))
        segment.leave()
        await until(told(receiver, "publish", "first_viewer", "last_viewer"))


async def test_https_with_an_authority_of_ones_own(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL's variable, as the page says."""
    authority = Authority()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority.write(tmp_path / "receiver.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write_own(tmp_path / "ca.pem")))
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving(tls=tls))
        origin = await spawn("--hook-url", receiver.url, "--hook-secret", SECRET)
        await origin.upload(UPLOAD.whole)
        await until(told(receiver, "publish", "unpublish"))


async def test_settings_do_not_show_what_they_are_sent_to_or_signed_with(
    spawn: Spawn, receiver: Receiver
) -> None:
    url = receiver.url.replace("://", "://me:pa55word@")
    origin = await spawn("--hook-url", url, "--hook-secret", SECRET)
    shown = (await origin.ask("GET", "/api/v1/settings")).body.decode()
    assert '"hook_secret":"(set)"' in shown
    assert f'"hook_url":["{receiver.url.removesuffix("hook")}…"]' in shown
    assert "pa55word" not in shown
