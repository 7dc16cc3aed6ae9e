"""Sound and picture of a DASH channel are as far apart as in what the encoder sent, and both are
there when a period starts: B-frames, priming and edit lists included."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Run
from tests.e2e.formats import B_FRAMES, FRAMES, FRAMES_LATE, Show, noise, picture, x264
from tests.e2e.manifests import faults, look
from tests.e2e.programs import Program, curl, decoded, ffmpeg
from tests.e2e.segments import Recorded, broken_promises, recorded, until_recorded
from tests.integration.process import OriginProcess

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SEGMENTS: Final = 2
"""So many are looked at."""
PLAIN: Final = Show(picture(), noise(), x264(25))
REORDERED: Final = Show(picture(), noise(), B_FRAMES)
MUXED: Final = ("muxed",)
FORMS: Final = {
    "no B-frames, by track": (PLAIN, FRAMES),
    "no B-frames, by track, edit lists": (PLAIN, FRAMES_LATE),
    "no B-frames, muxed": (PLAIN, MUXED),
    "B-frames, by track, edit lists": (REORDERED, FRAMES_LATE),
    "B-frames, muxed": (REORDERED, MUXED),
}


def command(name: str, ingest: str) -> list[str]:
    """What publishes one of them."""
    show, chunks = FORMS[name]
    return show.muxed(ingest) if chunks == MUXED else show.by_track(ingest, chunks)


def kind_of(each: Recorded) -> str:
    return each.announced.owner.node.attrib["contentType"]


def timestamps(path: Path, kind: str) -> dict[str, Fraction]:
    """When ffmpeg presents the packets of a track, in seconds, by their checksum; edit lists are
    applied. What is cut short at the end of the file is left out."""
    command = ffmpeg("-copyts", "-i", str(path), "-map", f"0:{kind[0]}", "-c", "copy")
    done = subprocess.run(
        [*command, "-f", "framecrc", "pipe:1"], capture_output=True, check=True, timeout=50
    )
    lines = done.stdout.decode().splitlines()
    tick = next(Fraction(line.split(": ")[1]) for line in lines if line.startswith("#tb"))
    packets = [[field.strip() for field in line.split(",")] for line in lines if line[0] != "#"]
    return {packet[5]: int(packet[2]) * tick for packet in packets}


def announced(each: Recorded, path: Path) -> dict[str, Fraction]:
    """The same of a Representation, on the timeline of the MPD; it decodes without a complaint."""
    path.write_bytes(each.data)
    decoded(path)
    offset = Fraction(int(each.announced.template["presentationTimeOffset"]))
    start = each.announced.owner.period_start - offset / each.announced.timescale
    return {key: start + moment for key, moment in timestamps(path, kind_of(each)).items()}


def moved(source: Mapping[str, Fraction], there: Mapping[str, Fraction]) -> Fraction:
    """By how much a track was moved, every packet of it alike."""
    by = {moment - source[key] for key, moment in there.items()}
    assert len(there) > 25
    assert len(by) == 1, f"one shift for all: {sorted(map(float, by))}"
    return by.pop()


@dataclass(frozen=True)
class Take:
    """One form, published to a channel of its own."""

    name: str
    channel: str
    sent: Mapping[str, Program]
    """Who keeps the uploads as they come; by kind of track, or one for all."""

    def upload(self, kind: str) -> Path:
        """What was sent of a track."""
        output = (self.sent.get(kind) or self.sent["muxed"]).output
        assert output is not None
        return output


def take(origin: OriginProcess, run: Run, where: Path, name: str, channel: str) -> Take:
    """Have what is going to be published kept."""
    muxed = FORMS[name][1] == MUXED
    paths = {"muxed": ""} if muxed else {"video": "/v", "audio": "/a"}
    sent = {}
    for kind, path in paths.items():
        play = curl("-N", f"{origin.url}/play/{channel}{path}")
        sent[kind] = run(*play, output=where / f"{channel}-{kind}-sent.mp4")
    return Take(name, channel, sent)


async def published(origin: OriginProcess, run: Run, take: Take) -> list[Recorded]:
    """Publish it; what there is to be seen of it, after a while."""
    run(*command(take.name, f"{origin.url}/ingest/{take.channel}"))
    looks = [await look(origin, take.channel)]
    await until_recorded(origin, looks[0].mpd, SEGMENTS, take.channel)
    looks.append(await look(origin, take.channel))
    found = await recorded(origin, looks[-1].mpd, take.channel)
    assert faults(looks) == [], take.name
    assert broken_promises(found) == [], take.name
    return found


def apart(take: Take, found: Sequence[Recorded], where: Path) -> float:
    """By how many seconds sound and picture have been moved apart."""
    by = {}
    for each in found:
        kind = kind_of(each)
        there = announced(each, where / f"{take.channel}-{kind}.mp4")
        by[kind] = moved(timestamps(take.upload(kind), kind), there)
    return float(by["video"] - by["audio"])


async def test_sound_and_picture_stay_together(
    origin_process: OriginProcess, run: Run, tmp_path: Path
) -> None:
    """All forms at once; to the tick, which is 1/12800 s of the picture."""
    origin = origin_process
    takes = [
        take(origin, run, tmp_path, name, f"form{number}") for number, name in enumerate(FORMS)
    ]
    await origin.until_metric("sorgente_held", sum(len(each.sent) for each in takes))
    found = await asyncio.gather(*(published(origin, run, each) for each in takes))
    moved = [apart(each, there, tmp_path) for each, there in zip(takes, found, strict=True)]
    assert max(map(abs, moved)) < 1 / 12800, dict(zip(FORMS, moved, strict=True))


async def test_a_period_starts_with_a_picture(origin_process: OriginProcess, run: Run) -> None:
    """A player cuts off what is presented outside of a period, and waits where there is nothing."""
    takes = [Take(name, f"form{number}", {}) for number, name in enumerate(FORMS)]
    seen = await asyncio.gather(*(published(origin_process, run, each) for each in takes))
    for each, found in zip(takes, seen, strict=True):
        first = {kind_of(track): track.segments[0] for track in found}
        assert first["video"].off == 0, each.name
        assert first["audio"].off <= Fraction(1024, 48000), each.name
