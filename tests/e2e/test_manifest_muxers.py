"""Real ffmpeg's ``-f dash`` and ``-f hls`` (DASH-IF ingest, interface 2): what they put comes out
as LL-DASH, decodes without a complaint, and goes on when ffmpeg begins again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.dash.reader import Mpd
from tests.e2e.conftest import Run
from tests.e2e.manifest_muxers import FFMPEGS, MUXERS, live, low_latency
from tests.e2e.manifests import faults, look
from tests.e2e.players.encoder import LiveEncoder
from tests.e2e.players.measure import ON_AIR_SECONDS, in_time
from tests.e2e.players.measurement import glass_to_glass, settled
from tests.e2e.players.site import NAMES, Name
from tests.e2e.players.viewer import watching
from tests.e2e.programs import decoded, ffmpeg
from tests.e2e.segments import broken_promises, recorded, until_recorded
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.origin import until
from tests.support.picture import RATE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

MEASURED = 10.0
"""Seconds."""
LIMIT = 1900.0
"""Milliseconds, for machines with other things to do: the goal is 1.2 s."""
MANIFESTS = {"ours": "/live/live/manifest.mpd", "its own": "/own/live/manifest.mpd"}
EVENT = 6.0
"""Seconds."""
BACK = 10.0
"""Seconds until a player shows the new encoder's pictures, at most, on such a machine."""


def pairs(names: Iterable[str], *often: tuple[str, str]) -> list[ParameterSet]:
    """Of a muxer and an ffmpeg: all of them, but only those of ``often`` every time."""
    return [
        pytest.param(name, program, marks=() if (name, program) in often else pytest.mark.minutes)
        for name in names
        for program in FFMPEGS
    ]


@pytest.mark.parametrize(
    ("name", "program"),
    pairs(
        MUXERS,
        ("low latency", "wheel"),
        ("low latency, a connection for each object", "path"),
        ("whole segments", "wheel"),
        ("names of its own", "wheel"),
        ("HLS", "path"),
        ("HLS of two renditions", "wheel"),
    ),
)
async def test_what_is_put_is_played(
    origin_process: OriginProcess, run: Run, tmp_path: Path, program: str, name: str
) -> None:
    origin, muxer = origin_process, MUXERS[name]
    encoder = run(*live(FFMPEGS[program], muxer, f"{origin.url}/ingest/live"))
    seen = [await look(origin)]
    await until_recorded(origin, seen[0].mpd, 2)
    seen.append(await look(origin))
    mpd = seen[-1].mpd
    assert not faults(seen)
    assert sorted(each.id for each in mpd.representations) == sorted(muxer.tracks)
    assert len(mpd.periods) == 1, "one timeline"
    found = await recorded(origin, mpd)
    assert not broken_promises(found)
    for each in found:
        path = tmp_path / f"{each.announced.id}.mp4"
        path.write_bytes(each.data)
        per_second = RATE if each.init.leading_track.kind == "video" else 46
        assert len(await asyncio.to_thread(decoded, path)) > 2 * per_second
    assert encoder.process.poll() is None
    encoder.kill()


@pytest.mark.parametrize(
    ("name", "program"),
    pairs(
        ["low latency", "whole segments", "HLS", "HLS of two renditions"],
        ("low latency", "wheel"),
        ("HLS", "path"),
    ),
)
async def test_an_encoder_that_begins_again_is_a_new_period(
    origin_process: OriginProcess, run: Run, program: str, name: str
) -> None:
    """The same names and numbers, time stamps from 0: at once, and after a few seconds only."""
    origin, muxer = origin_process, MUXERS[name]
    line = live(FFMPEGS[program], muxer, f"{origin.url}/ingest/live")
    encoder = run(*line)
    before = (await look(origin)).mpd
    await until_recorded(origin, before, 1)
    kept = await recorded(origin, before)
    encoder.kill()
    run(*line)

    async def anew() -> bool:
        return len((await look(origin)).mpd.periods) > 1

    await until(anew)
    after = (await look(origin)).mpd
    assert len(after.periods) == 2
    await until_recorded(origin, after, 1)
    for old, new in zip(kept, await recorded(origin, after), strict=True):
        assert new.announced.id == old.announced.id
        assert new.segments[0].number > old.segments[-1].number
        assert new.segments[0].start >= old.segments[-1].start
    for old in kept:
        media = [await origin.ask("GET", f"/live/live/{old.announced.id}/{segment.number}.m4s")
                 for segment in old.segments]  # fmt: skip
        assert old.data.endswith(b"".join(answer.body for answer in media)), "the window stays"


async def test_what_is_put_is_got_back(
    origin_process: OriginProcess, run: Run, tmp_path: Path
) -> None:
    """By the encoder's own manifest: what it names is there, and decodes."""
    origin = origin_process
    run(*live(FFMPEGS["wheel"], MUXERS["low latency"], f"{origin.url}/ingest/live"))
    await until_recorded(origin, (await look(origin)).mpd, 2)
    own = Mpd((await origin.ask("GET", "/own/live/manifest.mpd")).body)
    (base,) = (node.text for node in own.root.iterfind(".//{*}BaseURL"))
    for stream, per_second in enumerate([RATE, 46]):
        names = [f"init-stream{stream}.m4s"]
        names += [f"chunk-stream{stream}-{number:05d}.m4s" for number in range(1, 4)]
        answers = [await origin.ask("GET", f"/own/live/{base}{name}") for name in names]
        assert [answer.status for answer in answers] == [200] * 4
        path = tmp_path / f"{stream}.mp4"
        path.write_bytes(b"".join(answer.body for answer in answers))
        assert len(await asyncio.to_thread(decoded, path)) > 2.5 * per_second


@pytest.mark.minutes
async def test_a_playlist_of_its_own_goes_on_to_the_end(
    origin_process: OriginProcess, run: Run, tmp_path: Path
) -> None:
    """ffmpeg plays what ffmpeg put, over a restart, and ends when the event does."""
    origin, line = origin_process, live(FFMPEGS["wheel"], MUXERS["HLS"], "")
    at = line.index("-f", line.index("-c:a"))
    ends = [*line[:at], "-t", "5", *line[at:-1], f"{origin.url}/ingest/live/index.m3u8"]
    encoder = run(*ends)
    await until_recorded(origin, (await look(origin)).mpd, 2)
    path = tmp_path / "own.mp4"
    own = f"{origin.url}/own/live/index.m3u8"
    player = run(*ffmpeg("-i", own, "-map", "0:v", "-c", "copy", f"{path}"))
    await encoder.succeeded()
    await run(*ends).succeeded()
    await player.succeeded()
    assert len(await asyncio.to_thread(decoded, path)) > 6 * RATE, "of both"


async def test_a_clean_end_is_the_end(origin_process: OriginProcess, run: Run) -> None:
    origin = origin_process
    for name, channel in [("low latency", "dash"), ("HLS", "hls")]:
        line = live(FFMPEGS["wheel"], MUXERS[name], f"{origin.url}/ingest/{channel}")
        program, *rest = line
        at = rest.index("-f", rest.index("-c:a"))
        encoder = run(program, *rest[:at], "-t", "4", *rest[at:])
        await encoder.succeeded()
    await until(lambda: origin.log.count("the manifest says that it is over") == 3)


@pytest.mark.players
@pytest.mark.parametrize("manifest", MANIFESTS)
async def test_glass_to_glass(spawn: Spawn, manifest: str) -> None:
    origin = await spawn()
    with LiveEncoder(low_latency, f"{origin.url}/ingest/live") as encoder:
        await encoder.running(ON_AIR_SECONDS)
        async with watching("dash", origin, manifest=MANIFESTS[manifest]) as viewer:
            limit = in_time("tracks", None)
            measured = await glass_to_glass(viewer, "dash", "tracks", None, limit, MEASURED)
            assert measured.p95 <= LIMIT, await viewer.evidence("late")
            assert measured.stalls == 0, await viewer.evidence("stalls after settling")
            assert not viewer.complaints, await viewer.evidence("errors")
            assert not viewer.bad, await viewer.evidence("answers of 400 and more")
            assert measured.frames > MEASURED * RATE * 0.8


@pytest.mark.players
@pytest.mark.minutes
@pytest.mark.parametrize("player", NAMES)
async def test_what_is_left_of_an_event_is_played_by_its_own_manifest(
    spawn: Spawn, player: Name
) -> None:
    """From the first picture to the last one, and to an end."""
    origin = await spawn("--linger", "1")
    with LiveEncoder(low_latency, f"{origin.url}/ingest/live") as encoder:
        await encoder.running(EVENT)
        await asyncio.to_thread(encoder.interrupt)
        began, ended = encoder.camera.began, time.time()

    async def over() -> bool:
        answer = await origin.ask("GET", MANIFESTS["its own"])
        return b'type="static"' in answer.body

    await until(over)
    async with watching(player, origin, manifest=MANIFESTS["its own"]) as viewer:
        await viewer.until(lambda: viewer.ended, 2 * EVENT + 20, "the end")
        assert viewer.samples[0].stamped < began + 1, await viewer.evidence("not from the start")
        assert viewer.samples[-1].stamped > ended - 1, await viewer.evidence("not to the end")
        assert len(viewer.samples) > 0.8 * EVENT * RATE, await viewer.evidence("few pictures")
        assert not viewer.complaints, await viewer.evidence("errors")
        assert not viewer.bad, await viewer.evidence("answers of 400 and more")


@pytest.mark.players
@pytest.mark.parametrize("manifest", ["ours", pytest.param("its own", marks=pytest.mark.minutes)])
async def test_a_player_goes_on_with_an_encoder_that_begins_again(
    spawn: Spawn, manifest: str
) -> None:
    origin = await spawn()
    limit = in_time("tracks", None)
    with LiveEncoder(low_latency, f"{origin.url}/ingest/live") as encoder:
        await encoder.running(ON_AIR_SECONDS)
        async with watching("dash", origin, manifest=MANIFESTS[manifest]) as viewer:
            await viewer.until(lambda: settled(viewer, limit), 40, "a settled player")
            encoder.kill()
            with LiveEncoder(low_latency, f"{origin.url}/ingest/live") as again:
                await again.running()
                began = again.camera.began

                def back() -> bool:
                    return any(sample.stamped > began for sample in viewer.samples)

                await viewer.until(back, BACK, "a picture of the new encoder")
                await viewer.until(lambda: settled(viewer, limit), 40, "a settled player")
                assert not viewer.fatal, await viewer.evidence("a fatal error")
