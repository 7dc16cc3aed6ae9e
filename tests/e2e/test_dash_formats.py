"""Real encoders in many forms, and a DASH channel of each: the MPD holds under the schema, the
rules and mpd-parser at every moment, and what is in the segments is what it says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from tests.dash.reader import Mpd, Representation
from tests.e2e.conftest import Run
from tests.e2e.formats import (
    CODINGS,
    RHYTHMS,
)
from tests.e2e.manifests import Look, faults, look
from tests.e2e.players.encoder import LiveEncoder
from tests.e2e.players.lines import LADDER, ladder_of_frames
from tests.e2e.programs import decoded
from tests.e2e.segments import (
    Recorded,
    broken_promises,
    recorded,
    understated,
    until_recorded,
)
from tests.integration.conftest import Spawn
from tests.integration.process import OriginProcess
from tests.support.browser import blank
from tests.support.origin import Site, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def looks_and_segments(
    origin: Site, count: int, channel: str = "live"
) -> tuple[list[Look], list[Recorded]]:
    """The first MPD of a channel, the one when ``count`` segments are there, and those."""
    looks = [await look(origin, channel)]
    await until_recorded(origin, looks[0].mpd, count, channel)
    looks.append(await look(origin, channel))
    return looks, await recorded(origin, looks[-1].mpd, channel)


async def has_periods(origin: Site, count: int) -> bool:
    return len((await look(origin)).mpd.periods) >= count


def by_id(mpd: Mpd) -> dict[str, Representation]:
    return {each.id: each for each in mpd.representations}


async def test_three_bit_rates_are_one_adaptation_set(origin_process: OriginProcess) -> None:
    """Also when the encoder is gone, and when it is back."""
    origin = origin_process
    with LiveEncoder(ladder_of_frames, f"{origin.url}/ingest/live"):
        looks, found = await looks_and_segments(origin, 3)
    gone = await look(origin)
    with LiveEncoder(ladder_of_frames, f"{origin.url}/ingest/live"):
        await until(lambda: has_periods(origin, 2), every=0.2)
        back = await look(origin)
    assert faults([*looks, gone, back]) == []
    assert broken_promises(found) == []
    assert understated(found) == []

    sets = {each.node.attrib["contentType"]: each for each in looks[-1].mpd.sets}
    assert sorted(sets) == ["audio", "video"]
    video = sets["video"]
    assert [each.id for each in video.representations] == [rung.name for rung in LADDER[::-1]]
    for rank, (each, rung) in enumerate(zip(video.representations, LADDER[::-1], strict=True)):
        announced = each.node.attrib
        assert (announced["width"], announced["height"]) == (str(rung.width), str(rung.height))
        assert (announced["frameRate"], announced["sar"]) == ("30", "1:1")
        assert announced["qualityRanking"] == str(len(LADDER) - rank)
        assert 1 <= int(announced["bandwidth"]) / (rung.kilobits * 1000) < 1.15
        assert [node.attrib["type"] for node in each.inherited("Resync")] == ["0"]
    assert video.node.attrib["segmentAlignment"] == "true"
    assert (video.node.attrib["par"], video.node.attrib["maxFrameRate"]) == ("16:9", "30")


async def test_rhythms(origin_process: OriginProcess, run: Run) -> None:
    """Groups of pictures that are no whole seconds, frame rates that are no whole numbers: all at
    once, two channels each, one of them by track."""
    origin = origin_process
    names: dict[str, str] = {}
    for number, (name, rhythm) in enumerate(RHYTHMS.items()):
        for form in ("tracks", "muxed"):
            channel = f"{form}{number}"
            names[channel] = name
            ingest = f"{origin.url}/ingest/{channel}"
            show = rhythm.show
            run(*(show.muxed(ingest) if form == "muxed" else show.by_track(ingest)))
    seen = await asyncio.gather(*(looks_and_segments(origin, 2, each) for each in names))
    assert faults([look for looks, _ in seen for look in looks]) == []
    for (looks, found), (channel, name) in zip(seen, names.items(), strict=True):
        assert broken_promises(found) == [], (channel, name)
        for each in by_id(looks[-1].mpd).values():
            off = abs(float(each.longest) - RHYTHMS[name].segment)
            assert off < 1 / each.timescale, (channel, name)


@pytest.mark.minutes
@pytest.mark.parametrize("form", ["tracks", "muxed"])
async def test_sound_stays_with_pictures_that_share_no_clock_tick(
    spawn: Spawn, run: Run, form: str
) -> None:
    """29.97 fps and 44.1 kHz: a segment is no whole number of samples of sound."""
    origin = await spawn("--window", "120")
    ingest, show = f"{origin.url}/ingest/live", RHYTHMS["2 s at 29.97 fps, 44.1 kHz"].show
    run(*(show.muxed(ingest) if form == "muxed" else show.by_track(ingest)))
    looks = [await look(origin)]
    await asyncio.sleep(65)
    looks.append(await look(origin))
    found = await recorded(origin, looks[-1].mpd)
    assert faults(looks) == []
    assert broken_promises(found) == []
    chunk = Fraction(1024, 44100) * (1 if form == "tracks" else 10)
    for each in found:
        assert len(each.segments) >= 30
        assert max(abs(segment.off - each.segments[1].off) for segment in each.segments[1:]) < chunk


CAN_PLAY = {
    "hevc": False, "hevc10": False, "av1": True, "av1of10": True, "av1late": True, "vp9": True,
    "anamorphic": True, "opus": True, "ac3": False, "eac3": False, "flac": True, "aac51": True,
}  # fmt: skip
"""Whether Debian's Chromium has a decoder for it."""


async def test_codings(origin_process: OriginProcess, run: Run, tmp_path: Path) -> None:
    """All at once, a channel each. Codecs are named as ffmpeg names them in an MPD of its own, and
    so that Chromium knows what it can play."""
    origin = origin_process
    for channel, coding in CODINGS.items():
        run(*coding.command(f"{origin.url}/ingest/{channel}"))
    own = {name: tmp_path / name / "own.mpd" for name in CODINGS}
    for path in own.values():
        path.parent.mkdir()
    writers = [run(*CODINGS[name].manifest(str(path))) for name, path in own.items()]
    await asyncio.gather(*(writer.succeeded() for writer in writers))
    seen = dict(
        zip(
            CODINGS,
            await asyncio.gather(*(looks_and_segments(origin, 1, each) for each in CODINGS)),
            strict=True,
        )
    )
    assert faults([look for looks, _ in seen.values() for look in looks]) == []
    types = {}
    for channel, (looks, found) in seen.items():
        each = by_id(looks[-1].mpd)["t"]
        assert broken_promises(found) == [], channel
        assert each.node.attrib["codecs"] == CODINGS[channel].codecs == codecs(own[channel])
        types[channel] = f'{each.owner.node.attrib["mimeType"]}; codecs="{CODINGS[channel].codecs}"'
        path = tmp_path / f"{channel}.mp4"
        [coded] = [recording for recording in found if recording.announced.id == "t"]
        path.write_bytes(coded.data)
        assert len(decoded(path)) >= 25, channel
    assert await supported(types) == CAN_PLAY


def codecs(path: Path) -> str:
    """The one that an MPD has."""
    [found] = re.findall('codecs="([^"]*)"', path.read_text())
    return str(found)


async def test_pixels_that_are_not_square(origin_process: OriginProcess, run: Run) -> None:
    run(*CODINGS["anamorphic"].command(f"{origin_process.url}/ingest/live"))
    each = by_id((await look(origin_process)).mpd)["t"]
    assert (each.node.attrib["sar"], each.owner.node.attrib["par"]) == ("16:11", "20:11")


async def supported(types: Mapping[str, str]) -> dict[str, bool]:
    """What Chromium says it can play."""
    async with blank() as page:
        code = "types => types.map(MediaSource.isTypeSupported)"
        return dict(zip(types, await page.evaluate(code, [*types.values()]), strict=True))
