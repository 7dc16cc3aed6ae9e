"""More ways for ffmpeg to publish the picture with the clock: several bit rates, B-frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.e2e.players.encoder import (
    A_FIFTH_A_CHUNK,
    A_FRAME_A_CHUNK,
    AAC,
    H264,
    PICTURE,
    SOUND,
)
from tests.e2e.programs import ffmpeg
from tests.support.picture import HEIGHT, RATE, WIDTH

Line = Callable[[str], list[str]]
"""The command that publishes to an address, that of a channel."""


class Rung(NamedTuple):
    """One bit rate of a ladder. The blocks of the clock stay blocks: no side but a multiple."""

    name: str
    width: int
    height: int
    kilobits: int
    """Per second, filled up with filler data: a black and white picture needs next to nothing."""


LADDER: Final = (
    Rung("v360", WIDTH * 2, HEIGHT * 2, 1200),
    Rung("v180", WIDTH, HEIGHT, 800),
    Rung("v90", WIDTH // 2, HEIGHT // 2, 530),
)
"""Steps of 3/2. dash.js takes the rate of a stream that comes as it is made, a chunk in one piece,
for twice what it is (``calculateThroughputByMoofMdatTimes`` counts two chunks a gap), and leaves a
tenth to spare: over steps of 1.8 it does not climb, however fast the network is, and near that it
takes long."""

A_FIFTH_A_CHUNK_OF_A_TRACK: Final = [
    *("-f", "mp4", "-movflags", "cmaf+frag_keyframe", "-frag_duration", "200000"),
    *("-method", "PUT"),
]
B_FRAMES: Final = [
    *("-c:v", "libx264", "-preset", "ultrafast", "-g", str(RATE), "-pix_fmt", "yuv420p"),
    # Threads that work on a frame each would hold back as many.
    *("-bf", "2", "-x264-params", "b-adapt=0:sync-lookahead=0:rc-lookahead=0:sliced-threads=1"),
]


OPUS: Final = ["-c:a", "libopus", "-application", "lowdelay", "-frame_duration", "20"]
AV1: Final = [
    *("-c:v", "libsvtav1", "-preset", "12", "-crf", "20", "-g", str(RATE)),
    *("-pix_fmt", "yuv420p"),
    # pred-struct=1: no picture waits for a later one.
    *("-svtav1-params", "pred-struct=1:lookahead=0"),
]
VP9: Final = [
    *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", str(RATE)),
    *("-lag-in-frames", "0", "-pix_fmt", "yuv420p"),
]


def ladder(chunks: list[str], ingest: str) -> list[str]:
    """Three bit rates of one picture and the sound, an upload each, from one encoder."""
    names = [rung.name for rung in LADDER]
    graph = [f"[0:v]split={len(names)}{''.join(f'[{name}]' for name in names)}"]
    outputs: list[str] = []
    for name, width, height, kilobits in LADDER:
        graph.append(f"[{name}]scale={width}:{height}:flags=neighbor[{name}s]")
        outputs += ["-map", f"[{name}s]", *H264, "-sc_threshold", "0"]
        outputs += ["-b:v", f"{kilobits}k", "-maxrate", f"{kilobits}k"]
        outputs += ["-bufsize", f"{kilobits // 5}k", "-x264-params", "nal-hrd=cbr:filler=1"]
        outputs += [*chunks, f"{ingest}/{name}"]
    sound = ["-map", "1:a", *AAC, *chunks, f"{ingest}/a"]
    return ffmpeg(*PICTURE, *SOUND, "-filter_complex", ";".join(graph), *outputs, *sound)


def rung_of_frames(rung: Rung, ingest: str) -> list[str]:
    """One bit rate of the ladder, from an encoder of its own; a chunk for every frame."""
    name, width, height, kilobits = rung
    picture = ["-vf", f"scale={width}:{height}:flags=neighbor", *H264, "-sc_threshold", "0"]
    rate = ["-b:v", f"{kilobits}k", "-maxrate", f"{kilobits}k", "-bufsize", f"{kilobits // 5}k"]
    filler = ["-x264-params", "nal-hrd=cbr:filler=1"]
    return ffmpeg(*PICTURE, *picture, *rate, *filler, *A_FRAME_A_CHUNK, f"{ingest}/{name}")


def ladder_of_frames(ingest: str) -> list[str]:
    """A chunk for every frame."""
    return ladder(A_FRAME_A_CHUNK, ingest)


def ladder_of_fifths(ingest: str) -> list[str]:
    """Chunks of 200 ms."""
    return ladder(A_FIFTH_A_CHUNK_OF_A_TRACK, ingest)


def groups(ingest: str) -> list[str]:
    """What most lines on the web make: one stream, a chunk for every group of pictures, of 2 s."""
    picture = ["-map", "0:v", "-map", "1:a", *H264, "-g", str(2 * RATE), *AAC]
    chunks = ["-f", "mp4", "-movflags", "empty_moov+default_base_moof+frag_keyframe"]
    return ffmpeg(*PICTURE, *SOUND, *picture, *chunks, ingest)


def b_frames(ingest: str) -> list[str]:
    """Two B-frames between others, a chunk for every frame, the edit list in the ``moov``."""
    chunks = ["-f", "mp4", "-movflags", "cmaf+delay_moov+frag_every_frame", "-method", "PUT"]
    picture = ["-map", "0:v", *B_FRAMES, *chunks, f"{ingest}/v"]
    sound = ["-map", "1:a", *AAC, *chunks, f"{ingest}/a"]
    return ffmpeg(*PICTURE, *SOUND, *picture, *sound)


def b_frames_muxed(ingest: str) -> list[str]:
    """Two B-frames between others, one stream, chunks of 200 ms."""
    maps = ["-map", "0:v", "-map", "1:a"]
    return ffmpeg(*PICTURE, *SOUND, *maps, *B_FRAMES, *AAC, *A_FIFTH_A_CHUNK, ingest)


def av1_and_opus(ingest: str) -> list[str]:
    """What royalties are not asked for."""
    return _by_track(AV1, OPUS, ingest)


def vp9_and_opus(ingest: str) -> list[str]:
    """The same, as it was before AV1."""
    return _by_track(VP9, OPUS, ingest)


def looks_ahead(ingest: str) -> list[str]:
    """An encoder that keeps some 0.4 s of pictures for itself, and says of each chunk when the
    camera took it (``prft``)."""
    taken = ["-use_wallclock_as_timestamps", "1", *PICTURE, "-copyts", "-fps_mode", "passthrough"]
    kept = f"rc-lookahead={RATE * 2 // 5}:sync-lookahead=0:sliced-threads=1"
    encoded = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(RATE)]
    said = ["-x264-params", kept, "-pix_fmt", "yuv420p", "-write_prft", "pts"]
    return ffmpeg(*taken, *encoded, *said, *A_FRAME_A_CHUNK, f"{ingest}/v")


def _by_track(video: list[str], audio: list[str], ingest: str) -> list[str]:
    picture = ["-map", "0:v", *video, *A_FRAME_A_CHUNK, f"{ingest}/v"]
    sound = ["-map", "1:a", *audio, *A_FRAME_A_CHUNK, f"{ingest}/a"]
    return ffmpeg(*PICTURE, *SOUND, *picture, *sound)
