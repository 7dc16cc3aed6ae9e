"""Tokens over real connections: who gets in with one, and that nothing an origin says holds one."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urljoin

import pytest

from sorgente.channel_settings import ChannelSettings
from sorgente.keys import Key
from sorgente.settings import AccessSettings, TokenSettings
from tests.integration.conftest import Launch, Spawn
from tests.integration.process import OriginProcess
from tests.support.boxes import ENCRYPTED
from tests.support.live import video
from tests.support.origin import InProcess, until
from tests.support.tokens import PUBLIC_PEM, SECRET, ed25519, hs256

KEY = "some-key-42"
UPLOAD = video(103, gop=50, spec=ENCRYPTED)  # of which there are no slates
DASH = "{urn:mpeg:dash:schema:mpd:2011}"


def token(action: str = "watch", channel: str = "live", seconds: float = 600) -> str:
    claims = {"channel": channel, "action": action, "exp": time.time() + seconds}
    return hs256(claims).decode()


def bearer(given: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {given}")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_bytes(SECRET)
    return file


@pytest.fixture
async def origin(launch: Launch, secret: Path) -> InProcess:
    return await launch(
        access=AccessSettings(
            publish_key=Key(KEY), channel={"free": ChannelSettings(watch="open")}
        ),
        tokens=TokenSettings(token_key=(secret,), watch_tokens=True),
    )


@pytest.mark.parametrize("way", ["header", "query", "path"])
async def test_who_has_tokens_publishes_and_watches(origin: InProcess, way: str) -> None:
    def target(path: str, given: str) -> str:
        return {"header": path, "query": f"{path}?token={given}", "path": f"/t/{given}{path}"}[way]

    publishing, watching = token("publish"), token()
    headers = [bearer(publishing)] if way == "header" else []
    player = await origin.play(target("/play/live", watching)) if way != "header" else None
    encoder = await origin.publish(target("/ingest/live", publishing), headers=headers)
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    headers = [bearer(watching)] if way == "header" else []
    answer = await origin.ask("GET", target("/live/live/manifest.mpd", watching), headers)
    assert answer.status == 200
    assert watching.encode() not in answer.body
    assert (await encoder.finish()).status == 200
    if player is not None:
        assert (await player.rest()).body == UPLOAD.whole


async def test_segments_carry_the_token_of_their_manifest(origin: InProcess) -> None:
    """What every player does: addresses in a manifest are relative to its own."""
    encoder = await origin.publish(headers=[bearer(KEY)])
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    path = f"/t/{token()}/live/live/manifest.mpd"
    mpd = ET.fromstring((await origin.ask("GET", path)).body)
    template = mpd.find(f".//{DASH}SegmentTemplate")
    representation = mpd.find(f".//{DASH}Representation")
    assert template is not None
    assert representation is not None
    for attribute in ("initialization", "media"):
        relative = template.attrib[attribute]
        relative = relative.replace("$RepresentationID$", representation.attrib["id"])
        relative = relative.replace("$Number$", template.get("startNumber", "1"))
        addresses = urljoin(path, relative), urljoin("/live/live/manifest.mpd", relative)
        with_token, without = [await origin.ask("GET", address) for address in addresses]
        assert (with_token.status, without.status) == (200, 401)
        assert with_token.headers["cache-control"].startswith("public, max-age=")
    await encoder.finish()


async def test_an_open_channel_is_open(origin: InProcess) -> None:
    (player,) = await origin.audience(1, "/play/free")
    encoder = await origin.publish("/ingest/free", headers=[bearer(KEY)])
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    assert (await encoder.finish()).status == 200
    assert (await player.rest()).body == UPLOAD.whole


async def test_a_stream_breaks_off_when_its_token_expires(origin: InProcess) -> None:
    """Ten seconds of leeway are over in one already."""
    encoder = await origin.publish(headers=[bearer(KEY)])
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    player = await origin.play(f"/t/{token(seconds=-9)}/play/live")
    got = await player.rest()
    assert (got.status, got.complete) == (200, False)
    assert (await origin.ask("GET", f"/t/{token(seconds=-11)}/play/live")).status == 401
    await encoder.finish()


async def test_refusals_are_counted(origin: InProcess) -> None:
    mpd = "/live/live/manifest.mpd"
    for prefix in ("", "/t/x", f"/t/{token(seconds=-60)}", f"/t/{token('publish')}"):
        await origin.ask("GET", prefix + mpd)
    for reason, count in (("no_token", 1), ("invalid_token", 2), ("insufficient_scope", 1)):
        assert await origin.metric("sorgente_watch_refused_total", reason=reason) == count
    await origin.ask("POST", "/ingest/live", [bearer(token())])
    assert await origin.metric("sorgente_publish_refused_total", reason="wrong_token") == 1


async def test_nothing_that_is_said_holds_a_token(
    origin: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    tokens = [token("publish"), token(), token(seconds=-60), token(channel="other"), "no.token.x"]
    player = await origin.play(f"/t/{tokens[1]}/play/live")
    encoder = await origin.publish(f"/t/{tokens[0]}/ingest/live")
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    for each in tokens:
        for path in ("/ingest/live", "/play/other", "/live/live/manifest.mpd", "/nothing", "/"):
            for method in ("POST", "GET", "DELETE"):
                if method == "GET" and "play" in path and each == tokens[3]:
                    continue  # it would wait for its encoder
                said.append(await origin.ask(method, path, [bearer(each)]))
                said.append(await origin.ask(method, f"{path}?token={each}"))
                said.append(await origin.ask(method, f"/t/{each}{path}"))
    control = ["/metrics", "/api/v1/settings", "/api/v1/channels", "/api/v1/openapi.json",
               "/api/v1/channels/live/subscribers"]  # fmt: skip
    said += [await origin.ask("GET", path) for path in control]
    assert b'"live"' in said[-3].body
    await encoder.finish()
    player.leave()
    assert {answer.status for answer in said} >= {200, 401, 403, 404, 405}
    heard = caplog.text.encode() + b"".join(answer.body for answer in said)
    heard += repr([answer.headers for answer in said]).encode()
    for each in [*tokens, *(each.rpartition(".")[2] for each in tokens[:4]), SECRET.decode()]:
        assert each.encode() not in heard


# The process


async def made(*options: str) -> str:
    """What ``sorgente token`` prints."""
    command = [str(Path(sys.executable).with_name("sorgente")), "token", *options]
    done = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


async def test_the_command_makes_tokens(spawn: Spawn, tmp_path: Path) -> None:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    for command in (
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(private)],
        ["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)],
    ):
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    origin = await spawn("--token-key", str(public), "--watch-tokens")
    publishing = await made("--sign-with", str(private), "--action", "publish", "--ttl", "30s")
    watching = await made("--sign-with", str(private), "--channel", "live", "--channel", "other")
    encoder = await origin.publish(f"/t/{publishing}/ingest/live")
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    for given, expected in ((watching, 200), (publishing, 403), (token(), 401)):
        answer = await origin.ask("GET", f"/t/{given}/live/live/manifest.mpd")
        assert answer.status == expected, answer.body
    assert (await encoder.finish()).status == 200


async def test_sighup_takes_new_keys(spawn: Spawn, tmp_path: Path) -> None:
    keys, other = tmp_path / "keys", tmp_path / "other"
    keys.write_bytes(SECRET)
    other.write_bytes(PUBLIC_PEM)
    origin = await spawn("--token-key", str(keys), "--token-key", str(other), "--watch-tokens")
    old, both = token(), ed25519({"channel": "*", "action": "watch", "exp": time.time() + 600})

    async def answers() -> list[int]:
        paths = [f"/t/{each}/live/live/v/1.m4s" for each in (old, both.decode())]
        return [(await origin.ask("GET", path)).status for path in paths]

    assert await answers() == [404, 404], "there is none"
    keys.write_text(json.dumps({"keys": [{"kty": "oct", "k": "A" * 43, "kid": "new"}]}))
    origin.process.send_signal(signal.SIGHUP)
    await origin.logged("the keys for tokens were read again")
    assert await answers() == [401, 404]
    keys.write_text("short")
    origin.process.send_signal(signal.SIGHUP)
    await origin.logged("the keys for tokens stay as they were")
    assert await answers() == [401, 404]
    await until(lambda: "short" not in origin.log)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--watch-tokens"], "--watch-tokens takes tokens, and nobody could sign one"),
        (["--channel.cam.watch", "token"], "channel cam takes tokens"),
        (["--channel.cam.watch", "never"], "watch is token or open"),
        (["--token-key", "SHORT"], "at least 32 bytes"),
    ],
)
async def test_what_cannot_be_is_said_at_the_start(
    tmp_path: Path, options: list[str], says: str
) -> None:
    short = tmp_path / "short"
    short.write_text("open-sesame")
    options = [str(short) if each == "SHORT" else each for each in options]
    with OriginProcess(tmp_path / "log", *options) as origin:
        origin.expected_exit = 2
        assert await origin.exited() == 2
        assert says in " ".join(origin.log.replace("│", " ").split())
        assert "sesame" not in origin.log
