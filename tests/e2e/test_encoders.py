"""ffmpeg with other flags than the seed's: whoever joins late sees what the others see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Run
from tests.e2e.programs import curl, ffmpeg, packets, pictures
from tests.integration.process import OriginProcess
from tests.support.origin import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SECONDS = 6
VIDEO = ["-f", "lavfi", "-i", f"testsrc2=size=160x90:rate=25:duration={SECONDS}"]
AUDIO = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={SECONDS}"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10"]
H264 += ["-keyint_min", "10", "-sc_threshold", "0"]
AAC = ["-c:a", "aac", "-b:a", "64k"]
BOTH = [*VIDEO, *AUDIO, *H264, *AAC]

ENCODERS: dict[str, list[str]] = {
    "the seed's": [*BOTH, "-movflags", "empty_moov+frag_keyframe+default_base_moof"],
    "without default_base_moof": [*BOTH, "-movflags", "empty_moov+frag_keyframe"],
    "a chunk for every frame": [*VIDEO, *H264, "-movflags", "cmaf+frag_every_frame"],
    "chunks of 200 ms": [*BOTH, "-movflags", "cmaf+frag_keyframe", "-frag_duration", "200000"],
    "chunks by duration alone": [
        *BOTH, "-movflags", "empty_moov+default_base_moof", "-frag_duration", "200000"
    ],
    "delay_moov": [*BOTH, "-movflags", "cmaf+delay_moov+frag_keyframe"],
    "separate_moof": [*BOTH, "-movflags", "empty_moov+frag_keyframe+separate_moof"],
    "audio only": [*AUDIO, *AAC, "-movflags", "empty_moov+default_base_moof",
                   "-frag_duration", "200000"],
    "B-frames": [*VIDEO, *AUDIO, *H264, "-bf", "3", "-x264-params", "b-adapt=0", *AAC,
                 "-movflags", "empty_moov+frag_keyframe+default_base_moof"],
    "B-frames without default_base_moof": [
        *VIDEO, *H264, "-bf", "3", "-x264-params", "b-adapt=0",
        "-movflags", "empty_moov+frag_keyframe",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODERS)
async def test_a_late_joiner_sees_what_the_others_see(
    origin_process: OriginProcess, run: Run, tmp_path: Path, name: str
) -> None:
    origin = origin_process
    play = curl("-N", f"{origin.url}/play")
    start = run(*play, output=tmp_path / "start.mp4")
    await origin.until_metric("sorgente_held", 1)
    # Twice as fast as live, so that it is over sooner.
    options = ["-readrate", "2", *ENCODERS[name]]
    live = run(*ffmpeg(*options, "-f", "mp4", f"{origin.url}/ingest"))

    async def under_way() -> bool:
        enough = 30 if "every frame" in name else 5
        return await origin.metric("sorgente_chunks_total") >= enough

    await until(under_way)
    late = run(*play, output=tmp_path / "late.mp4")
    await late.receiving()
    for program in (live, start, late):
        await program.succeeded()
    assert len(late.received) < len(start.received)

    streams = 1 if "audio" in name or VIDEO[3] not in options or AUDIO[3] not in options else 2
    for stream in range(streams):
        expected, got = [packets(player.output or Path(), stream) for player in (start, late)]
        assert len(got) > 25
        assert expected[-len(got) :] == got
    if VIDEO[3] in options:
        expected, got = pictures(tmp_path / "start.mp4"), pictures(tmp_path / "late.mp4")
        assert len(expected) == SECONDS * 25
        assert 25 < len(got) < len(expected)
        assert expected[-len(got) :] == got
