"""Which tracks a source becomes, and whether each is copied or encoded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sorgente.tools.ladder import Rung, fitting, usual_rate
from sorgente.tools.streams import Audio, Source, Video

COPIED_VIDEO: Final = {
    "h264": frozenset({"yuv420p", "yuvj420p"}),
    "hevc": frozenset({"yuv420p", "yuvj420p", "yuv420p10le"}),
    "av1": frozenset({"yuv420p", "yuv420p10le"}),
}
"""What browsers decode: codecs, and the pixels in them."""
RAW: Final = ("rawvideo", "wrapped_avframe")
"""Nobody expects these to be copied."""
COPIED_AUDIO: Final = frozenset({"aac", "opus"})

MAX_KEY_FRAME_SECONDS: Final = 4.0
"""Segments begin at key frames, and so do players: further apart, joining takes longer than a
player's patience (a stall, to Shaka, is 5 s)."""

GUESSED_HEIGHT: Final = 1080
"""For the bit rate of a picture whose size is not known yet."""

PICTURE: Final = "v"
SOUND: Final = "a"


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A picture on its way to the origin."""

    name: str
    copied: str | None = None
    """Its codec when it is copied, "" when that will be seen; None: encoded to H.264."""
    height: int | None = None
    """Lines to scale to; None: as many as it has."""
    bit_rate: int = 0
    """Bits per second, when it is encoded."""
    interlaced: bool = False
    """To be made progressive."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """Sound on its way to the origin."""

    name: str = SOUND
    copied: str | None = None
    """Its codec when it is copied, "" when that will be seen; None: encoded to AAC."""
    input: int = 0
    """Which of ffmpeg's inputs it comes from."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The tracks to send."""

    video: tuple[VideoTrack, ...]
    audio: AudioTrack | None
    notes: tuple[str, ...] = ()
    """Lines for the person who runs it: what was decided that they may not expect."""

    @property
    def tracks(self) -> tuple[VideoTrack | AudioTrack, ...]:
        """All of them, in the order of ffmpeg's outputs."""
        return self.video if self.audio is None else (*self.video, self.audio)

    @property
    def shown(self) -> str:
        """In a few words."""
        return ", ".join(
            f"{track.name} {'encoded' if track.copied is None else track.copied or 'copied'}"
            for track in self.tracks
        )

    def does_for(self, better: Plan) -> bool:
        """Whether to go on with this plan, now that ``better`` would be made: same tracks, and
        none is copied that should not be."""
        return _form(self) == _form(better)


def make_plan(
    source: Source | None,
    *,
    ladder: Sequence[Rung] = (),
    encode: bool = False,
    sound: Audio | None = None,
) -> Plan:
    """The plan for ``source``; ``None`` is a caller of whom nothing is known yet, and who is taken
    for H.264 with AAC, as nearly all are.

    ``ladder`` and ``encode`` forbid to copy the picture. ``sound`` is that of a second input.
    """
    notes: list[str] = []
    if source is None:
        video: Video | None = Video("")
        audio: Audio | None = Audio("")
    else:
        video, audio = source.video, source.audio
    tracks = () if video is None else _video(video, ladder, encode, notes)
    return Plan(tracks, _audio(audio, sound, encode, notes), tuple(notes))


def _video(
    video: Video, ladder: Sequence[Rung], encode: bool, notes: list[str]
) -> tuple[VideoTrack, ...]:
    why = _why_not_copied(video)
    if not ladder:
        if not encode and why is None:
            return (VideoTrack(PICTURE, copied=video.codec),)
        if why is not None and not encode and video.codec not in RAW:
            notes.append(f"the picture is encoded anew: {why}")
        rate = usual_rate(video.height or GUESSED_HEIGHT)
        return (VideoTrack(PICTURE, bit_rate=rate, interlaced=video.interlaced),)
    kept, dropped = (tuple(ladder), ()) if not video.height else fitting(ladder, video.height)
    if dropped:
        heights = ", ".join(f"{rung.height}p" for rung in dropped)
        notes.append(f"left out: {heights}; the source has {video.height} lines, no more")
    return tuple(
        VideoTrack(rung.name, None, rung.height, rung.bit_rate, video.interlaced) for rung in kept
    )


def _audio(
    audio: Audio | None, sound: Audio | None, encode: bool, notes: list[str]
) -> AudioTrack | None:
    """``sound`` stands in for ``audio``."""
    chosen = audio if sound is None else sound
    if chosen is None:
        return None
    copied = not encode and (not chosen.codec or chosen.codec in COPIED_AUDIO)
    if not copied and not encode and not chosen.codec.startswith("pcm_"):
        notes.append(f"the sound is encoded anew: browsers do not play {chosen.codec}")
    return AudioTrack(copied=chosen.codec if copied else None, input=0 if sound is None else 1)


def _why_not_copied(video: Video) -> str | None:
    if not video.codec:
        return None
    formats = COPIED_VIDEO.get(video.codec)
    apart = video.key_frame_seconds
    if formats is None:
        return f"browsers do not play {video.codec}"
    if video.pixel_format not in formats:
        return f"browsers do not play {video.codec} in {video.pixel_format or 'that pixel format'}"
    if video.interlaced:
        return "it is interlaced"
    if video.turned:
        return "it is to be turned"
    if apart is not None and apart > MAX_KEY_FRAME_SECONDS:
        return (
            f"its key frames are {apart:.1f} s apart, and {MAX_KEY_FRAME_SECONDS:g} s is the most"
        )
    return None


def _form(plan: Plan) -> list[tuple[str, bool]]:
    return [(track.name, track.copied is not None) for track in plan.tracks]
