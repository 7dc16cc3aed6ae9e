"""The watch page and its files, over a real connection."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from sorgente.control.static import WEB
from tests.integration.conftest import Launch
from tests.support.origin import InProcess

OURS = sorted(path.name for path in WEB.iterdir() if path.is_file())
IMPORT = re.compile(r'^import .* from "\./([\w.]+)";$', re.MULTILINE)
REFERENCE = re.compile(r'(?:src|href)="\.\./static/([\w./]+)"')


async def test_the_page_is_there_for_any_channel(origin: InProcess) -> None:
    pages = [await origin.ask("GET", f"/watch/{name}") for name in ("live", "news.1")]
    assert [page.status for page in pages] == [200, 200]
    assert pages[0].body == pages[1].body
    assert pages[0].headers["content-type"] == "text/html; charset=utf-8"
    assert pages[0].headers["cache-control"] == "no-cache"


async def test_the_page_takes_nothing_from_elsewhere_and_nothing_inline(origin: InProcess) -> None:
    page = await origin.ask("GET", "/watch/live")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "media-src 'self' blob:" in policy


@pytest.mark.parametrize("name", OURS)
async def test_whatever_a_file_of_ours_refers_to_is_there(origin: InProcess, name: str) -> None:
    file = await origin.ask("GET", f"/static/{name}")
    assert file.status == 200
    text = (WEB / name).read_text()
    assert file.body.decode() == text
    for other in [*IMPORT.findall(text), *REFERENCE.findall(text)]:
        assert (await origin.ask("HEAD", f"/static/{other}")).status == 200, other
    absolute = re.findall(r'["`]/(?:static|play|live|cmcd|api)/[$\w]', text)
    assert not absolute, "what stands before the page's path would be lost: a token, a proxy's"


async def test_browsers_need_not_fetch_what_they_have(origin: InProcess) -> None:
    first = await origin.ask("GET", "/static/watch.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = await origin.ask("GET", "/static/watch.js", [("If-None-Match", first.headers["etag"])])
    assert (again.status, again.body) == (304, b"")
    other = await origin.ask("GET", "/static/watch.js", [("If-None-Match", '"another"')])
    assert (other.status, other.body) == (200, first.body)


@pytest.mark.parametrize(
    "path",
    [
        *("/static/", "/static", "/watch", "/static/none.js", "/watch/live/more"),
        *("/static/../control/app.py", "/static/%2e%2e/control/app.py", "/static/..%2Fcli.py"),
        *("/static//etc/passwd", "/static/%2Fetc%2Fpasswd", "/static/vendor"),
    ],
)
async def test_nothing_else_is_served(origin: InProcess, path: str) -> None:
    assert (await origin.ask("GET", path)).status == 404


async def test_a_channel_that_cannot_be_has_no_page(origin: InProcess) -> None:
    assert (await origin.ask("GET", "/watch/a%2Fb")).status == 400


async def test_files_are_only_read(origin: InProcess) -> None:
    for path in ("/watch/live", "/static/watch.js"):
        assert (await origin.ask("POST", path)).status == 405


async def test_what_was_packed_in_is_served(launch: Launch) -> None:
    origin = await launch()
    for path in (WEB / "vendor").glob("*.js"):
        name = PurePosixPath("/static/vendor") / path.name
        answer = await origin.ask("GET", str(name))
        assert answer.status == 200
        assert answer.body == path.read_bytes()
