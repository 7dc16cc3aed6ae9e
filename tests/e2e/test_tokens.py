"""Tokens as real encoders and a stock player give them."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.players.encoder import LiveEncoder
from tests.e2e.players.viewer import watching
from tests.e2e.programs import curl, ffmpeg
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.live import video
from tests.support.picture import RATE
from tests.support.tokens import PUBLIC_PEM, ed25519

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-g", "25"]
MP4 = ["-f", "mp4", "-movflags", "empty_moov+frag_keyframe+default_base_moof"]


def token(action: str, seconds: float = 600) -> str:
    claims = {"channel": "live", "action": action, "exp": time.time() + seconds}
    return ed25519(claims).decode()


@pytest.fixture
async def origin(spawn: Spawn, tmp_path: Path) -> OriginProcess:
    file = tmp_path / "public.pem"
    file.write_bytes(PUBLIC_PEM)
    keys = ["--token-key", str(file), "--publish-key", "some-key-42"]
    return await spawn(*keys, "--watch-tokens", "--log-level", "debug")


async def run(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=50)


@pytest.mark.parametrize("way", ["url", "header", "query", "path"])
async def test_ffmpeg_publishes(origin: OriginProcess, way: str) -> None:
    """To the channel of its token, and to no other."""
    given = token("publish")
    at = origin.url.removeprefix("http://")

    def command(channel: str) -> list[str]:
        to = {
            "url": [f"http://any:{given}@{at}/ingest/{channel}"],
            "header": ["-headers", f"Authorization: Bearer {given}\r\n",
                       f"http://{at}/ingest/{channel}"],
            "query": [f"http://{at}/ingest/{channel}?token={given}"],
            "path": [f"http://{at}/t/{given}/ingest/{channel}"],
        }  # fmt: skip
        return ffmpeg(*PICTURE, "-c:v", "libx264", *MP4, *to[way])

    await run(command("live"))
    await origin.logged("live: publishing ended")
    await run(command("other"))
    await origin.logged("may not publish: its token is not valid, or for something else")
    assert "other: publishing started" not in origin.log
    assert given not in origin.log


async def test_curl_publishes_and_plays(origin: OriginProcess, tmp_path: Path) -> None:
    clip, got = tmp_path / "clip.mp4", tmp_path / "got.mp4"
    clip.write_bytes(video(50, gop=25).whole)
    player = asyncio.create_task(
        run(curl("-N", f"{origin.url}/t/{token('watch')}/play/live", "-o", str(got)))
    )
    await origin.until_players(1)
    given = ["--oauth2-bearer", token("publish")]
    sent = await run(curl(*given, "-T", str(clip), f"{origin.url}/ingest/live"))
    assert b"50 chunks" in sent.stdout
    await player
    assert got.read_bytes() == clip.read_bytes()


@pytest.mark.players
async def test_dash_js_plays_by_the_token_in_its_address(origin: OriginProcess) -> None:
    """All it asks for carries the token; with an old one it says what the origin said."""
    path = "/live/live/manifest.mpd"
    with LiveEncoder("tracks", f"{origin.url}/t/{token('publish')}/ingest/live"):
        prefix = f"/t/{token('watch')}"
        async with watching("dash", origin, manifest=prefix + path) as viewer:
            await viewer.until(lambda: len(viewer.samples) > RATE, 30, "a second of pictures")
            assert not viewer.bad, viewer.bad
            asked = [each.what for each in viewer.answers if "/time" not in each.what]
            assert asked
            assert all(f" {prefix[:60]}" in each for each in asked)
        async with watching("dash", origin, manifest=f"/t/{token('watch', -60)}{path}") as viewer:
            await viewer.until(lambda: bool(viewer.bad), 30, "a refusal", fatal=False)
            assert {each.status for each in viewer.bad} == {401}
            await viewer.until(lambda: bool(viewer.fatal), 30, "an error", fatal=False)
            assert "manifest" in viewer.fatal[0].text.lower()
            assert not viewer.samples
