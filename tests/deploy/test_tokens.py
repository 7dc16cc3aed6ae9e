"""nginx that shares segments among players with tokens, as ``deploy/proxies`` sets it up."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.deploy.fronts import FRONTS, configured
from tests.integration.conftest import Spawn
from tests.support.absent import absent
from tests.support.boxes import ENCRYPTED
from tests.support.live import video
from tests.support.origin import Site, until
from tests.support.ports import free_port
from tests.support.tokens import SECRET, hs256

pytestmark = pytest.mark.timeout(60)

UPLOAD = video(103, gop=50, spec=ENCRYPTED)  # of which there are no slates


def token(of: str, channel: str = "live", seconds: float = 600) -> str:
    claims = {"channel": channel, "action": "watch", "exp": time.time() + seconds, "sub": of}
    return hs256(claims).decode()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], None]]:
    """Run nginx with a configuration, to the end of the test."""
    command = FRONTS["nginx"].command
    with ExitStack() as stack:

        def start(config: Path) -> None:
            process = subprocess.Popen(command(config), stdin=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)

        yield start


async def test_tokens_share_what_is_kept(
    spawn: Spawn, tmp_path: Path, serve: Callable[[Path], None]
) -> None:
    """What one has asked for, another gets with the origin gone: but only if he was let in."""
    if shutil.which("nginx") is None:
        absent("nginx is not installed")
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    origin = await spawn(
        "--token-key", str(secret), "--watch-tokens", "--trusted-proxy", "127.0.0.1"
    )
    front = FRONTS["nginx"]._replace(config="nginx-tokens.conf")
    site = Site()
    site.port = free_port()
    config = configured(front, tmp_path, port=site.port, origin_port=origin.port)
    config.write_text(config.read_text().replace("/var/cache/nginx", str(tmp_path)))
    serve(config)

    await until(site.listens)
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    a, b = token("a"), token("b")
    manifest = await site.ask("GET", f"/t/{a}/live/live/manifest.mpd")
    number = manifest.body.partition(b'startNumber="')[2].partition(b'"')[0].decode()
    path = f"/live/live/video/{number}.m4s"
    first = await site.ask("GET", f"/t/{a}{path}?CMCD=1")
    assert first.status == 200, first
    assert (await site.ask("GET", f"/t/{b}/live/live/video/init-{number}.mp4")).status == 200
    for bad, expected in (
        (token("c", seconds=-60), 401), (token("c", "other"), 403), ("x", 401)
    ):  # fmt: skip
        assert (await site.ask("GET", f"/t/{bad}{path}")).status == expected
    assert (await site.ask("POST", "/ingest/other", body=b"x")).status == 401
    assert (await site.ask("GET", "/api/v1/channels")).status == 403
    origin.signal(signal.SIGKILL, expect=-signal.SIGKILL)
    await origin.exited()
    second = await site.ask("GET", f"/t/{b}{path}?CMCD=2")
    assert (second.status, second.body) == (200, first.body)
    assert (await site.ask("GET", f"/t/{token('d')}{path}")).status == 500
    site.hang_up()
