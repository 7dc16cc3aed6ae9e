"""``make soak``: an origin under a bad day, for ten minutes (``MINUTES=…``).

A real encoder that is killed and comes back, players of both kinds that join, leave, stall and
return, and others that send rubbish. Says what became of memory, of the log and of the players;
exit code 1 if the origin died, leaked a traceback, or sent a player something that is no stream.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from statistics import median
from typing import Final
from xml.etree import ElementTree

import imageio_ffmpeg
import psutil

from sorgente.errors import MediaError
from sorgente.isobmff.upload import MediaChunk, UploadParser

MINUTES: Final = float(os.environ.get("MINUTES", "10"))
HOST: Final = "127.0.0.1"
PORT: Final = int(os.environ.get("PORT", "18085"))
PLAYERS: Final = 60
WATCHING: Final = 6
"""Players of DASH: each takes a thread."""
STALLED: Final = 20
ENCODER_LIVES_SECONDS: Final = 20.0

ENCODER: Final = (
    "-v error -re -f lavfi -i testsrc2=size=640x360:rate=30 -re -f lavfi -i sine=frequency=440"
    " -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 1M -c:a aac -f mp4"
    " -movflags empty_moov+default_base_moof+frag_keyframe -frag_duration 200000"
)
RUBBISH: Final = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 200_000,
    b"POST /ingest/rubbish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /ingest/rubbish HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n\0\0\0\x08ftyp\0\0",
    b"POST /ingest/live HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nsecond publisher",
    b"GET /play/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
)


class Tally:
    """What happened to the players."""

    def __init__(self) -> None:
        self.joined = self.chunks = self.corrupt = self.rubbish = self.encoders = 0
        self.segments = 0
        self.resident: list[int] = []
        self.media: list[float] = []
        """Bytes that the origin says it keeps."""


async def main() -> int:
    """Run it all, and report."""
    tally = Tally()
    end = time.monotonic() + MINUTES * 60
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WATCHING + 1))
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "sorgente", "serve", "--host", HOST, "--port", str(PORT)]
        origin = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        await _until_it_listens()
        async with asyncio.TaskGroup() as group:
            group.create_task(_encode(end, tally))
            group.create_task(_watch_memory(origin.pid, end, tally))
            group.create_task(_send_rubbish(end, tally))
            for _ in range(PLAYERS):
                group.create_task(_play(end, tally))
            for _ in range(STALLED):
                group.create_task(_stall(end))
            for _ in range(WATCHING):
                group.create_task(asyncio.to_thread(_watch, end, tally))
        alive = origin.returncode is None
        with suppress(ProcessLookupError):
            origin.terminate()
        code = await origin.wait()
        log.seek(0)
        lines = log.read().decode()
    return _report(tally, alive and code == 0, lines)


async def _until_it_listens() -> None:
    for _ in range(100):
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, PORT)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the origin does not listen")


async def _encode(end: float, tally: Tally) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *ENCODER.split()]
    while time.monotonic() < end:
        tally.encoders += 1
        process = await asyncio.create_subprocess_exec(
            *command, f"http://{HOST}:{PORT}/ingest/live", stderr=asyncio.subprocess.DEVNULL
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(
                process.wait(), min(ENCODER_LIVES_SECONDS, end - time.monotonic())
            )
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await asyncio.sleep(random.choice([0.1, 1, 3, 12]))


async def _play(end: float, tally: Tally) -> None:
    """Watch for a while, check that it is a stream, leave, come back."""
    while time.monotonic() < end:
        stay = time.monotonic() + random.uniform(1, 60)
        reader, writer = await asyncio.open_connection(HOST, PORT)
        # HTTP/1.0: the bytes as they are, so that what is checked here is the stream alone.
        writer.write(b"GET /play/live HTTP/1.0\r\n\r\n")
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(min(stay, end) - time.monotonic()):
                head = await reader.readuntil(b"\r\n\r\n")
                tally.joined += head.startswith(b"HTTP/1.1 200")
                await _check(reader, tally)
        writer.transport.abort()


async def _check(reader: asyncio.StreamReader, tally: Tally) -> None:
    parser = UploadParser()
    ends: dict[int, int] = {}
    while data := await reader.read(65536):
        try:
            for unit in parser.feed(data):
                if not isinstance(unit, MediaChunk):
                    continue
                tally.chunks += 1
                for track in unit.fragment.tracks:
                    tally.corrupt += track.base_decode_time < ends.get(track.track_id, 0)
                    ends[track.track_id] = track.base_decode_time + track.duration
        except MediaError:
            tally.corrupt += 1
            return


async def _stall(end: float) -> None:
    """Ask, and never read."""
    while time.monotonic() < end:
        reader, writer = await asyncio.open_connection(HOST, PORT, limit=1)
        writer.write(b"GET /play/live?from=oldest HTTP/1.1\r\nHost: x\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(min(random.uniform(20, 90), max(0.0, end - time.monotonic())))
        writer.transport.abort()


def _watch(end: float, tally: Tally) -> None:
    """Follow the manifest, segment by segment, each as it grows; leave; come back."""
    while time.monotonic() < end:
        stay = min(end, time.monotonic() + random.uniform(5, 60))
        connection = HTTPConnection(HOST, PORT, timeout=10)
        # Whatever breaks off may: what is whole has to be right.
        with closing(connection), suppress(OSError, HTTPException):
            _follow(connection, stay, tally)


def _follow(connection: HTTPConnection, end: float, tally: Tally) -> None:
    seen: set[str] = set()
    while time.monotonic() < end:
        manifest = _get(connection, "manifest.mpd")
        due = [] if manifest is None else [each for each in _due(manifest) if each[1] not in seen]
        if not due:
            time.sleep(0.5)
        for init, segment in due:
            seen.add(segment)
            parts = _get(connection, init), _get(connection, segment)
            if None not in parts:
                tally.segments += 1
                tally.corrupt += not _is_segment(b"".join(map(bytes, filter(None, parts))))


def _due(manifest: bytes) -> Iterator[tuple[str, str]]:
    """Of every track of the newest period: its init segment, and the segment of now."""
    root = ElementTree.fromstring(re.sub(rb' xmlns="[^"]*"', b"", manifest))
    period = root.findall("Period")[-1]
    since = time.time() - float(period.attrib["start"].strip("PTS"))
    for track in period.findall("AdaptationSet"):
        for representation in track.findall("Representation"):
            [template] = [
                *track.findall("SegmentTemplate"),
                *representation.iter("SegmentTemplate"),
            ]
            told = template.attrib
            number = since * int(told["timescale"]) // int(told["duration"]) + int(
                told["startNumber"]
            )
            for name, value in (
                ("RepresentationID", representation.attrib["id"]),
                ("Number", int(number)),
            ):
                told = {key: text.replace(f"${name}$", str(value)) for key, text in told.items()}
            yield told["initialization"], told["media"]


def _get(connection: HTTPConnection, path: str) -> bytes | None:
    connection.request("GET", f"/live/live/{path}")
    response = connection.getresponse()
    body = response.read()
    return body if response.status == 200 else None


def _is_segment(data: bytes) -> bool:
    """Whole chunks behind an init segment, the first with a key frame; or none, of one that was
    promised and never came."""
    try:
        chunks = [unit for unit in UploadParser().feed(data) if isinstance(unit, MediaChunk)]
    except MediaError:
        return False
    return all(chunk.random_access for chunk in chunks[:1])


async def _send_rubbish(end: float, tally: Tally) -> None:
    while time.monotonic() < end:
        tally.rubbish += 1
        reader, writer = await asyncio.open_connection(HOST, PORT)
        writer.write(random.choice(RUBBISH))
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(reader.read(1000), 1)
        writer.transport.abort()
        await asyncio.sleep(0.2)


async def _watch_memory(pid: int, end: float, tally: Tally) -> None:
    process = psutil.Process(pid)
    while time.monotonic() < end:
        tally.resident.append(process.memory_info().rss)
        tally.media.append(await asyncio.to_thread(_media_kept))
        await asyncio.sleep(2)


def _media_kept() -> float:
    with closing(HTTPConnection(HOST, PORT, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return sum(map(float, re.findall(r"^sorgente_window_bytes (\S+)$", text, re.MULTILINE)))


def _report(tally: Tally, alive: bool, log: str) -> int:
    third = max(1, len(tally.resident) // 3)
    middle, last = tally.resident[third : 2 * third], tally.resident[-third:]
    print(f"{MINUTES:g} minutes, {tally.encoders} encoders, {tally.rubbish} times rubbish")
    print(
        f"{tally.joined} players got {tally.chunks} chunks, others {tally.segments} segments, "
        f"{tally.corrupt} of them wrong"
    )
    print(
        f"resident memory, median: {median(middle or last) / 1e6:.1f} MB in the middle third, "
        f"{median(last) / 1e6:.1f} MB in the last, {max(tally.resident) / 1e6:.1f} MB at most; "
        f"at first {tally.resident[0] / 1e6:.1f} MB, media {max(tally.media) / 1e6:.1f} MB at most"
    )
    levels = {level: log.count(f" {level} ") for level in ("INFO", "WARNING", "ERROR")}
    print(f"log lines: {levels}, tracebacks: {log.count('Traceback')}")
    print(f"the origin {'lived, and ended with 0' if alive else 'DIED'}")
    fine = (
        alive and not tally.corrupt and "Traceback" not in log and tally.chunks and tally.segments
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
