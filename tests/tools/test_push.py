"""The supervisor: with programs that act as ffmpeg, against a real origin."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from sorgente.settings import EncoderSettings
from sorgente.tools.console import Console
from sorgente.tools.errors import FfmpegMissing, InputRefused, OriginLost, OriginRefused
from sorgente.tools.order import PushSettings, make_order
from sorgente.tools.push import Push
from sorgente.tools.session import SILENCE_SECONDS
from sorgente.tools.uplink import LINEUP_SECONDS, Sleep
from tests.integration.conftest import Launch
from tests.support.clock import FakeClock
from tests.support.live import payloads, video
from tests.support.origin import InProcess, until
from tests.tools.conftest import Serve, answering, response
from tests.tools.pretender import Act, Pretender, whole

STREAM = video(20, gop=10)
FIRST_HALF = STREAM.init + b"".join(STREAM.chunks[:10])
SECOND_HALF = b"".join(STREAM.chunks[10:])

H264 = "[info]   Stream #0:0: Video: h264 (High), yuv420p(progressive), 320x180, 25 fps"
MPEG2 = "[info]   Stream #0:0: Video: mpeg2video (Main), yuv420p(tv, progressive), 320x180, 25 fps"
AAC = "[info]   Stream #0:1: Audio: aac (LC), 48000 Hz, stereo, fltp"
CALLER = "rtmp://127.0.0.1:1935/live/key?listen"


def description(*streams: str, duration: str = "N/A") -> list[str]:
    return [
        "[info] Input #0, x, from 'y':",
        f"[info]   Duration: {duration}, start: 0.000000, bitrate: N/A",
        *streams,
        "[info] Stream mapping:",
    ]


class Silence:
    """Nothing comes for a while, whenever the test says so."""

    def __init__(self) -> None:
        self._lasted = asyncio.Semaphore(0)
        self.noticed = 0

    async def wait(self) -> None:
        await self._lasted.acquire()
        self.noticed += 1

    async def last(self) -> None:
        """For one more while, which is over when this returns."""
        noticed = self.noticed
        self._lasted.release()
        await until(lambda: self.noticed > noticed)

    def lasts(self) -> None:
        """For minutes, for whoever minds."""
        for _ in range(9):
            self._lasted.release()


class Pushing:
    """A push under way, what it says, and how long it wanted to wait."""

    def __init__(
        self, ffmpeg: Pretender, text: str, url: str, *, sleep: Sleep | None = None, **settings: str
    ) -> None:
        self.clock = FakeClock()
        self.said = io.StringIO()
        self.slept: list[float] = []
        self.silence = Silence()
        order = make_order(text, url, replace(PushSettings(), **settings))  # type: ignore[arg-type]
        self.push = Push(
            ffmpeg.ffmpeg,
            order,
            Console(self.said, self.clock.monotonic),
            clock=self.clock.monotonic,
            sleep=sleep or self.sleep,
        )
        self.task = asyncio.create_task(self.push.run())

    async def sleep(self, seconds: float) -> None:
        """Takes no time, but on the clock; for tracks to line up there is all the time it takes,
        and silence lasts as long as the test says."""
        if seconds == LINEUP_SECONDS:
            await asyncio.Event().wait()
        if seconds == SILENCE_SECONDS:
            await self.silence.wait()
            return
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def ends(self) -> None:
        async with asyncio.timeout(20):
            await self.task

    def __contains__(self, text: str) -> bool:
        return text in self.said.getvalue()


def at(origin: InProcess, channel: str = "live") -> str:
    return f"{origin.url}/ingest/{channel}"


async def test_a_file_is_pushed_to_its_end(origin: InProcess, tmp_path: Path) -> None:
    """Its player gets every byte, and an end."""
    player = await origin.play("/play/live/v")
    await origin.until_metric("sorgente_held", 1)
    look = Act(said=description(H264, duration="00:00:01.00"))
    pushing = Pushing(Pretender(tmp_path, whole(STREAM), look=look), "film.mp4", at(origin))
    await pushing.ends()
    got = await player.rest()
    assert (got.complete, got.body) == (True, STREAM.whole)
    assert "publishing film.mp4 to" in pushing
    assert "(v h264)" in pushing
    assert "the end of film.mp4" in pushing
    assert not pushing.slept


async def test_a_file_that_is_none_is_refused_in_one_line(
    origin: InProcess, tmp_path: Path
) -> None:
    complaint = "[mov @ 0x55a05cbbc080] [error] moov atom not found"
    pretender = Pretender(tmp_path, look=Act(said=[complaint, "[error] and more"], code=1))
    with pytest.raises(InputRefused, match=r"^film\.mp4: moov atom not found$"):
        await Pushing(pretender, "film.mp4", at(origin)).ends()


UNKNOWN = ["[error] nosuch://cam: Protocol not found", "[error] Did you mean file:nosuch://cam?"]


async def test_a_protocol_that_ffmpeg_does_not_know_is_not_tried_again(
    origin: InProcess, tmp_path: Path
) -> None:
    pretender = Pretender(tmp_path, look=Act(said=UNKNOWN, code=1))
    pushing = Pushing(pretender, "nosuch://cam", at(origin))
    with pytest.raises(InputRefused, match=r"^nosuch://cam: Protocol not found$"):
        await pushing.ends()
    assert not pushing.slept


async def test_nor_is_one_to_be_called_by(origin: InProcess, tmp_path: Path) -> None:
    said = ["[in#0 @ 0x55] [error] Error opening input: Protocol not found"]
    pretender = Pretender(tmp_path, Act(said=said, code=1))
    pushing = Pushing(pretender, "srt://:9000?mode=listener", at(origin))
    with pytest.raises(InputRefused, match=r"Protocol not found$"):
        await pushing.ends()
    assert not pushing.slept


async def test_it_is_started_again_ever_more_slowly_until_it_has_run_well(
    origin: InProcess, tmp_path: Path
) -> None:
    fails = Act(said=["[vost#0:0 @ 0x55] [error] boom"], code=1)
    runs = Act(media=FIRST_HALF, stays=True)
    pretender = Pretender(tmp_path, *[fails] * 7, runs, fails)
    pushing = Pushing(pretender, "test", at(origin))
    await until(lambda: len(pretender.starts) == 8)
    assert pushing.slept == [0.5, 1, 2, 4, 8, 15, 15]
    assert "boom; beginning again in 0.5 s\n" in pushing
    pushing.clock.advance(25)
    os.kill(pretender.starts[-1][0], signal.SIGKILL)
    await until(lambda: len(pretender.starts) == 10)
    assert "ffmpeg was ended by SIGKILL; beginning again in 0.5 s\n" in pushing
    assert pushing.slept[7:9] == [0.5, 1]
    pushing.push.kill()
    await pushing.ends()


async def test_one_that_crashes_leaves_whole_chunks_and_no_end(
    origin: InProcess, tmp_path: Path
) -> None:
    """Its player stays, and gets what the next one brings, decodable from there."""
    player = await origin.play("/play/live/v")
    await origin.until_metric("sorgente_held", 1)
    cut = Act(media=FIRST_HALF + SECOND_HALF[:50], code=-signal.SIGSEGV)
    again = Act(media=STREAM.whole, stays=True)
    pushing = Pushing(Pretender(tmp_path, cut, again), "test", at(origin))
    size = len(STREAM.init) + len(b"".join(STREAM.chunks[:10])) + len(b"".join(STREAM.chunks))
    body = await player.take(size)
    assert len(payloads(body)) == 30
    assert "ffmpeg was ended by SIGSEGV" in pushing
    pushing.push.kill()
    await pushing.ends()


async def test_a_caller_who_hangs_up_does_not_end_the_event(
    origin: InProcess, tmp_path: Path
) -> None:
    hangs_up = Act(said=description(H264, AAC), media=STREAM.whole)
    waits = Act(stays=True)
    pushing = Pushing(Pretender(tmp_path, hangs_up, waits), CALLER, at(origin))
    await until(lambda: "the caller hung up; beginning again" in pushing)
    assert "a caller: h264 320x180, aac" in pushing
    await origin.until_metric("sorgente_upload_aborts_total", 2)
    pushing.push.kill()
    await pushing.ends()


@pytest.mark.parametrize("text", ["test", CALLER])
async def test_an_input_that_is_gone_without_a_word_is_given_up(
    origin: InProcess, tmp_path: Path, text: str
) -> None:
    """The caller's machine has lost its power; ffmpeg would wait for ever."""
    speaks = Act(said=description(H264, AAC), media=FIRST_HALF, stays=True)
    pretender = Pretender(tmp_path, speaks)
    pushing = Pushing(pretender, text, at(origin))
    await origin.until_metric("sorgente_chunks_total", 20)
    await pushing.silence.last()  # something has come since it began
    assert len(pretender.starts) == 1
    await pushing.silence.last()
    await until(lambda: len(pretender.starts) == 2)
    assert "nothing has come for 20 s; beginning again in" in pushing
    await origin.until_metric("sorgente_upload_aborts_total", 2)
    pushing.push.kill()
    await pushing.ends()


async def test_a_film_whose_picture_stands_still_is_not_given_up(
    origin: InProcess, tmp_path: Path
) -> None:
    """ffmpeg reads it at its own pace, and waits for the next picture as long as the film does."""
    speaks = Act(media=FIRST_HALF, last_words=SECOND_HALF, stays=True)
    look = Act(said=description(H264, duration="00:01:00.00"))
    pretender = Pretender(tmp_path, speaks, look=look)
    pushing = Pushing(pretender, "film.mp4", at(origin))
    pushing.silence.lasts()
    await origin.until_metric("sorgente_chunks_total", 10)
    pushing.push.stop()
    await pushing.ends()
    assert "nothing has come" not in pushing
    assert len(pretender.starts) == 1


async def test_what_comes_at_once_is_sent_however_long_it_plays(
    origin: InProcess, tmp_path: Path
) -> None:
    """ffmpeg 9 hands over all the sound that lies before the next picture."""
    stream = video(400, gop=1)
    player = await origin.play("/play/live/v")
    await origin.until_metric("sorgente_held", 1)
    first, *others = stream.chunks
    act = Act(media=stream.init + first, stays=True, last_words=b"".join(others))
    pushing = Pushing(Pretender(tmp_path, act), "test", at(origin), sleep=asyncio.sleep)
    await player.take(len(act.media))
    pushing.push.stop()
    await pushing.ends()
    assert (await player.rest()).body == stream.whole


async def test_a_caller_who_has_not_called_is_waited_for(origin: InProcess, tmp_path: Path) -> None:
    """And nobody else: what is to be fetched is there or not."""
    pretender = Pretender(tmp_path, Act(stays=True))
    pushing = Pushing(pretender, CALLER, at(origin))
    await until(lambda: len(pretender.starts) == 1)
    for _ in range(5):
        await pushing.silence.last()
    assert len(pretender.starts) == 1
    pushing.push.kill()
    await pushing.ends()
    pushing = Pushing(pretender, "test", at(origin))
    await until(lambda: len(pretender.starts) == 2)
    await pushing.silence.last()
    await until(lambda: "nothing has come for 20 s; beginning again in" in pushing)
    pushing.push.kill()
    await pushing.ends()


async def test_a_caller_with_other_media_is_asked_to_call_again(
    origin: InProcess, tmp_path: Path
) -> None:
    """What cannot be copied is encoded from the second call on, and said; and without a wait that
    grows."""
    calls = Act(said=description(MPEG2, AAC), stays=True)
    pretender = Pretender(tmp_path, calls)
    pushing = Pushing(pretender, CALLER, at(origin), sleep=asyncio.sleep)
    await until(lambda: len(pretender.starts) == 2)
    first, second = (arguments for _, arguments in pretender.starts)
    assert "libx264" not in first
    assert "libx264" in second
    assert "that takes other settings: please call again" in pushing
    assert "browsers do not play mpeg2video" in pushing
    pushing.push.kill()
    await pushing.ends()


async def test_a_caller_who_says_how_long_it_will_take_is_a_caller_all_the_same(
    origin: InProcess, tmp_path: Path
) -> None:
    """When it hangs up, that is not the end: another may call."""
    duration = "00:00:10.00"
    other = Act(said=description(MPEG2, AAC, duration=duration), code=1)
    hangs_up = Act(said=description(MPEG2, AAC, duration=duration), media=STREAM.whole)
    pretender = Pretender(tmp_path, other, hangs_up, Act(stays=True))
    pushing = Pushing(pretender, CALLER, at(origin))
    await until(lambda: "the caller hung up; beginning again" in pushing)
    await origin.until_metric("sorgente_upload_aborts_total", 2)
    pushing.push.kill()
    await pushing.ends()


async def test_a_caller_without_sound_makes_a_plan_without_sound(
    origin: InProcess, tmp_path: Path
) -> None:
    """ffmpeg ends by itself then, before it says what it maps."""
    complaint = "[fatal] Stream map '0:a:0' matches no streams."
    mute = Act(said=[*description(H264)[:-1], complaint], code=1)
    pretender = Pretender(tmp_path, mute, Act(stays=True))
    pushing = Pushing(pretender, CALLER, at(origin))
    await until(lambda: len(pretender.starts) == 2)
    assert "0:a:0" in pretender.starts[0][1]
    assert "0:a:0" not in pretender.starts[1][1]
    pushing.push.kill()
    await pushing.ends()


async def test_stopped_it_ends_with_the_last_chunk_and_cleanly(
    origin: InProcess, tmp_path: Path
) -> None:
    player = await origin.play("/play/live/v")
    await origin.until_metric("sorgente_held", 1)
    act = Act(media=FIRST_HALF, stays=True, last_words=SECOND_HALF)
    pushing = Pushing(Pretender(tmp_path, act), "test", at(origin), sleep=asyncio.sleep)
    await player.take(len(FIRST_HALF))
    pushing.push.stop()
    await pushing.ends()
    got = await player.rest()
    assert (got.complete, got.body) == (True, STREAM.whole)


async def test_killed_it_is_gone_at_once_and_nothing_looks_whole(
    origin: InProcess, tmp_path: Path
) -> None:
    act = Act(media=FIRST_HALF, stays=True)
    pretender = Pretender(tmp_path, act)
    pushing = Pushing(pretender, "test", at(origin), sleep=asyncio.sleep)
    await origin.until_metric("sorgente_chunks_total", 20)
    pushing.push.stop()
    pushing.push.kill()
    await pushing.ends()
    await origin.until_metric("sorgente_upload_aborts_total", 2)
    assert not alive(pretender.starts[0][0])


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "404 Not Found"])
async def test_a_refusal_is_said_before_ffmpeg_is_started(
    serve: Serve, tmp_path: Path, status: str
) -> None:
    server = await serve(answering(response(status, "set --publish-key")))
    pretender = Pretender(tmp_path, Act())
    url = f"http://{server.target.authority}/ingest/live"
    line = rf"^the origin answers {status[:3]}: set --publish-key$"
    with pytest.raises(OriginRefused, match=line):
        await Pushing(pretender, "test", url, publish_key="geheim").ends()
    assert "Authorization: Bearer geheim" in server.heads[0]
    assert not pretender.starts


async def test_another_publisher_is_a_refusal_unless_it_is_to_be_taken_over(
    origin: InProcess, tmp_path: Path
) -> None:
    holder = await origin.publish("/ingest/live/v")
    await holder.send(FIRST_HALF)
    pretender = Pretender(tmp_path, Act(media=STREAM.whole, stays=True))
    with pytest.raises(OriginLost, match="409: live/v is published by"):
        await Pushing(pretender, "test", at(origin)).ends()
    pushing = Pushing(pretender, "test", f"{at(origin)}?takeover=1")
    assert (await holder.answer()).status == 409
    await origin.until_metric("sorgente_chunks_total", 50)
    pushing.push.kill()
    await pushing.ends()


async def test_taken_over_it_gives_in_and_takes_ffmpeg_with_it(
    origin: InProcess, tmp_path: Path
) -> None:
    pretender = Pretender(tmp_path, Act(media=FIRST_HALF, stays=True))
    pushing = Pushing(pretender, "test", f"{at(origin)}?takeover=1")
    await origin.until_metric("sorgente_chunks_total", 20)
    await origin.publish("/ingest/live/v?takeover=1")
    with pytest.raises(OriginRefused, match="409: live/v was taken over by"):
        await pushing.ends()
    assert not alive(pretender.starts[0][0])


async def test_an_origin_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    pretender = Pretender(tmp_path, Act())
    pushing = Pushing(pretender, "test", "http://127.0.0.1:1/ingest/live")
    await until(lambda: len(pushing.slept) >= 6)
    assert pushing.slept[:6] == [0.25, 0.5, 1, 2, 2, 2]
    pushing.push.stop()
    await pushing.ends()
    line = "no connection to 127.0.0.1:1: Connection refused; waiting for it\n"
    assert pushing.said.getvalue().count(line) == 1
    assert not pretender.starts


async def test_uploads_that_break_off_are_begun_again_with_the_init_segment(
    launch: Launch, tmp_path: Path
) -> None:
    """An origin that ends uploads that say nothing: ffmpeg is not started again for that."""
    origin = await launch(encoders=EncoderSettings(publisher_timeout=0.3))
    act = Act(media=FIRST_HALF, stays=True, last_words=SECOND_HALF)
    pretender = Pretender(tmp_path, act)
    pushing = Pushing(pretender, "test", at(origin), sleep=asyncio.sleep)
    await until(lambda: "the origin answers 408" in pushing)
    await origin.until_metric("sorgente_connections", 1)  # who asks
    pushing.push.stop()
    await pushing.ends()
    assert len(pretender.starts) == 1
    # The second upload begins with the key frame at 10: nothing is lost, nothing is sent twice.
    again = STREAM.init + SECOND_HALF
    assert await origin.metric("sorgente_bytes_in_total") == 2 * len(FIRST_HALF + again)
    # How much of it is one stream too depends on how far apart the tracks came.
    assert 2 * 20 <= await origin.metric("sorgente_chunks_total") <= 2 * 20 + 2 * 20


async def test_an_ffmpeg_that_cannot_encode_is_said_when_it_has_to(
    origin: InProcess, tmp_path: Path
) -> None:
    """A caller brings what cannot be copied."""
    pretender = Pretender(tmp_path, Act(said=description(MPEG2, AAC), stays=True))
    pretender.ffmpeg = replace(pretender.ffmpeg, encoders=frozenset({"aac"}))
    with pytest.raises(FfmpegMissing, match="has no libx264; `pip install"):
        await Pushing(pretender, CALLER, at(origin)).ends()
    assert not alive(pretender.starts[0][0])


async def test_what_is_no_fragmented_mp4_is_said_and_not_sent(
    origin: InProcess, tmp_path: Path
) -> None:
    pretender = Pretender(tmp_path, Act(media=b"something else entirely", stays=True), Act(code=1))
    pushing = Pushing(pretender, "test", at(origin))
    await until(lambda: len(pretender.starts) == 2)
    assert await origin.metric("sorgente_ingest_bytes_total") == 0
    pushing.push.kill()
    await pushing.ends()


async def test_key_frames_too_far_apart_are_said_once(origin: InProcess, tmp_path: Path) -> None:
    slow = video(300, gop=125)
    report = "frame=1\nout_time_us=11000000\nprogress=continue\n"
    act = Act(said=description(H264, AAC), media=slow.whole, report=report, stays=True)
    pushing = Pushing(Pretender(tmp_path, act), CALLER, at(origin))
    advice = "key frames are more than 4 s apart: players join late. "
    await until(lambda: advice in pushing)
    pushing.push.kill()
    await pushing.ends()
    assert pushing.said.getvalue().count(advice) == 1


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
