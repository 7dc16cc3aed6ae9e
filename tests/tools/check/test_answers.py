"""Answers of HTTP, one by one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sorgente.tools.check.answers import ANSWERS, Asked, Role, max_age
from sorgente.tools.web import Answer

FINE = {
    Role.MANIFEST: (200, {"Content-Type": "application/dash+xml", "ETag": '"1"',
                          "Cache-Control": "max-age=1"}),
    Role.MANIFEST_AGAIN: (304, {"ETag": '"1"'}),
    Role.CLOCK: (200, {"Content-Type": "text/plain"}),
    Role.INIT: (200, {"Content-Type": "video/mp4", "Cache-Control": "max-age=3600"}),
    Role.SEGMENT: (200, {"Content-Type": "video/mp4", "Cache-Control": "max-age=3600"}),
    Role.EARLY: (404, {"Cache-Control": "no-store"}),
    Role.RANGE: (206, {"Content-Range": "bytes 0-99/5000"}),
}  # fmt: skip


def broken(
    role: Role, status: int | None = None, size: int = 100, why: str = "", **headers: str | None
) -> set[str]:
    """``headers`` replace those of a good answer, None takes one away."""
    fine, usual = FINE[role]
    changes = {name.replace("_", "-"): value for name, value in headers.items()}
    merged: Mapping[str, str | None] = {
        "Access-Control-Allow-Origin": "*", **usual, **changes
    }  # fmt: skip
    present = {name: value for name, value in merged.items() if value is not None}
    answer = Answer("http://x/", status or fine, present, 0, 0, size=size, broken=why)
    return {each.rule.name for each in ANSWERS.judge(Asked(role, "x", answer, 1, '"1"'))}


@pytest.mark.parametrize("role", Role)
def test_good(role: Role) -> None:
    assert broken(role) == set()


@pytest.mark.parametrize("role", Role)
def test_pages_must_be_allowed_everywhere(role: Role) -> None:
    assert "cors" in broken(role, Access_Control_Allow_Origin=None)
    assert "cors" in broken(role, Access_Control_Allow_Origin="https://other.example")
    assert broken(role, Access_Control_Allow_Origin="https://player.example") == set()


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("answered", broken(Role.INIT, 404)),
        ("answered", broken(Role.CLOCK, 500)),
        ("whole", broken(Role.SEGMENT, why="ended too soon")),
        ("media-type", broken(Role.MANIFEST, Content_Type="text/xml; charset=utf-8")),
        ("media-type", broken(Role.SEGMENT, Content_Type=None)),
        ("manifest-caching", broken(Role.MANIFEST, Cache_Control="public, max-age=60")),
        ("manifest-caching", broken(Role.MANIFEST, Cache_Control="max-age=0, s-maxage=60")),
        ("manifest-caching", broken(Role.MANIFEST, Cache_Control=None, Last_Modified="x")),
        ("media-caching", broken(Role.SEGMENT, Cache_Control="no-cache")),
        ("media-caching", broken(Role.INIT, Cache_Control="no-store")),
        ("error-caching", broken(Role.EARLY, Cache_Control=None)),
        ("error-caching", broken(Role.SEGMENT, 404)),
        ("early-answer", broken(Role.EARLY, 200)),
        ("early-answer", broken(Role.EARLY, 500)),
        ("manifest-etag", broken(Role.MANIFEST, ETag=None)),
        ("manifest-etag", broken(Role.MANIFEST_AGAIN, 200)),
        ("manifest-etag", broken(Role.MANIFEST_AGAIN, 404)),
        ("ranges", broken(Role.RANGE, 416)),
        ("ranges", broken(Role.RANGE, size=99)),
        ("ranges", broken(Role.RANGE, Content_Range="bytes 1-100/5000")),
    ],
)
def test_bad(expected: str, found: set[str]) -> None:
    assert found == {expected}


def test_a_new_manifest_is_no_breach() -> None:
    assert broken(Role.MANIFEST_AGAIN, 200, ETag='"2"') == set()


def test_a_range_may_be_ignored() -> None:
    assert broken(Role.RANGE, 200, size=5000) == set()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("", None), ("public", None), ("max-age=7", 7), ('s-maxage="5", max-age=1', 5),
     ("no-store, max-age=9", 0)],
)  # fmt: skip
def test_max_age(said: str, seconds: int | None) -> None:
    assert max_age(Answer("http://x/", 200, {"Cache-Control": said}, 0, 0)) == seconds
