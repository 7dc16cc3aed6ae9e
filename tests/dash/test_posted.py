"""Manifests of encoders."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.dash.posted import MAX_REPRESENTATIONS, read_manifest
from sorgente.errors import BadRequest
from sorgente.media.addresses import Posted
from tests.support.corpus import corpus_file

MPD = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period id="1" start="PT0S">
  <AdaptationSet id="v" contentType="video"><SegmentTemplate media="$RepresentationID$/$Number$"/>
    <Representation id="v1" bandwidth="1"/><Representation id="v2" bandwidth="2"/></AdaptationSet>
  <AdaptationSet contentType="audio"><Representation id="a1" bandwidth="3"/></AdaptationSet>
</Period></MPD>"""

BOMB = """<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<MPD>&c;</MPD>"""

EXTERNAL = """<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<MPD><Period>&x;</Period></MPD>"""


def switching_sets(manifest: bytes) -> dict[str, str]:
    return {track.name: track.switching_set for track in read_manifest(manifest).tracks}


def test_an_adaptation_set_is_a_switching_set() -> None:
    assert switching_sets(MPD.encode()) == {"v1": "v", "v2": "v", "a1": "2"}


def test_prefixes_mean_nothing() -> None:
    text = MPD.replace("<", "<d:").replace("<d:/", "</d:").replace("<d:?", "<?")
    text = text.replace("xmlns=", "xmlns:d=")
    assert switching_sets(text.encode()) == {"v1": "v", "v2": "v", "a1": "2"}


def test_a_manifest_of_another_server() -> None:
    assert len(switching_sets(corpus_file("examples/low-latency.mpd"))) > 1


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "#EXTM3U\n",
        MPD[:-10],
        MPD + "<MPD/>",
        "<html/>",
        BOMB,
        EXTERNAL,
        "<MPD>" + "<a>" * 40 + "</a>" * 40 + "</MPD>",
        "<MPD>&undefined;</MPD>",
        "<MPD>"
        + "".join(f'<Representation id="{n}"/>' for n in range(MAX_REPRESENTATIONS + 1))
        + "</MPD>",
    ],
    ids=["empty", "HLS", "cut", "two", "HTML", "bomb", "external", "deep", "entity", "long"],
)
def test_what_is_refused(manifest: str) -> None:
    with pytest.raises(BadRequest):
        read_manifest(manifest.encode())


@given(st.binary(max_size=200), st.integers(0, len(MPD)), st.integers(0, 20))
def test_nothing_but_a_refusal_comes_of_rubbish(noise: bytes, at: int, length: int) -> None:
    data = MPD.encode()
    with suppress(BadRequest):
        read_manifest(data[:at] + noise + data[at + length :])


def announced(template: str, representation: str = "", kind: str = "") -> Posted:
    return read_manifest(
        f"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"{kind}><Period><AdaptationSet>
        <SegmentTemplate {template}/><Representation id="v" bandwidth="800">{representation}
        </Representation></AdaptationSet></Period></MPD>""".encode()
    )


@pytest.mark.parametrize(
    ("template", "init", "media"),
    [
        (
            'initialization="i-$RepresentationID$.m4s" media="$RepresentationID$-$Number%05d$.m4s"',
            "i-v.m4s",
            ("v-", ".m4s"),
        ),
        ('initialization="i" media="$Bandwidth$-$Time$"', "i", ("800-", "")),
        ('initialization="i" media="$Bandwidth%05d$-$Time$"', "i", ("00800-", "")),
        ('initialization="i$$" media="$Number$"', "i$", ("", "")),
        ('initialization="i" media="one"', "i", None),
        ('initialization="i" media="$Number$-$Time$"', "i", None),
        ('initialization="i$Number$" media="a$Number$"', "", ("a", "")),
        ('media="a$Number$"', "", ("a", "")),
        ("", "", None),
    ],
)  # fmt: skip
def test_templates(template: str, init: str, media: tuple[str, str] | None) -> None:
    (track,) = announced(template).tracks
    assert (track.name, track.init, track.media) == ("v", init, media)


def test_a_template_is_that_of_all_around_it() -> None:
    inner = '<SegmentTemplate media="b$Number$"/>'
    (track,) = announced('initialization="i" media="a$Number$"', inner).tracks
    assert (track.init, track.media) == ("i", ("b", ""))


def test_the_end_is_said_with_a_word() -> None:
    assert announced("", kind=' type="static"').ended
    assert not announced("", kind=' type="dynamic"').ended
    assert not announced("").ended, "a manifest that is sent before all media may say nothing"


def test_a_template_that_is_no_name_is_refused() -> None:
    with pytest.raises(BadRequest, match="characters"):
        announced(f'media="{"$Number$" * 1000}"')
