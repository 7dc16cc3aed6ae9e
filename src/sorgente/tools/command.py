"""A plan as ffmpeg's command line.

One process, one fragmented MP4 per track, each into a pipe of its own. Why each flag, and what goes
wrong without it (all measured with 5.1 and 9.0):

- ``cmaf+frag_every_frame``: a chunk for every frame. Only where a track is alone in its file:
  muxed, ffmpeg 9 writes durations of 0.
- ``frag_discont``: decode times as they are. Without it each file begins at 0, and sound that
  comes half a second late is half a second early from then on.
- ``-output_ts_offset 10``: with it, AAC's first packet, 1024 samples before 0, still has a decode
  time; it was 2⁶⁴ − 1024.
- ``skip_trailer``: nobody reads an ``mfra``, and ffmpeg keeps 24 bytes for every chunk to write it:
  160 MB a day.
- ``delay_moov``, for sound: AAC out of MPEG-TS is known only when its first packet is; the init
  segment had an empty ``esds``. Not for pictures: with B-frames it adds an edit list.
- ``-write_prft wallclock``: each chunk says when it was made. Without it nobody knows how long it
  was on its way.
- ``-write_tmcd 0``, ``-map_chapters -1``: a camera's time code, a file's chapters would be tracks.
- ``-flush_packets 1``: no chunk waits for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sorgente.tools.ffmpeg import Ffmpeg
from sorgente.tools.inputs import Input, Kind
from sorgente.tools.plan import AudioTrack, Plan, VideoTrack
from sorgente.tools.streams import Source

KEY_FRAME_SECONDS: Final = 1.0
"""Between key frames of what is encoded here: players join, and switch, within a second."""

FORCE_KEY_FRAMES: Final = (
    f"expr:isnan(prev_forced_t)+gte(t,prev_forced_t+{KEY_FRAME_SECONDS}-0.001)"
)
"""By time, so that all rungs agree whatever the frame rate; and counted from the last one. By
number (``n_forced*1``) each of the ten frames after a gap of ten seconds would be a key frame."""

KEY_FRAME_DISTANCE: Final = 600
"""Frames, ten seconds at 60 a second: never reached, so that x264 makes none of its own."""

H264: Final = [
    *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"),
    *("-g", str(KEY_FRAME_DISTANCE), "-sc_threshold", "0", "-force_key_frames", FORCE_KEY_FRAMES),
]
AAC: Final = [
    *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"),
    *("-af", "aresample=async=1"),  # gaps become silence: what is left of time does not move
]
PROGRESS: Final = ["-nostats", "-progress", "pipe:1", "-stats_period", "1"]
FRAGMENTS: Final = "cmaf+frag_every_frame+frag_discont+skip_trailer"


def push_command(
    ffmpeg: Ffmpeg,
    inputs: Sequence[Input],
    plan: Plan,
    outputs: Sequence[str],
    *,
    source: Source | None = None,
    loop: bool = False,
) -> list[str]:
    """The command that reads ``inputs`` (the second, if there is one, for its sound) and writes the
    tracks of ``plan``, in their order, to ``outputs``. ``source`` is what the first input is known
    to carry."""
    command = [*ffmpeg.program, "-nostdin", "-hide_banner", "-loglevel", "level+info", *PROGRESS]
    for index, each in enumerate(inputs):
        command += each.arguments(ffmpeg, paced=is_paced(each, source), loop=loop and index == 0)
    encoded = [track for track in plan.video if track.copied is None]
    if encoded:
        command += ["-filter_complex", _scaled(encoded)]
    for track, output in zip(plan.tracks, outputs, strict=True):
        command += _video(track) if isinstance(track, VideoTrack) else _audio(track)
        command += ["-map_chapters", "-1", "-output_ts_offset", "10", "-flush_packets", "1"]
        command += ["-write_prft", "wallclock", "-write_tmcd", "0", "-f", "mp4", output]
    return command


def encoders(plan: Plan) -> list[str]:
    """ffmpeg's names of the encoders it takes."""
    needed = ["libx264"] if any(track.copied is None for track in plan.video) else []
    return [*needed, "aac"] if plan.audio and plan.audio.copied is None else needed


def is_paced(each: Input, source: Source | None) -> bool:
    """Whether to read no faster than it is to be watched: it is there already."""
    finite = source is not None and source.duration is not None
    called = each.kind is Kind.STREAM and (finite or each.in_pieces)
    return called or each.kind in (Kind.FILE, Kind.SYNTHETIC)


def _scaled(tracks: Sequence[VideoTrack]) -> str:
    """One graph for all rungs: the picture is decoded once."""
    graph = "[0:V:0]"
    if any(track.interlaced for track in tracks):
        graph += "yadif=deint=interlaced,"
    graph += f"split={len(tracks)}" + "".join(f"[in_{track.name}]" for track in tracks)
    for track in tracks:
        # Pixels become square; 4:2:0 wants even numbers of them.
        height = "trunc(ih/2)*2" if track.height is None else str(track.height)
        scale = f"scale=w=trunc(oh*dar/2)*2:h={height},setsar=1"
        graph += f";[in_{track.name}]{scale}[{track.name}]"
    return graph


def _video(track: VideoTrack) -> list[str]:
    flags = ["-movflags", FRAGMENTS]
    if track.copied is None:
        rate = str(track.bit_rate)
        return ["-map", f"[{track.name}]", *H264, "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
                *flags]  # fmt: skip
    tag = ["-tag:v", "hvc1"] if track.copied == "hevc" else []  # Safari plays no hev1
    return ["-map", "0:V:0", "-c:v", "copy", *tag, *flags]


def _audio(track: AudioTrack) -> list[str]:
    # Out of MPEG-TS, AAC has ADTS headers; of anything else the filter lets it pass as it is.
    bare = ["-bsf:a", "aac_adtstoasc"] if track.copied in ("aac", "") else []
    coding = AAC if track.copied is None else ["-c:a", "copy", *bare]
    return ["-map", f"{track.input}:a:0", *coding, "-movflags", f"{FRAGMENTS}+delay_moov"]
