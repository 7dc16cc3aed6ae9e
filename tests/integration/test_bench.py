"""``sorgente bench`` over real sockets: on a good origin, on bad ones, and on ours."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sorgente.cli import app
from sorgente.settings import Settings
from sorgente.tools.bench.players import Stage, StreamPlayer
from sorgente.tools.bench.population import Moment, play
from sorgente.tools.bench.settings import Crowd
from sorgente.tools.bench.tally import Result, Tally
from sorgente.tools.errors import NothingToWatch, UnusableArgument
from sorgente.tools.web import Place, Web
from tests.integration.conftest import Launch
from tests.integration.test_check import is_there, on_air
from tests.support.origin import until
from tests.support.other_origin import Fault, other_origin

CROWD = Crowd(players=5, ramp=0.5, seconds=2.0, buffer=0.5)


async def played(url: str, crowd: Crowd = CROWD) -> Result:
    return await play(Place(url), crowd, lambda _: None)


async def test_a_good_origin() -> None:
    async with other_origin() as origin:
        result = await played(origin.url)
    assert (result.joined, result.failures) == (5, {})
    assert 5 * 5 <= result.chunks <= 5 * 20, "five a second for each, for two seconds"
    assert result.latency is not None
    assert 0.19 < result.latency.p50 < 1.0, "a chunk takes 0.2 s to be made"
    assert result.cadence is not None
    assert 0.1 < result.cadence.p50 < 0.4, "every 0.2 s"
    inits = [path for path in origin.heads if path.endswith("init.mp4")]
    assert len(inits) == 5, "every player asks for its own"
    assert len([path for path in origin.heads if path.endswith(".mpd")]) >= 10


async def test_bad_origins() -> None:
    """At the same time, as each is watched for seconds."""

    async def on(*faults: Fault) -> Result:
        async with other_origin(*faults) as origin:
            return await played(origin.url, Crowd(3, 0.0, 3.2, 0.3))

    late, cut, whole = await asyncio.gather(
        on(Fault.NOT_AT_THE_EDGE), on(Fault.CUT), on(Fault.ONLY_WHOLE)
    )
    assert late.failures["404"] > 3
    assert cut.failures["broken off"] >= 3
    assert whole.stalls, "0.3 s of media do not last until the next segment"
    assert whole.latency is not None
    assert whole.latency.p95 > 0.75, "its first chunk waits for the last, a second later"


async def test_ours(launch: Launch) -> None:
    site = await launch()
    encoder = asyncio.create_task(on_air(site))
    try:
        await until(lambda: is_there(site))
        both: list[Awaitable[Result]] = [
            played(f"{site.url}/{path}") for path in ("live/live/manifest.mpd", "play/live")
        ]
        dash, stream = await asyncio.gather(*both)
    finally:
        encoder.cancel()
    for result in (dash, stream):
        assert (result.joined, result.failures) == (5, {})
        assert result.chunks > 5 * 25, "25 a second for each, and what was there on joining"
    assert dash.latency is not None
    assert 5 * 25 < dash.latency.count < 5 * 75, "without that"
    assert dash.clock == stream.clock == "http-iso"
    assert stream.latency is None, "the encoder sends no prft"


async def test_nothing_to_play() -> None:
    async with other_origin() as origin:
        with pytest.raises(NothingToWatch, match="404"):
            await played(origin.url.replace("manifest", "other"))
        with pytest.raises(UnusableArgument, match="HLS"):
            await played(origin.url.replace(".mpd", ".m3u8"))
        with pytest.raises(NothingToWatch, match="status 404"):
            await played(origin.url.replace("manifest.mpd", "stream"))
    with pytest.raises(NothingToWatch, match="cannot connect: Connection refused"):
        await played("http://127.0.0.1:9/play/live")


async def test_a_channel_that_nobody_publishes(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The origin keeps players waiting: for a manifest, with white space and for minutes."""
    monkeypatch.setattr("sorgente.tools.first_look.MANIFEST_SECONDS", 0.2)
    monkeypatch.setattr("sorgente.tools.web.KNOCK_SECONDS", 0.2)
    site = await launch()
    with pytest.raises(NothingToWatch, match="nobody publishes"):
        await played(f"{site.url}/live/nobody/manifest.mpd")
    for name in ("play/not+a+name", "live/not+a+name/manifest.mpd"):
        with pytest.raises(NothingToWatch, match="status 400: a channel name is"):
            await played(f"{site.url}/{name}")
    waited = await played(f"{site.url}/play/nobody", Crowd(2, 0.0, 0.3, 0.5))
    assert waited.joined == 0, "they may wait for an encoder that is still to come"


async def test_an_encoder_that_is_away_for_longer_than_its_grace(launch: Launch) -> None:
    """Its next run begins at 0, in another response: the player begins again, with one stall."""
    site = await launch(encoders=replace(Settings().encoders, reconnect_grace=0.1, linger=0.1))
    async with Web(time.monotonic, Place(site.url)) as web:
        player = StreamPlayer(Stage(web, Tally(), 0.0, 0.5), 0, f"{site.url}/play/live")
        playing = asyncio.create_task(player.run())
        try:
            await on_air(site, frames=75)
            await until(lambda: bool(player.stage.tally.failures))
            await on_air(site, frames=50)  # and is not as far as before when it ends
            await until(lambda: any(each.ended < math.inf for each in player.playback.stalls))
        finally:
            playing.cancel()
    assert {what for _, what in player.stage.tally.failures} == {"stream ended"}


async def interrupted(crowd: Crowd, enough: Callable[[Moment], bool]) -> Result:
    """As ``asyncio.run`` does it for Ctrl-C: the task is cancelled."""
    seen = asyncio.Event()

    def tell(moment: Moment) -> None:
        if enough(moment):
            seen.set()

    async with other_origin() as origin:
        task = asyncio.create_task(play(Place(origin.url), crowd, tell))
        await seen.wait()
        task.cancel()
        return await task


async def test_ctrl_c_ends_it_and_what_there_is_is_reported() -> None:
    def more_than_a_second(moment: Moment) -> bool:
        return moment.passed > 1.2 and moment.latency is not None and moment.latency.count > 6

    result = await interrupted(Crowd(2, 0.0, 600.0, 0.5), more_than_a_second)
    assert (result.joined, result.failures) == (2, {})
    assert 1.2 <= result.seconds < 600
    assert result.chunks > 2 * 3


async def test_ctrl_c_while_players_still_come_says_nothing() -> None:
    """What is less than a second: here not even begun, however slow the machine is."""
    with pytest.raises(asyncio.CancelledError):
        await interrupted(Crowd(2, 600.0, 600.0, 0.5), lambda _: True)


async def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "course.svg"
    async with other_origin() as origin:
        options = "--players 2 --ramp 0 --seconds 1.5 --json --plot"
        command = ["bench", origin.url, *options.split(), str(plot)]
        code = await asyncio.to_thread(app, command, result_action="return_value")
    assert code == 0
    assert json.loads(capfd.readouterr().out)["joined"] == 2
    assert plot.read_text().startswith("<svg")


REFUSED = [["--players", "0"], ["--seconds", "0"], ["--ramp", "-1"], ["--plot", "course.png"]]


@pytest.mark.parametrize("options", REFUSED)
def test_the_command_refuses(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["bench", "http://127.0.0.1:9/x.mpd", *options], result_action="return_value") == 2
    assert capsys.readouterr().err.startswith("sorgente: --")
