"""``sorgente push`` with real ffmpegs, from each kind of input to what players get."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sorgente.isobmff.fragment import MediaChunk
from tests.dash.reader import Mpd, Representation
from tests.e2e.conftest import Run
from tests.e2e.programs import Program, curl, decoded, packets
from tests.e2e.pushing import FFMPEGS, Pushing
from tests.integration.process import OriginProcess
from tests.support.origin import Site, until
from tests.support.ports import free_port
from tests.support.rtsp import camera
from tests.support.uploads import chunks_of, init_of, units_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

Push = Callable[..., Pushing]

PICTURE = "testsrc2=size=160x90:rate=25"
SOUND = "sine=frequency=440:sample_rate=48000"
CALL = [
    *("-re", "-f", "lavfi", "-i", f"{PICTURE}[out0];{SOUND}[out1]"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"),
    *("-g", "25", "-c:a", "aac"),
]
OLDEST = list(FFMPEGS.values())[-1]
SMALL_TEST = "test:160x90@25"


@pytest.fixture(params=FFMPEGS)
def ffmpeg(request: pytest.FixtureRequest) -> str:
    """Every ffmpeg there is."""
    return FFMPEGS[str(request.param)]


@pytest.fixture
def push(tmp_path: Path) -> Iterator[Push]:
    """Start a push; by default with the wheel's ffmpeg."""
    with ExitStack() as stack:

        def start(*arguments: str, ffmpeg: str = FFMPEGS["wheel"], **options: object) -> Pushing:
            pushing = Pushing(tmp_path, ffmpeg, *arguments, **options)  # type: ignore[arg-type]
            return stack.enter_context(pushing)

        yield start


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s with B-frames, whose sound begins half a second late."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    command = [
        *(FFMPEGS["wheel"], "-v", "error", "-f", "lavfi", "-i", f"{PICTURE}:duration=2"),
        *("-itsoffset", "0.5", "-f", "lavfi", "-i", f"{SOUND}:duration=1.5"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p"),
        *("-g", "25", "-c:a", "aac", str(path)),
    ]
    subprocess.run(command, check=True, timeout=50)
    return path


async def mpd(origin: Site, channel: str = "live") -> Mpd:
    """The MPD, once there is one."""
    found: list[bytes] = []

    async def there() -> bool:
        answer = await origin.ask("GET", f"/live/{channel}/manifest.mpd")
        found.append(answer.body)
        return answer.status == 200

    await until(there)
    return Mpd(found[-1])


async def first_chunk(origin: Site, of: Representation) -> MediaChunk:
    """With which its first segment begins."""
    names = of.template["initialization"], of.template["media"]
    body = b""
    for name in names:
        path = name.replace("$RepresentationID$", of.id).replace("$Number$", str(of.start_number))
        answer = await origin.ask("GET", f"/live/live/{path}")
        assert answer.status == 200, path
        body += answer.body
    return chunks_of(units_of(body))[0]


async def chunks(origin: Site, count: int) -> None:
    """Wait until the origin has had so many more."""
    before = await origin.metric("sorgente_chunks_total")

    async def there() -> bool:
        return await origin.metric("sorgente_chunks_total") >= before + count

    await until(there)


def start(body: bytes) -> float:
    """Seconds on the encoder's clock at which the first sample is shown."""
    units = units_of(body)
    track, first = init_of(units).leading_track, chunks_of(units)[0]
    fragment = first.fragment.tracks[0]
    return fragment.base_decode_time / track.timescale


async def test_a_file_is_copied_packet_for_packet_and_in_sync(
    origin_process: OriginProcess, push: Push, run: Run, film: Path, tmp_path: Path, ffmpeg: str
) -> None:
    """And its end is the end of the uploads, and of the push."""
    origin, tracks = origin_process, {}
    for track in "va":
        play = curl("-N", f"{origin.url}/play/film/{track}")
        tracks[track] = run(*play, output=tmp_path / f"{track}.mp4")
        await origin.until_metric("sorgente_held", len(tracks))
    pushing = push(str(film), f"{origin.url}/ingest/film", ffmpeg=ffmpeg)
    assert await pushing.exited() == 0, pushing.log
    assert "(v h264, a aac)" in pushing.log
    assert f"the end of {film}" in pushing.log
    for index, (track, player) in enumerate(tracks.items()):
        await player.succeeded()
        assert packets(tmp_path / f"{track}.mp4", 0) == packets(film, index)
    # AAC begins with 1024 samples that only set the decoder up.
    late = start(tracks["a"].received) - start(tracks["v"].received)
    assert late == pytest.approx(0.5 - 1024 / 48000, abs=0.001)


async def test_a_loop_is_one_stream(origin_process: OriginProcess, push: Push, film: Path) -> None:
    """Past the end of the file, players have seen one period and key frames in step."""
    pushing = push("--loop", str(film), f"{origin_process.url}/ingest/live", ffmpeg=OLDEST)
    await chunks(origin_process, round(3.5 * (25 + 48000 / 1024)))
    assert len((await mpd(origin_process)).periods) == 1
    assert await pushing.interrupted() == 0
    assert pushing.log.count("beginning again") == 0


async def test_a_ladder_is_aligned_and_never_larger_than_its_source(
    origin_process: OriginProcess, push: Push, ffmpeg: str
) -> None:
    origin = origin_process
    url = f"{origin.url}/ingest/live"
    pushing = push("test:320x180@25", url, "--ladder", "720p,180p,120p:150k,90p", ffmpeg=ffmpeg)
    await pushing.logged("left out: 720p; the source has 180 lines, no more")
    manifest = await mpd(origin)
    assert len(manifest.periods) == 1
    rungs = [each for each in manifest.representations if each.id != "a"]
    assert {(each.id, each.node.get("width"), each.node.get("height")) for each in rungs} == {
        ("v180", "320", "180"), ("v120", "212", "120"), ("v90", "160", "90")
    }  # fmt: skip
    assert len({each.owner.id for each in rungs}) == 1, "players may switch between them"
    starts = [await first_chunk(origin, each) for each in rungs]
    assert all(chunk.random_access for chunk in starts)
    assert len({chunk.fragment.tracks[0].base_decode_time for chunk in starts}) == 1
    assert await pushing.interrupted() == 0


async def test_a_test_picture_plays_and_ends_well(
    origin_process: OriginProcess, push: Push, run: Run, tmp_path: Path
) -> None:
    origin = origin_process
    live = run(*curl("-N", f"{origin.url}/play/live/v"), output=tmp_path / "v.mp4")
    await origin.until_metric("sorgente_held", 1)
    pushing = push(SMALL_TEST, f"{origin.url}/ingest/live")
    await pushing.logged("speed")  # after two reports, which come every second
    assert await pushing.interrupted() == 0
    await live.succeeded()
    assert len(decoded(tmp_path / "v.mp4")) > 10
    status = r"^live  \d+\.\d fps  0\.\d\d Mbit/s  speed \d\.\d\d  drift [+-]\d+ ms$"
    assert re.search(status, pushing.log, re.MULTILINE)


@pytest.mark.parametrize(
    ("scheme", "listens", "form"), [("rtmp", "?listen", "flv"), ("srt", "?mode=listener", "mpegts")]
)
async def test_whoever_calls_is_on_the_air_and_may_call_again(
    origin_process: OriginProcess,
    push: Push,
    run: Run,
    ffmpeg: str,
    scheme: str,
    listens: str,
    form: str,
) -> None:
    origin, address = origin_process, f"{scheme}://127.0.0.1:{free_port()}/live/key"
    pushing = push(f"{address}{listens}", f"{origin.url}/ingest/live", ffmpeg=ffmpeg)
    for time in (1, 2):
        caller = await call(run, pushing, time, ffmpeg, "-v", "error", *CALL, "-f", form, address)
        # A new clock is a new period, and the old one stays.
        await until(lambda t=time: periods(origin, t))  # type: ignore[misc]
        caller.process.terminate()  # SRT notices only after 5 s if nobody says goodbye
        await heard(pushing, "the caller hung up", time)
    assert "(v copied, a copied)" in pushing.log
    assert await pushing.interrupted() == 0


async def periods(origin: Site, count: int) -> bool:
    """Whether the MPD has so many."""
    return len((await mpd(origin)).periods) == count


async def call(run: Run, pushing: Pushing, time: int, *command: str) -> Program:
    """Call until somebody answers: it takes a moment until ffmpeg listens, and listens again."""
    caller = run(*command)

    async def answered() -> bool:
        nonlocal caller
        if caller.process.poll() is not None:
            caller = run(*command)
        return pushing.log.count("a caller: h264 160x90, aac") == time

    await until(answered)
    return caller


async def heard(pushing: Pushing, text: str, times: int) -> None:
    await until(lambda: pushing.log.count(text) == times)


async def test_the_picture_of_a_camera_is_copied_and_its_telephone_sound_encoded(
    origin_process: OriginProcess, push: Push, tmp_path: Path
) -> None:
    encoder = [FFMPEGS["wheel"], "-v", "error", *CALL, "-bsf:v", "dump_extra"]
    async with camera(encoder, tmp_path) as there:
        pushing = push(there.url, f"{origin_process.url}/ingest/live", ffmpeg=OLDEST)
        await chunks(origin_process, 100)
        assert "(v h264, a encoded)" in pushing.log
        assert await pushing.interrupted() == 0
        assert sum(line.startswith("PLAY") for line in there.requests) == 2, "a look, and a push"


async def test_an_ffmpeg_that_is_killed_comes_back(
    origin_process: OriginProcess, push: Push
) -> None:
    pushing = push(SMALL_TEST, f"{origin_process.url}/ingest/live")
    for time in (1, 2):
        await chunks(origin_process, 50)
        assert pushing.ffmpeg is not None
        pushing.ffmpeg.kill()
        await heard(pushing, "ffmpeg was ended by SIGKILL; beginning again in", time)
    await chunks(origin_process, 50)
    assert await pushing.interrupted() == 0


async def test_an_origin_that_is_restarted_is_pushed_to_again(push: Push, tmp_path: Path) -> None:
    """By the same ffmpeg; what was not there is waited for, before and after."""
    at = free_port()
    pushing = push(SMALL_TEST, f"http://127.0.0.1:{at}/ingest/live")
    await pushing.logged("Connection refused; waiting for it")
    with OriginProcess(tmp_path / "first.log", port=at) as first:
        await first.listening()
        await chunks(first, 50)
        ffmpeg = pushing.ffmpeg
        first.signal(signal.SIGTERM)
        await first.exited()
    await pushing.logged("trying again")
    with OriginProcess(tmp_path / "second.log", port=at) as second:
        await second.listening()
        await chunks(second, 50)
        assert pushing.ffmpeg == ffmpeg
        await pushing.logged(f"publishing to http://127.0.0.1:{at}/ingest/live again")
        assert {each.id for each in (await mpd(second)).representations} == {"a", "v"}
        assert await pushing.interrupted() == 0


async def test_the_key_is_nowhere_to_be_seen(origin_process: OriginProcess, push: Push) -> None:
    url = f"{origin_process.url}/ingest/live"
    pushing = push(SMALL_TEST, url, env={"SORGENTE_PUBLISH_KEY": "geheim-42"})
    await chunks(origin_process, 50)
    assert pushing.ffmpeg is not None
    seen = [*pushing.ffmpeg.cmdline(), str(pushing.ffmpeg.environ())]
    assert await pushing.interrupted() == 0
    seen += [pushing.log, origin_process.log]
    assert not any("geheim-42" in each for each in seen)


async def test_nothing_to_push_is_one_line(origin_process: OriginProcess, push: Push) -> None:
    pushing = push("nowhere.mp4", f"{origin_process.url}/ingest/live")
    assert await pushing.exited() == 1
    assert pushing.log == (
        "sorgente push: nowhere.mp4: Error opening input: No such file or directory\n"
    )
