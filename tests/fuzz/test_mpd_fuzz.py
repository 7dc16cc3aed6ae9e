"""Whatever an origin calls an MPD is read, or refused in words; and so is what is made of it."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.check.manifest import MANIFEST
from sorgente.tools.mpd.presentation import read_mpd
from sorgente.tools.mpd.reference import reference
from sorgente.tools.mpd.tree import UnreadableManifest
from tests.support.other_mpd import GOOD, LISTED

URL = "http://cdn.example/manifest.mpd"
NASTY = st.sampled_from(
    ["", "-1", "0", "INF", "NaN", "1e9", "99999999999999999999", "PT0S", "PT", "noon", "$Number$",
     "$Time%0999d$", "$$", "//x", "http://[", "٣", "1970-01-01T00:00:00+99:00", "true"]
)  # fmt: skip


def used(text: str) -> None:
    """As the tools do."""
    with suppress(UnreadableManifest):
        mpd = read_mpd(text.encode("utf-8", "surrogatepass"), URL)
        assert all(finding.words for finding in MANIFEST.judge(mpd))
        for each in mpd.representations:
            reference(each, 12800)
            if each.addressing is not None:
                found = islice(each.addressing.available_from(Fraction(1795348805)), 3)
                assert all(made.url for made in found)


@given(st.sampled_from([GOOD, LISTED]), st.integers(0, 60), st.one_of(NASTY, st.text(max_size=12)))
def test_any_value_anywhere(text: str, place: int, value: str) -> None:
    parts = text.split('"')
    values = range(1, len(parts), 2)
    parts[values[place % len(values)]] = value
    used('"'.join(parts))


@given(st.sampled_from([GOOD, LISTED]), st.integers(0, 3000), st.integers(0, 300))
def test_anything_left_out(text: str, start: int, length: int) -> None:
    used(text[:start] + text[start + length :])
