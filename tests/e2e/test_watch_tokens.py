"""``/t/TOKEN/watch/live`` in Chromium, of a picture without a clock: every player keeps the token,
says how late it is by its own account, and why it shows nothing when the token is no good.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sorgente.control.static import WEB
from sorgente.keys import Key
from sorgente.settings import AccessSettings, Settings, TokenSettings
from tests.e2e.programs import ffmpeg
from tests.e2e.watching import watching
from tests.support.absent import absent
from tests.support.browser import blank
from tests.support.origin import LOCAL, InProcess, in_process, until
from tests.support.tokens import SECRET, hs256

pytestmark = [pytest.mark.e2e, pytest.mark.players, pytest.mark.timeout(120)]

KEY = "some-key-42"
PLAYERS = "direct,dash,shaka"
LATE = 10.0
"""Seconds that none of them is behind, whatever else the machine does; a wrong origin of its
timeline is 56 years."""


def watch_page(origin: InProcess, seconds: float) -> str:
    """With a token of so many seconds."""
    claims = {"channel": "live", "action": "watch", "exp": time.time() + seconds}
    return f"{origin.url}/t/{hs256(claims).decode()}/watch/live?players={PLAYERS}"


@contextmanager
def bars(ingest: str) -> Iterator[None]:
    """Nothing moves in the picture, and nothing in it can be taken for a clock."""
    picture = ["-re", "-f", "lavfi", "-i", "smptebars=size=320x180:rate=25", "-g", "25"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]
    form = ["-f", "mp4", "-movflags", "cmaf+frag_every_frame"]
    line = ffmpeg(*picture, *coded, *form, "-method", "PUT", ingest)
    with subprocess.Popen(line, stdin=subprocess.DEVNULL) as encoder:
        try:
            yield
        finally:
            encoder.kill()


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[InProcess]:
    if not (WEB / "vendor" / "done").exists():
        absent("dash.js and Shaka in the package (scripts/players)")
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    settings = Settings(
        listen=LOCAL,
        access=AccessSettings(publish_key=Key(KEY)),
        tokens=TokenSettings(token_key=(secret,), watch_tokens=True),
    )
    async with in_process(settings) as site:
        yield site


async def test_every_player_keeps_the_token_and_says_how_late_it_is(origin: InProcess) -> None:
    at = origin.url.removeprefix("http://")
    with bars(f"http://any:{KEY}@{at}/ingest/live/v"):
        await origin.until_metric("sorgente_publishers", 1)
        async with watching(watch_page(origin, 600)) as watcher:

            async def late() -> list[float]:
                texts = await watcher.page.locator(".latency:not(.measured)").all_inner_texts()
                assert len(texts) == 3, "the picture has no clock"
                units = {"ms": 1000.0, "s": 1.0}
                split = [text.removeprefix("≥").split() for text in texts if text]
                return [float(number) / units[unit] for number, unit in split]

            async def all_known() -> bool:
                return len(await late()) == 3

            await until(all_known)
            assert all(0 < seconds < LATE for seconds in await late())

            async def all_told() -> bool:
                channel = json.loads((await origin.ask("GET", "/api/v1/channels/live")).body)
                return bool(channel["audience"]["states"] == {"playing": 3})

            await until(all_told)
    assert await origin.metric("sorgente_watch_refused_total", reason="no_token") == 0


async def test_an_expired_token_is_told_in_words(origin: InProcess) -> None:
    async with blank() as page:
        await page.goto(watch_page(origin, -60))
        notes = page.locator(".note", has_text="the token is not valid: ")

        async def all_said() -> bool:
            return await notes.count() == 3

        await until(all_said)
        assert "expired" in " ".join(await notes.all_inner_texts())
