"""Every MPD of the matrix under the MPEG schema, 5th edition with amendment 1."""

from __future__ import annotations

import pytest

from sorgente.dash.manifest import render
from tests.dash.schemas import complaints
from tests.dash.snapshots import MATRIX
from tests.support.corpus import corpus_file

SCHEMA = "DASH-MPD.xsd"


@pytest.mark.parametrize("name", MATRIX)
def test_valid(name: str) -> None:
    assert complaints(SCHEMA, render(MATRIX[name])) == ""


def test_the_schema_is_in_force() -> None:
    assert complaints(SCHEMA, corpus_file("examples/low-latency.mpd")) == ""
    broken = render(MATRIX["one video"]).replace(b"<Resync", b"<Rsync")
    assert complaints(SCHEMA, broken)
