"""Which track an object is of, by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.media.addresses import MAX_NAMES, UNNAMED, Addresses, Announced, family_of

FILES = {
    "ffmpeg -f dash": ("init-stream0.m4s", "chunk-stream0-00042.m4s", "stream0"),
    "ffmpeg -f hls": ("init.mp4", "index7.m4s", UNNAMED),
    "GPAC": ("live_dash_track1_init.mp4", "live_dash_track1_17.m4s", "live_dash_track1"),
    "Shaka Packager": ("audio_en_init.mp4", "audio_en_3.m4s", "audio_en"),
    "numbers alone": ("header-1.mp4", "seg-1-00001.m4s", "1"),
    "close by": ("init0.mp4", "seg0_001.m4s", "0"),
    "time stamps": ("v.init.mp4", "v.1794300000123.m4s", "v"),
    "one address for all": ("video.cmfv", "video.cmfv", "video"),
    "the same, with a number": ("v1.mp4", "v1.mp4", "v1"),
    "no number": ("init-v.mp4", "v-segment.m4s", "v"),
}


def known(*inits: str) -> Addresses:
    addresses = Addresses()
    for file in inits:
        addresses.note_init(file, addresses.of_init(file))
    return addresses


@pytest.mark.parametrize("name", FILES)
def test_names_of_encoders(name: str) -> None:
    init, media, track = FILES[name]
    addresses = known("init-other.mp4", init)
    if track != UNNAMED:
        addresses.note_init("init.mp4", UNNAMED)
    assert addresses.of_init(init) == track
    if track == UNNAMED:
        assert addresses.of_media(media) is None, "it may be of the other one"
        addresses.of_media("other-1.m4s")
    assert addresses.of_media(media) == track
    assert addresses.of_media(media) == track, "and stays so"


def test_media_before_their_init_segment_are_nobodys() -> None:
    addresses = Addresses()
    assert addresses.of_media("chunk-stream0-00001.m4s") is None
    addresses.note_init("init-stream0.m4s", "stream0")
    assert addresses.of_media("chunk-stream0-00001.m4s") == "stream0"


def test_what_is_alone_is_a_guess_that_an_init_segment_on_its_way_corrects() -> None:
    """ffmpeg puts both on connections of their own: which comes first is chance."""
    addresses = known("1-header.mp4")
    assert addresses.of_media("v8000.0.1.m4s", guess=False) is None
    assert addresses.of_media("v8000.0.1.m4s") == "1", "there is no other"
    addresses.note_init("0-header.mp4", "0")
    assert addresses.of_media("v8000.0.2.m4s", guess=False) == "0"
    assert addresses.of_media("v6400.1.1.m4s", guess=False) == "1"


def test_a_guess_stands_where_names_say_nothing() -> None:
    addresses = known("a-init.mp4")
    assert addresses.of_media("x-1.m4s") == "a"
    addresses.note_init("b-init.mp4", "b")
    assert addresses.of_media("y-1.m4s") == "b"
    assert addresses.of_media("x-2.m4s", guess=False) == "a"


def test_a_manifest_says_whose_names_are_that_say_nothing() -> None:
    addresses = known("a-init.mp4", "b-init.mp4")
    assert addresses.of_media("x-1.m4s") is None
    assert addresses.of_media("v10-1.m4s") is None
    announced = [
        Announced("1", "s", "a-init.mp4", ("x-", ".m4s")),
        Announced("2", "s", "b-init.mp4", ("v", "-1.m4s")),
        Announced("3", "s", "c-init.mp4", ("y-", ".m4s")),
    ]
    sets = addresses.announce("live.mpd", announced)
    assert sets == dict.fromkeys(("1", "2", "3", "a", "b", "c"), "s")
    assert addresses.of_media("x-1.m4s") == "a"
    assert addresses.of_media("v10-1.m4s") == "b"
    assert addresses.of_media("y-1.m4s") is None, "its init segment has not come"
    assert addresses.of_media("x-.m4s") is None
    assert addresses.of_media("x-1.mp4") is None


def test_tracks_in_folders_are_called_like_them() -> None:
    addresses = Addresses()
    announced = Announced("1080p", "v", "v1080/init.mp4", ("v1080/", ".m4s"))
    assert addresses.announce("live.mpd", [announced]) == {"1080p": "v", "v1080": "v"}
    playlist = Announced(init="init.mp4", media=("seg", ".m4s"))
    assert addresses.track_of(playlist, "v0") == "v0"
    assert addresses.track_of(Announced(init="a/b/init.mp4")) == ""
    assert addresses.track_of(Announced(init="../init.mp4"), "v0") == ""


def test_two_init_segments_are_two_tracks() -> None:
    assert known("init-v.mp4").of_init("v-init.mp4") == "v-init"


@pytest.mark.parametrize(
    ("file", "family"),
    [("a-00042.m4s", ("a-", ".m4s")), ("a1b22.x", ("a1b", ".x")), ("init.mp4", ("init.mp4", ""))],
)
def test_families(file: str, family: tuple[str, str]) -> None:
    assert family_of(file) == family


@given(st.lists(st.text("aci-t.0179", min_size=1, max_size=6), min_size=MAX_NAMES, max_size=600))
def test_there_is_no_end_of_names_and_little_is_kept(files: list[str]) -> None:
    addresses = Addresses()
    for number, file in enumerate(files):
        addresses.note_init(f"{number}{file}", addresses.of_init(f"{number}{file}"))
        addresses.of_media(file)
        addresses.announce(f"{file}.mpd", [Announced("x", "x", file, (file, ""))])
    kept = vars(addresses).values()
    assert all(len(each) <= MAX_NAMES for each in kept)
