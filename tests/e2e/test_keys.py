"""Keys as real encoders give them: in the URL, in a header, and asked for."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import IO
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Run
from tests.e2e.gstreamer import launch
from tests.e2e.programs import curl, pictures
from tests.e2e.pushing import FFMPEGS, Pushing
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

KEY = "Tr0ub4dor+/=:@%x,"
"""What has a meaning in URLs, in base64 and in headers."""
ESCAPED = quote(KEY, safe="")
WRONG = "battery-staple"

PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2", "-g", "25"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"]
MP4 = ["-f", "mp4", "-movflags", "empty_moov+frag_keyframe+default_base_moof"]


@pytest.fixture
async def origin(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> OriginProcess:
    """One with a key; what is started later does not find it in its environment."""
    monkeypatch.setenv("SORGENTE_PUBLISH_KEY", KEY)
    origin = await spawn("--log-level", "debug")
    monkeypatch.delenv("SORGENTE_PUBLISH_KEY")
    return origin


@pytest.fixture(params=FFMPEGS)
def ffmpeg(request: pytest.FixtureRequest) -> str:
    """Every ffmpeg there is."""
    return FFMPEGS[str(request.param)]


async def said(command: list[str], stdin: IO[bytes] | int = subprocess.DEVNULL) -> list[str]:
    """What a program that does not fail writes, by lines."""

    def run() -> bytes:
        return subprocess.run(
            command, stdin=stdin, stdout=subprocess.PIPE, check=True, timeout=50
        ).stdout

    return (await asyncio.to_thread(run)).decode().splitlines()


def encode(ffmpeg: str, *output: str) -> list[str]:
    return [ffmpeg, "-nostdin", "-v", "error", "-re", *PICTURE, *H264, *output]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        (f"http://encoder:{ESCAPED}@HOST/ingest/live", []),
        (f"http://encoder:{ESCAPED}@HOST/ingest/live", ["-method", "PUT", "-auth_type", "basic"]),
        (f"http://HOST/ingest/live?key={ESCAPED}", []),
        ("http://HOST/ingest/live", ["-headers", f"Authorization: Bearer {KEY}\r\n"]),
    ],
    ids=["url", "at once", "query", "header"],
)
async def test_ffmpeg_publishes_with_the_key(
    origin: OriginProcess, run: Run, tmp_path: Path, ffmpeg: str, url: str, options: list[str]
) -> None:
    player = run(*curl("-N", f"{origin.url}/play/live"), output=tmp_path / "got.mp4")
    await origin.until_metric("sorgente_held", 1)
    where = url.replace("HOST", f"{origin.host}:{origin.port}")
    await run(*encode(ffmpeg, *MP4, *options, where)).succeeded()
    await player.succeeded()
    assert len(pictures(tmp_path / "got.mp4")) == 50
    assert KEY not in origin.log
    assert ESCAPED not in origin.log


async def test_ffmpeg_publishes_objects_with_the_key(
    origin: OriginProcess, run: Run, ffmpeg: str
) -> None:
    """``-f dash`` asks with its first request, and gives the key with every other by itself, on
    connections that stay."""
    where = f"http://encoder:{ESCAPED}@{origin.host}:{origin.port}/ingest/live/any.mpd"
    dash = ["-f", "dash", "-ldash", "1", "-streaming", "1", "-use_timeline", "0"]
    dash += ["-method", "PUT", "-http_persistent", "1", "-seg_duration", "1"]
    encoder = run(*encode(ffmpeg, *dash, where))
    await origin.logged("is asked for the key")
    await origin.logged("publishing started")
    await encoder.ended()
    assert await origin.metric("sorgente_publish_refused_total", reason="wrong_key") == 0


@pytest.mark.parametrize("user", ["", f"encoder:{WRONG}@"], ids=["none", "wrong"])
async def test_ffmpeg_without_it_does_not(
    origin: OriginProcess, run: Run, ffmpeg: str, user: str
) -> None:
    where = f"http://{user}{origin.host}:{origin.port}/ingest/live"
    encoder = run(*encode(ffmpeg, *MP4, where))
    await origin.logged("gave a wrong key" if user else "is asked for the key")
    encoder.kill()
    assert await origin.metric("sorgente_bytes_in_total") == 0
    assert await origin.metric("sorgente_channels") == 0


WAYS = {
    "Basic": ["-u", f"encoder:{KEY}"],
    "Basic, when it is asked": ["--anyauth", "-u", f"encoder:{KEY}"],
    "Bearer": ["--oauth2-bearer", KEY],
    "Bearer, after a 100": ["-H", f"Authorization: Bearer {KEY}", "-H", "Expect: 100-continue"],
}


@pytest.mark.parametrize("source", ["file", "pipe"])
async def test_curl_publishes_with_the_key(
    origin: OriginProcess, tmp_path: Path, source: str
) -> None:
    media = tmp_path / "media"
    media.write_bytes(bytes(range(256)) * 8192)
    old = {} if source == "pipe" else {"HTTP/1.0": ["-0", "-u", f"encoder:{KEY}"]}  # has no chunks
    for way, options in (WAYS | old).items():
        upload = ["-T", str(media) if source == "file" else "-", "-w", "%{http_code}"]
        with media.open("rb") as pipe:
            told = await said(curl(*options, *upload, f"{origin.url}/ingest/raw"), pipe)
        assert told[0].startswith(f"{media.stat().st_size} bytes in "), way
        assert told[1] == "200", way


async def test_curl_sends_no_body_to_who_does_not_want_it(
    origin: OriginProcess, tmp_path: Path
) -> None:
    media = tmp_path / "media"
    media.write_bytes(bytes(8 << 20))  # over 1 MiB, it asks first (Expect: 100-continue)
    told = "%{http_code} %{size_upload}"
    command = curl("-u", f"encoder:{WRONG}", "-T", str(media), "-w", told, f"{origin.url}/ingest")
    assert await said(command) == ["that is not the key to publish here", "401 0"]


async def test_gstreamer_publishes_with_the_key(
    origin: OriginProcess, run: Run, tmp_path: Path
) -> None:
    media = tmp_path / "media.mp4"
    await run(*encode(FFMPEGS["wheel"], *MP4, str(media))).succeeded()
    where = f"location={origin.url}/ingest/live user=encoder passwd={KEY}"
    await run(*launch(f"filesrc location={media} ! curlhttpsink {where}")).succeeded()
    assert await origin.metric("sorgente_bytes_in_total") == media.stat().st_size


@pytest.mark.parametrize("how", ["variable", "option", "user", "query"])
async def test_push_publishes_with_the_key_and_shows_it_to_nobody(
    origin: OriginProcess, tmp_path: Path, how: str
) -> None:
    site = f"{origin.host}:{origin.port}/ingest/live"
    arguments, environment = {
        "variable": ([f"http://{site}"], {"SORGENTE_PUBLISH_KEY": KEY}),
        "option": ([f"http://{site}", "--key", KEY], {}),
        "user": ([f"http://encoder:{ESCAPED}@{site}"], {}),
        "query": ([f"http://{site}?key={ESCAPED}"], {}),
    }[how]
    options = ["test:160x90@25", *arguments, "--verbose"]
    with Pushing(tmp_path, FFMPEGS["wheel"], *options, env=environment) as pushing:

        async def under_way() -> bool:
            return await origin.metric("sorgente_publishers") == 2

        await until(under_way)
        encoder = pushing.ffmpeg
        assert encoder is not None
        for secret in (KEY, ESCAPED):
            assert secret not in pushing.log
            assert secret not in " ".join(encoder.cmdline())
    assert KEY not in origin.log


async def test_push_says_what_is_wrong(origin: OriginProcess, tmp_path: Path) -> None:
    where = f"{origin.url}/ingest/live"
    with Pushing(tmp_path, FFMPEGS["wheel"], "test", where, "--key", WRONG) as pushing:
        assert await pushing.exited() == 1
        assert pushing.log == (
            "sorgente push: the origin answers 401: that is not the key to publish here\n"
        )
