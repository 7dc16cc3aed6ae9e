"""Tools that measure, at places which are not open to everybody, or not known to."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from pathlib import Path

import pytest

from sorgente.cli import app
from sorgente.tools.errors import UnusableArgument
from sorgente.tools.reach import ReachSettings
from sorgente.tools.web import Place, Web, parse_place
from tests.support.certificates import Authority
from tests.support.other_origin import other_origin

TOKEN = "of-a-viewer"
SHORT = {
    "check": ["--seconds", "1.5"],
    "bench": ["--players", "2", "--ramp", "0", "--seconds", "1.5"],
}


async def run(tool: str, url: str, *options: str) -> int:
    command = [tool, url, *SHORT[tool], *options]
    return int(await asyncio.to_thread(app, command, result_action="return_value"))


@pytest.mark.parametrize("tool", SHORT)
async def test_a_certificate_of_ones_own_and_a_token(
    tool: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    authority = Authority()
    ca = str(authority.write_own(tmp_path / "ca.pem"))
    async with other_origin(token=TOKEN, tls=authority.context()) as origin:
        assert await run(tool, origin.url, "--token", TOKEN, "--cacert", ca) == 0
        assert await run(tool, origin.url, "--token", TOKEN, "--insecure") == 0
        capfd.readouterr()
        assert await run(tool, origin.url, "--cacert", ca) == 2
        assert "status 401" in capfd.readouterr().err
        assert await run(tool, origin.url, "--token", TOKEN) == 2
        said = capfd.readouterr().err
    assert "its certificate is not good: unable to get local issuer certificate" in said
    assert "(--cacert FILE, --insecure)" in said


async def test_a_token_goes_nowhere_else() -> None:
    """A manifest may lead to hosts of others."""
    async with other_origin(token=TOKEN) as origin, other_origin() as other:
        place = parse_place(origin.url, ReachSettings(token=TOKEN))
        async with Web(time.monotonic, place) as web:
            assert (await web.ask(origin.url)).status == 200
            assert (await web.ask(other.url)).status == 200
    assert origin.secrets == {f"Bearer {TOKEN}"}
    assert other.secrets == set()


def test_a_password_in_the_address_is_sent_and_not_shown() -> None:
    place = parse_place("me:geh%20eim@h:8080/live/a/manifest.mpd?x=1", ReachSettings())
    assert place.url == "http://h:8080/live/a/manifest.mpd?x=1"
    assert place.authorization == f"Basic {b64encode(b'me:geh eim').decode()}"
    assert "geh" not in repr(place)


@pytest.mark.parametrize("url", ["", "ftp://me:geheim@h/x", "http://", "http://me:geheim@[h/x"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UnusableArgument, match="not an address of HTTP") as caught:
        parse_place(url, ReachSettings())
    assert "geheim" not in str(caught.value)


def test_what_is_no_certificate(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(UnusableArgument, match="no certificate there"):
        parse_place("https://h/x.mpd", ReachSettings(cacert=empty))


def test_a_place_is_open_by_default() -> None:
    assert parse_place("h/x.mpd", ReachSettings()) == Place("http://h/x.mpd")


async def test_a_plot_that_cannot_be_written_is_known_before_anybody_watches(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "course.svg"
    plot.mkdir()
    async with other_origin() as origin:
        assert await run("bench", origin.url, "--plot", str(plot)) == 2
    assert capfd.readouterr().err == f"sorgente: --plot {plot}: Is a directory\n"
    assert origin.heads == []
