"""A patch, applied by somebody else to the old MPD, gives the new one."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.dash.manifest import render
from sorgente.dash.patch import offers_patch, render_patch, render_standstill
from sorgente.media.snapshot import PresentationSnapshot, SegmentEntry
from tests.dash.reader import NAMESPACE
from tests.dash.schemas import complaints
from tests.dash.snapshots import IRREGULAR, MATRIX, audio, listed, period, presentation, video

PATCH = "{urn:mpeg:dash:schema:mpd-patch:2020}"
STEP = re.compile(r"/(?:@(?P<attribute>\w+)|(?P<name>\w+)(?P<condition>\[[^]]+\])?)")
CONDITION = re.compile(r"\[(?:@id='[^'/]+'|[1-9]\d*)\]")


def apply(mpd: bytes, patch: bytes) -> ET.Element:
    """RFC 5261, as far as DASH needs it, read without knowing how the patch was made."""
    root = ET.fromstring(mpd)
    instructions = ET.fromstring(patch)
    assert instructions.attrib["mpdId"] == root.attrib["id"]
    assert instructions.attrib["originalPublishTime"] == root.attrib["publishTime"]
    for operation in instructions:
        _perform(root, operation)
    assert root.attrib["publishTime"] == instructions.attrib["publishTime"]
    return root


def _perform(root: ET.Element, operation: ET.Element) -> None:
    steps = list(STEP.finditer(operation.attrib["sel"]))
    assert "".join(step.group() for step in steps) == operation.attrib["sel"]
    assert steps[0].group() == "/MPD"
    parent, node = root, root
    for step in steps[1:]:
        if attribute := step["attribute"]:
            assert operation.tag == PATCH + "replace"
            assert attribute in node.attrib
            node.attrib[attribute] = operation.text or ""
            return
        condition = step["condition"] or ""
        assert not condition or CONDITION.fullmatch(condition)
        parent = node
        found = node.findall(f"{{{NAMESPACE}}}{step['name']}{condition}")
        assert len(found) == 1, "a selector must find exactly one node"
        node = found[0]
    place = list(parent).index(node)
    content = [_in_mpd(child) for child in operation]
    match operation.tag.removeprefix(PATCH):
        case "add":
            node.extend(content)
        case "remove":
            parent.remove(node)
        case "replace":
            (parent[place],) = content


def _in_mpd(node: ET.Element) -> ET.Element:
    """Players take elements of a patch by their local names."""
    made = ET.Element(node.tag.replace(PATCH, f"{{{NAMESPACE}}}"), node.attrib)
    made.text = node.text
    made.extend(_in_mpd(child) for child in node)
    return made


def canonical(root: ET.Element) -> str:
    return ET.canonicalize(ET.tostring(root), strip_text=True)


def patched(old: PresentationSnapshot, new: PresentationSnapshot) -> None:
    patch = render_patch(old, new)
    assert patch is not None
    assert canonical(apply(render(old), patch)) == canonical(ET.fromstring(render(new)))
    assert complaints("DASH-MPD-PATCH.xsd", patch) == ""


def later(snapshot: PresentationSnapshot, **changes: object) -> PresentationSnapshot:
    return replace(
        snapshot,
        revision=snapshot.revision + 1,
        changed_at=snapshot.changed_at + 2,
        **changes,  # type: ignore[arg-type]
    )


def window(durations: list[int], start: int, end: int, time: int) -> tuple[SegmentEntry, ...]:
    """Segments ``start`` to ``end`` of a track that has all of these."""
    return tuple(
        SegmentEntry(number=100 + n, time=time + sum(durations[:n]), duration=durations[n])
        for n in range(start, end)
    )


@given(
    st.lists(st.sampled_from([12800, 25600, 25601]), min_size=4, max_size=16),
    st.data(),
)
def test_a_window_that_moves(durations: list[int], data: st.DataObject) -> None:
    count = len(durations)
    old_start = data.draw(st.integers(0, count - 2), label="old start")
    old_end = data.draw(st.integers(old_start + 1, count - 1), label="old end")
    new_start = data.draw(st.integers(old_start, count - 2), label="new start")
    new_end = data.draw(st.integers(max(old_end, new_start + 1), count), label="new end")

    def made(start: int, end: int) -> PresentationSnapshot:
        tracks = (
            # The longest segment ever is in the nominal one, or the offset would change.
            video(segments=window(durations, start, end, 0), segment_duration=30000),
            audio(segments=window(durations, start, end, 512), segment_duration=30000,
                  timescale=12800),
        )  # fmt: skip
        return presentation(period(*tracks), window=Fraction(60))

    patched(made(old_start, old_end), later(made(new_start, new_end)))


def test_one_segment_more_reads_like_this() -> None:
    track = listed(video(), [25600, 25600])
    old = presentation(period(track))
    new = later(old, periods=(period(listed(video(), [25600, 25600, 25600])),))
    patch = render_patch(old, new)
    assert patch is not None
    assert patch.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020" mpdId="live"'
        ' originalPublishTime="2026-11-22T12:00:00.250Z"'
        ' publishTime="2026-11-22T12:00:02.250Z">\n'
        '  <replace sel="/MPD/@publishTime">2026-11-22T12:00:02.250Z</replace>\n'
        '  <replace sel="/MPD/PatchLocation[1]">\n'
        '    <PatchLocation ttl="30">'
        "manifest.mpp?publishTime=2026-11-22T12%3A00%3A02.250Z</PatchLocation>\n"
        "  </replace>\n"
        "  <replace sel=\"/MPD/Period[@id='e1']/AdaptationSet[@id='1']"
        '/SegmentTemplate/SegmentTimeline/S[1]">\n'
        '    <S t="0" d="25600" r="2"/>\n'
        "  </replace>\n"
        "</Patch>\n"
    )


def test_templates_of_representations_are_found() -> None:
    def made(count: int) -> PresentationSnapshot:
        tracks = (
            listed(video("a"), [25600, 12800] * count),
            listed(video("b", timescale=90000, bandwidth=1, segment_duration=180000),
                   [180000, 90000] * count),
        )  # fmt: skip
        return presentation(period(*tracks))

    patched(made(2), later(made(3)))


def test_from_nothing_left_of_the_old_window() -> None:
    old = presentation(period(listed(video(), [25600] * 3)))
    new = later(old, periods=(period(listed(video(), [25600] * 3, number=1000, time=10**6)),))
    patched(old, new)


LISTED = MATRIX["listed"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(MATRIX["one video"], later(MATRIX["one video"]), id="not listed"),
        pytest.param(LISTED, LISTED, id="not newer"),
        pytest.param(later(LISTED), LISTED, id="older"),
        pytest.param(
            LISTED,
            later(LISTED, periods=(*LISTED.periods, period(video(), id="e2"))),
            id="a new period",
        ),
        pytest.param(
            LISTED,
            later(LISTED, periods=(replace(LISTED.periods[0], tracks=IRREGULAR[:1]),)),
            id="a track less",
        ),
        pytest.param(LISTED, later(LISTED, window=Fraction(61)), id="another attribute"),
        pytest.param(
            LISTED,
            later(
                LISTED,
                periods=(period(replace(IRREGULAR[0], bandwidth=1), IRREGULAR[1]),),
            ),
            id="a bandwidth",
        ),
        pytest.param(
            LISTED, later(LISTED, periods=(period(video(), IRREGULAR[1]),)), id="no longer listed"
        ),
        pytest.param(
            presentation(period(listed(video(), [1, 2, 3]))),
            later(presentation(period(listed(video(), [1, 2])))),
            id="a segment less",
        ),
        pytest.param(
            presentation(period(listed(video(), [1, 2]), id="it's")),
            later(presentation(period(listed(video(), [1, 2, 3]), id="it's"))),
            id="an id that no selector can quote",
        ),
        pytest.param(
            LISTED,
            later(LISTED, periods=(replace(LISTED.periods[0], end=Fraction(10**10)),), ended=True),
            id="the end",
        ),
    ],
)
def test_whatever_else_changes_is_no_patch(
    old: PresentationSnapshot, new: PresentationSnapshot
) -> None:
    assert render_patch(old, new) is None


@pytest.mark.parametrize("name", MATRIX)
def test_a_standstill_changes_nothing(name: str) -> None:
    newest = MATRIX[name]
    patch = render_standstill(newest)
    assert complaints("DASH-MPD-PATCH.xsd", patch) == ""
    assert canonical(apply(render(newest), patch)) == canonical(ET.fromstring(render(newest)))


@pytest.mark.parametrize("name", MATRIX)
def test_a_patch_is_offered_where_the_manifest_says_so(name: str) -> None:
    assert offers_patch(MATRIX[name]) is (b"<PatchLocation" in render(MATRIX[name]))
