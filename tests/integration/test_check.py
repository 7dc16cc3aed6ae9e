"""``sorgente check`` over real sockets: of an origin that is good, of bad ones, and of ours."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import pytest

from sorgente.cli import app
from sorgente.tools.check.course import watch
from sorgente.tools.check.verdict import Verdict, judge
from sorgente.tools.errors import NothingToWatch
from sorgente.tools.web import Place
from tests.integration.conftest import Launch
from tests.support.live import video
from tests.support.origin import InProcess, until
from tests.support.other_origin import Fault, other_origin

LOOKS = 3
"""At an origin whose fault was not found: while this machine is too busy to read a clock, ``check``
rightly says nothing about time."""
SECONDS = 2.6
"""Two or three segments of a second."""


async def verdict_of(url: str, seconds: float = SECONDS) -> Verdict:
    return judge(await watch(Place(url), seconds))


def problems(verdict: Verdict) -> set[str]:
    return {each.rule.name for each in verdict.findings}


async def test_a_good_origin() -> None:
    async with other_origin() as origin:
        verdict = await verdict_of(origin.url)
    assert problems(verdict) == set(), verdict.findings
    assert [each.name for each in verdict.tracks] == ["v1", "v2"]
    for each in verdict.tracks:
        assert each.segments >= 2
        assert each.chunks == 5 * each.segments
        assert each.latency is not None
        assert 0.15 < each.latency.p50 < 1.0
    assert verdict.clock_source == "http-iso"


EXPECTED = {
    Fault.NOT_AT_THE_EDGE: {"edge-available"},
    Fault.ONLY_WHOLE: {"edge-first-chunk", "edge-grows"},
    Fault.NO_CORS: {"cors"},
    Fault.NO_CORS_ON_ERRORS: {"cors"},
    Fault.KEPT_ERRORS: {"error-caching"},
    Fault.WRONG_CLOCK: {"answered", "clock-readable"},
    Fault.OTHER_DATE: {"clock-date"},
    Fault.NO_KEY_FRAME: {"segment-start"},
    Fault.GAP: {"continuous"},
    Fault.CUT: {"whole"},
    Fault.CODECS: {"init-codecs"},
    Fault.MOVING: {"period-constant", "segments-constant"},
    Fault.OLD: {"publish-time"},
    Fault.KEPT_MANIFEST: {"manifest-caching"},
}


async def test_bad_origins() -> None:
    """All at the same time, as each is watched for seconds."""
    cases: dict[tuple[Fault, ...], set[str]] = {(fault,): EXPECTED[fault] for fault in EXPECTED}
    # As GPAC did: the offset is a guess, and nothing is there before it is whole.
    cases[(Fault.NOT_AT_THE_EDGE, Fault.NO_CORS, Fault.TOO_EARLY, Fault.KEPT_ERRORS)] = {
        "edge-available", "cors", "error-caching",
    }  # fmt: skip
    cases[(Fault.ONLY_WHOLE, Fault.TOO_EARLY)] = {"edge-first-chunk"}

    async def missed(faults: tuple[Fault, ...]) -> set[str]:
        names = cases[faults]
        async with other_origin(*faults) as origin:
            for _ in range(LOOKS):
                names = names - problems(await verdict_of(origin.url))
                if not names:
                    break
        return names

    left = await asyncio.gather(*map(missed, cases))
    assert not {faults: names for faults, names in zip(cases, left, strict=True) if names}


async def test_ours(launch: Launch) -> None:
    site = await launch()
    encoder = asyncio.create_task(on_air(site))
    try:
        url = f"{site.url}/live/live/manifest.mpd"
        await until(lambda: is_there(site))
        # The first second of a channel is a guess: see dash/availability.py.
        await until(lambda: settled(site))
        verdict = await verdict_of(url, 5)
    finally:
        encoder.cancel()
    assert problems(verdict) == set(), verdict.findings
    assert verdict.tracks[0].chunks > 50


async def test_an_encoder_that_restarts(launch: Launch) -> None:
    """Its period ends in the midst of a segment that the manifest had promised for longer."""
    site = await launch()
    encoder = asyncio.create_task(on_air(site, frames=75))

    async def restarted() -> None:
        await encoder
        await on_air(site)

    again = asyncio.create_task(restarted())
    try:
        await until(lambda: settled(site))
        verdict = await verdict_of(f"{site.url}/live/live/manifest.mpd", 5)
    finally:
        again.cancel()
    assert encoder.done()
    assert problems(verdict) == set(), verdict.findings
    assert len(verdict.tracks) == 2, "one in each period"


async def on_air(site: InProcess, frames: int | None = None) -> None:
    """25 frames a second, a key frame each second, a chunk for each frame; for ever, or until the
    connection breaks after so many."""
    upload = video(3000, gop=25)
    encoder = await site.publish("/ingest/live")
    await encoder.send(upload.init)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for index in itertools.count() if frames is None else range(frames):
        await asyncio.sleep(max(0.0, began + index * 0.04 - loop.time()))
        await encoder.send(upload.chunks[index])
    encoder.vanish()


async def is_there(site: InProcess) -> bool:
    return (await site.ask("GET", "/live/live/manifest.mpd")).status == 200


async def settled(site: InProcess) -> bool:
    """Its offset is that of the chunks it has seen."""
    body = (await site.ask("GET", "/live/live/manifest.mpd")).body
    return b"<Resync" in body and b'availabilityTimeOffset="1.96"' in body


async def test_nothing_there(tmp_path: Path) -> None:
    async with other_origin() as origin:
        with pytest.raises(NothingToWatch, match="status 404"):
            await watch(Place(origin.url.replace("manifest", "other")), 1)
    with pytest.raises(NothingToWatch):
        await watch(Place(origin.url), 1)
    async with other_origin(Fault.OVER) as ended:
        with pytest.raises(NothingToWatch, match="the event is over"):
            await watch(Place(ended.url), 1)


@pytest.mark.parametrize("path", ["live/nobody/manifest.mpd", "play/live"])
async def test_what_does_not_end(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A manifest whose channel nobody publishes, and a stream instead of one."""
    monkeypatch.setattr("sorgente.tools.first_look.MANIFEST_SECONDS", 0.2)
    site = await launch()
    encoder = asyncio.create_task(on_air(site))
    try:
        await until(lambda: is_there(site))
        with pytest.raises(NothingToWatch, match="nobody publishes there yet"):
            await watch(Place(f"{site.url}/{path}"), 1)
    finally:
        encoder.cancel()
        await asyncio.gather(encoder, return_exceptions=True)


@pytest.mark.parametrize(("faults", "code"), [((), 0), ((Fault.NO_CORS,), 1)], ids=["good", "bad"])
async def test_the_command(
    faults: tuple[Fault, ...], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with other_origin(*faults) as origin:
        command = ["check", origin.url, "--seconds", "1.5", "--json"]
        ended = await asyncio.to_thread(app, command, result_action="return_value")
    out = capfd.readouterr().out
    report = json.loads(out)
    assert ended == code
    assert report["ok"] == (code == 0)
    assert [each["rule"] for each in report["findings"]] == ["cors"] * len(report["findings"])


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.mpd", "ftp://x/y"])
def test_the_command_cannot_look(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["check", url], result_action="return_value") == 2
    assert capsys.readouterr().err.startswith("sorgente: ")
