"""Which track an object is of, by the name the encoder gave it (DASH-IF Ingest §7).

An encoder of DASH or HLS puts files: manifests, init segments, segments. They come in any order, on
any connection, and the names are its own. A track is called after its init segment, as that is what
a track is; whose the segments are follows, in this order, from

1. the name of the init segment itself: all objects of a track at one address;
2. a manifest: ``SegmentTemplate``, or ``EXT-X-MAP`` and the names behind it;
3. what was found before for names that differ in their last number only: a *family*;
4. what the names have in common: ``init-stream0.m4s`` and ``chunk-stream0-00042.m4s``;
5. being alone: the one init segment that no family belongs to yet. That is a guess, and none to be
   made before it has to: the init segment may be on its way, behind that of another track.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

UNNAMED: Final = "main"
"""A track whose init segment is called ``init.mp4``, and nothing besides."""

GENERIC: Final = frozenset(
    ("init", "header", "chunk", "chunks", "seg", "segment", "segments", "fragment", "media")
)
"""Words that tell one kind of object from another, not one track from another."""

MAX_NAMES: Final = 256
"""Init segments, families, and manifests that are remembered of a channel: several times as many as
it may have tracks. The oldest are forgotten."""

_WORDS: Final = re.compile(r"([^A-Za-z]+)")
_LAST_NUMBER: Final = re.compile(r"[0-9]+(?=[^0-9]*$)", re.ASCII)

Family = tuple[str, str]
"""What stands before the number of a segment, and behind it."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A track as a manifest of the encoder announces it; empty is what it does not say."""

    name: str = ""
    """``Representation@id``."""
    switching_set: str = ""
    init: str = ""
    """Path of the init segment, relative to the manifest."""
    media: Family | None = None
    """The same of the segments."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a media playlist of HLS counts, in its encoder's numbers (RFC 8216 §4.3.3)."""

    first: int
    """Media sequence number of the oldest segment in it."""
    end: int
    """That of the next one."""
    first_break: int = 0
    """Discontinuity sequence number of the oldest segment in it."""
    end_break: int = 0
    """That of the newest."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a manifest or playlist of the encoder says."""

    tracks: tuple[Announced, ...] = ()
    ended: bool = False
    """Nothing more comes: ``MPD@type="static"``, ``EXT-X-ENDLIST``."""
    starts_at: Fraction | None = None
    """UTC seconds: ``MPD@availabilityStartTime``."""
    listed: Listed | None = None
    """Of a playlist that lists segments."""


class Addresses:
    """What is known of the names in a channel. A file is at the top, or in a folder that is its
    track's own: then the folder is the track's name, and nothing has to be found out."""

    def __init__(self) -> None:
        self._inits: dict[str, str] = {}
        """Track, by the file name of its init segment."""
        self._families: dict[Family, str] = {}
        self._announced: dict[str, tuple[tuple[Family, str], ...]] = {}
        """Families and the init segments they belong to, by the manifest that says so."""

    def announce(self, manifest: str, tracks: Iterable[Announced]) -> dict[str, str]:
        """Remember what the manifest at path ``manifest`` says; return the switching set of each
        track of which it says one."""
        folder = manifest.rpartition("/")[0]
        families: list[tuple[Family, str]] = []
        sets: dict[str, str] = {}
        for announced in tracks:
            if announced.name and announced.switching_set:
                sets[announced.name] = announced.switching_set
            track = self.track_of(announced, folder)
            if track and announced.switching_set:
                sets[track] = announced.switching_set
            if announced.media is not None and not folder:
                families.append((announced.media, announced.init))
        if not folder:
            _remember(self._announced, manifest, tuple(families))
        return sets

    def track_of(self, announced: Announced, folder: str = "") -> str:
        """What an announced track is called here; empty if that cannot be told."""
        path = "/".join(filter(None, (folder, announced.init)))
        first, *rest = path.split("/")
        if not announced.init or len(rest) > 1:
            return ""
        return first if rest else self.of_init(first)

    def of_init(self, file: str) -> str:
        """What the track of an init segment is called."""
        return self._inits.get(file) or self._call(file)

    def note_init(self, file: str, track: str) -> None:
        """The init segment of a track is coming in."""
        if file not in self._inits:
            for family in [each for each in self._families if _names(each, track)]:
                del self._families[family]  # given to another for want of this one
        _remember(self._inits, file, track)

    def of_media(self, file: str, *, guess: bool = True) -> str | None:
        """The track of a segment; None if that cannot be told (yet)."""
        if file in self._inits:
            return self._inits[file]
        for families in self._announced.values():
            for (before, behind), init in families:
                if between(before, file, behind).isdecimal() and init in self._inits:
                    return self._inits[init]
        family = family_of(file)
        if family not in self._families:
            track = self._find(family, guess=guess)
            if track is None:
                return None
            _remember(self._families, family, track)
        return self._families[family]

    def knows(self, file: str) -> bool:
        """Whether an object of this name can have been put."""
        return self.of_media(file) is not None or file in self._announced

    def _find(self, family: Family, *, guess: bool) -> str | None:
        tracks = dict.fromkeys(self._inits.values())
        said = _said(_stem("".join(family)))
        if said in tracks:
            return said
        named = [track for track in tracks if _names(family, track)]
        if len(named) == 1:
            return named[0]
        if not guess:
            return None
        alone = [track for track in tracks if track not in self._families.values()]
        return alone[0] if len(alone) == 1 else None

    def _call(self, file: str) -> str:
        stem = _stem(file)
        track = _said(stem) or UNNAMED
        return stem if track in self._inits.values() else track


def _said(stem: str) -> str:
    """What a name says beside what kind of object it is of."""
    words = _WORDS.split(stem)
    return "".join("" if word.lower() in GENERIC else word for word in words).strip("-_.")


def _names(family: Family, track: str) -> bool:
    """Whether the name of a track is one of the words of a segment's."""
    return track in re.split("[-_.]", _stem("".join(family)))


def _stem(file: str) -> str:
    return file.rpartition(".")[0] or file


def family_of(file: str) -> Family:
    """A name without its last number."""
    number = _LAST_NUMBER.search(_stem(file))
    return (file, "") if number is None else (file[: number.start()], file[number.end() :])


def between(before: str, file: str, behind: str) -> str:
    """What stands in a name between what is before and what is behind; empty if it is another."""
    fits = file.startswith(before) and file.endswith(behind)
    return file[len(before) : len(file) - len(behind)] if fits else ""


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > MAX_NAMES:
        del known[next(iter(known))]
