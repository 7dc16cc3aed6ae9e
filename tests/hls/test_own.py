"""Encoders' own playlists, made fit for encoders that begin again."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.hls.own import Put, render
from sorgente.hls.playlist import playlist

HEAD = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{}\n"
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0/index.m3u8\n"


def text(numbers: Iterable[int], end: str = "", folder: str = "") -> str:
    """As ffmpeg writes it."""
    listed = list(numbers)
    lines = [f"#EXTINF:1.000000,\n{folder}index{number}.m4s\n" for number in listed]
    init = f'#EXT-X-MAP:URI="{folder}init.mp4"\n'
    return HEAD.format(listed[0]) + init + "".join(lines) + end


def put(
    edition: int, numbers: range, kept: Iterable[int] | None = None, base: tuple[int, int] = (0, 0)
) -> Put:
    files = [f"index{number}.m4s" for number in (numbers if kept is None else kept)]
    return Put(edition, text(numbers).encode(), files, base)


def made(*puts: Put, file: str = "index.m3u8", ended: bool = False) -> list[str]:
    rendered = render(file, puts, ended=ended)
    assert rendered is not None
    return rendered.decode().splitlines()


def numbered(lines: list[str]) -> dict[int, str]:
    """Segments by media sequence number."""
    said = playlist("\n".join(lines).encode())
    return {said.first + at: entry.uri for at, entry in enumerate(said.entries)}


def test_an_encoder_that_runs() -> None:
    assert made(put(7, range(3, 5))) == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:1",
        "#EXT-X-MEDIA-SEQUENCE:3",
        '#EXT-X-MAP:URI="e7/init.mp4"',
        "#EXTINF:1.000000,",
        "e7/index3.m4s",
        "#EXTINF:1.000000,",
        "e7/index4.m4s",
    ]


def test_an_encoder_that_began_again_goes_on() -> None:
    lines = made(put(7, range(3, 5)), put(9, range(2), base=(5, 1)))
    assert numbered(lines) == {
        3: "e7/index3.m4s",
        4: "e7/index4.m4s",
        5: "e9/index0.m4s",
        6: "e9/index1.m4s",
    }
    between = lines[lines.index("e7/index4.m4s") :]
    assert between[1:4] == [
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="e9/init.mp4"',
        "#EXTINF:1.000000,",
    ]


def test_numbers_never_change_when_the_old_run_has_left() -> None:
    old, new = put(7, range(3, 5), kept=[4]), put(9, range(2), base=(5, 1))
    assert numbered(made(old, new))[5] == "e9/index0.m4s"
    alone = made(put(7, range(3, 5), kept=[]), new)
    assert numbered(alone) == {5: "e9/index0.m4s", 6: "e9/index1.m4s"}
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in alone
    later = made(old, put(9, range(1, 3), base=(5, 1)))
    assert min(numbered(later)) == 6, "there would be a gap between them"


def test_what_left_the_window_is_not_listed() -> None:
    lines = made(put(7, range(200), kept=range(150, 200)))
    assert list(numbered(lines)) == list(range(150, 200))
    assert lines[4] == '#EXT-X-MAP:URI="e7/init.mp4"', "though it stood before what is gone"


def test_discontinuities_that_left_are_counted() -> None:
    said = text(range(4)).replace("index1.m4s\n", "index1.m4s\n#EXT-X-DISCONTINUITY\n")
    kept = ["index2.m4s", "index3.m4s"]
    lines = made(Put(7, said.encode(), kept, (10, 2)))
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:2" in lines, "the one before it is still listed"
    lines = made(Put(7, said.encode(), kept[1:], (10, 2)))
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:3" in lines


def test_the_end_is_that_of_the_event() -> None:
    said = text(range(2), "#EXT-X-ENDLIST\n").replace(
        "#EXT-X-MAP", "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP"
    )
    files = ["index0.m4s", "index1.m4s"]
    live = made(Put(7, said.encode(), files))
    assert not [line for line in live if "ENDLIST" in line or "TYPE" in line]
    for each in (said, text(range(2))):
        assert made(Put(7, each.encode(), files), ended=True)[-1] == "#EXT-X-ENDLIST"


def test_nothing_is_left() -> None:
    nothing = Put(7, text(range(3)).encode(), [])
    assert render("index.m3u8", [nothing], ended=False) is None
    assert made(nothing, ended=True)[3:] == ["#EXT-X-MEDIA-SEQUENCE:3", "#EXT-X-ENDLIST"]


@pytest.mark.parametrize(
    ("file", "folder", "expected"),
    [
        ("v0/index.m3u8", "", "../e7/v0/index0.m4s"),
        ("index.m3u8", "v0/", "e7/v0/index0.m4s"),
    ],
)
def test_folders(file: str, folder: str, expected: str) -> None:
    lines = made(Put(7, text(range(1), folder=folder).encode(), ["v0/index0.m4s"]), file=file)
    assert lines[-1] == expected
    assert f'#EXT-X-MAP:URI="{expected.replace("index0.m4s", "init.mp4")}"' in lines


def test_parts_and_what_is_said_of_all_stay() -> None:
    said = text(range(1)).replace("#EXT-X-MAP", "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP")
    said += '#EXT-X-PART:DURATION=0.2,URI="index1.1.m4s",INDEPENDENT=YES\n'
    lines = made(Put(7, said.encode(), ["index0.m4s"]))
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in lines
    assert lines[-1] == '#EXT-X-PART:DURATION=0.2,URI="e7/index1.1.m4s",INDEPENDENT=YES'


@pytest.mark.parametrize(
    "said",
    [
        MASTER,
        text(range(1)).replace("index0", "http://cdn/index0"),
        text(range(1)).replace("init.mp4", "../../init.mp4"),
        text(range(1)).replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF'),
        text(range(1)).replace("index0", "index1"),
        "#EXTM3U\n",
    ],
)
def test_what_cannot_be_is_left_as_it_is(said: str) -> None:
    assert render("index.m3u8", [Put(7, said.encode(), ["index0.m4s"])], ended=False) is None


LINES = st.lists(
    st.sampled_from(
        [
            "#EXTINF:1,", "index0.m4s", "index1.m4s", "x y", "#EXT-X-DISCONTINUITY", "#EXT-X-MAP:",
            '#EXT-X-MAP:URI="init.mp4"', "#EXT-X-MEDIA-SEQUENCE:99999999999999999999", "#",
            "#EXT-X-DISCONTINUITY-SEQUENCE:-1", "#EXT-X-ENDLIST", '#EXT-X-PART:URI="',
            "#EXT-X-VERSION:x", "#EXT-X-MEDIA-SEQUENCE:4", "\x85", "",
        ]
    ),
    max_size=20,
)  # fmt: skip


@given(LINES, LINES, st.booleans())
def test_whatever_it_says_it_is_a_playlist_or_nothing(
    old: list[str], new: list[str], ended: bool
) -> None:
    files = ["index0.m4s", "index1.m4s"]
    puts = [
        Put(edition, "\n".join(["#EXTM3U", *lines]).encode(), files)
        for edition, lines in ((7, old), (8, new))
    ]
    rendered = render("index.m3u8", puts, ended=ended)
    if rendered is not None:
        assert rendered.startswith(b"#EXTM3U\n")
        uris = [line for line in rendered.splitlines() if line and not line.startswith(b"#")]
        assert all(uri.startswith((b"e7/", b"e8/")) for uri in uris)
