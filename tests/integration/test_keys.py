"""Keys over real connections, and that nothing an origin says holds one."""

from __future__ import annotations

import logging
from base64 import b64encode
from pathlib import Path

import pytest

from sorgente.channel_settings import ChannelSettings
from sorgente.keys import Key
from sorgente.settings import AccessSettings
from tests.integration.conftest import Launch, Spawn
from tests.integration.process import OriginProcess
from tests.support.live import video
from tests.support.origin import InProcess, request_head

KEY = "Tr0ub4dor+/=&3:%x"
OWN = "correct-horse"
WRONG = "battery-staple"
UPLOAD = video(20)

CHUNKED = ("Transfer-Encoding", "chunked")
EXPECT = ("Expect", "100-continue")


def bearer(key: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {key}")


def basic(key: str) -> tuple[str, str]:
    return ("Authorization", f"Basic {b64encode(f'encoder:{key}'.encode()).decode()}")


@pytest.fixture
async def keyed(launch: Launch) -> InProcess:
    cam = ChannelSettings(publish_key=Key(OWN))
    return await launch(access=AccessSettings(publish_key=Key(KEY), channel={"cam": cam}))


@pytest.mark.parametrize("credentials", [bearer(KEY), basic(KEY)])
async def test_who_has_the_key_publishes(keyed: InProcess, credentials: tuple[str, str]) -> None:
    (player,) = await keyed.audience(1)
    encoder = await keyed.publish(headers=[credentials])
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    assert (await encoder.finish()).status == 200
    assert (await player.rest()).body == UPLOAD.whole


async def test_who_was_refused_may_send_it_again_with_the_key(keyed: InProcess) -> None:
    """As ffmpeg does with what is in its URL: ask, be told how, ask again."""
    wire = await keyed.connect()
    await wire.send(request_head("POST", "/ingest/live", [CHUNKED, EXPECT]))
    refused = await wire.response("POST")
    assert (refused.status, refused.informational) == (401, ())
    assert refused.headers["www-authenticate"] == 'Basic realm="sorgente"'
    assert refused.headers["connection"] == "close"
    wire.close()
    wire = await keyed.connect()
    await wire.send(request_head("POST", "/ingest/live", [CHUNKED, EXPECT, basic(KEY)]))
    assert await wire.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
    await wire.send(b"3\r\nabc\r\n0\r\n\r\n")
    assert (await wire.response("POST")).status == 200


async def test_an_answer_reaches_who_goes_on_sending(keyed: InProcess) -> None:
    encoder = await keyed.publish(headers=[bearer(WRONG)])
    await encoder.send(*[b"x" * 10_000] * 20)
    answer = await encoder.answer()
    assert (answer.status, answer.complete) == (401, True)
    assert await keyed.metric("sorgente_publishers") == 0
    assert await keyed.metric("sorgente_bytes_in_total") == 0


async def test_asking_costs_no_connection(keyed: InProcess) -> None:
    wire = await keyed.connect()
    nothing = ("Content-Length", "0")
    for header, expected in ((nothing, 401), (bearer(WRONG), 401), (bearer(KEY), 200)):
        await wire.send(request_head("POST", "/ingest/live/v", dict([nothing, header]).items()))
        assert (await wire.response("POST")).status == expected


async def test_refusals_are_counted(keyed: InProcess) -> None:
    for headers in ([], [bearer(WRONG)], [bearer(WRONG)], [bearer(KEY)]):
        await keyed.ask("POST", "/ingest/live/v", headers)
    name = "sorgente_publish_refused_total"
    assert await keyed.metric(name, reason="no_key") == 1
    assert await keyed.metric(name, reason="wrong_key") == 2
    assert await keyed.metric(name, reason="not_local") == 0


async def test_nothing_that_is_said_holds_a_key(
    keyed: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    query = KEY.replace("%", "%25").replace("&", "%26")
    for path in ("/ingest/live/v", "/ingest/cam", "/ingest/no%20name", "/ingest/a/b/c/d"):
        for method in ("POST", "DELETE", "GET"):
            headers = (bearer(KEY), bearer(OWN), basic(KEY), bearer(WRONG), basic(WRONG))
            said += [await keyed.ask(method, path, [header]) for header in headers]
            keys = (query, OWN, WRONG)
            said += [await keyed.ask(method, f"{path}?key={key}") for key in keys]
    encoder = await keyed.publish(f"/ingest/show?key={query}")
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    said.append(await keyed.ask("POST", "/ingest/show", [bearer(KEY)], b"x"))
    said += [await keyed.ask("GET", path) for path in ("/", "/metrics", "/live/show/manifest.mpd")]
    await encoder.finish()
    assert {answer.status for answer in said} >= {200, 400, 401, 404, 405, 409}
    secrets = [KEY, query, OWN, WRONG, *(basic(key)[1].split()[1] for key in (KEY, WRONG))]
    wire = b"".join(str(answer.headers).encode() + answer.body for answer in said)
    for secret in secrets:
        assert secret.encode() not in wire
        assert secret not in caplog.text
    assert "may not publish: it gave a wrong key" in caplog.text


async def test_a_process_with_a_key(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORGENTE_PUBLISH_KEY", KEY)
    origin = await spawn("--log-level", "debug")
    assert "http://any:KEY@127.0.0.1" in origin.log
    assert (await origin.ask("POST", "/ingest", [], b"x")).status == 401
    assert (await origin.ask("POST", "/ingest", [bearer(WRONG)], b"x")).status == 401
    assert (await origin.ask("POST", "/ingest", [basic(KEY)], b"x")).status == 200
    await origin.logged("may not publish: it gave a wrong key")
    assert KEY not in origin.log


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ('publish-key = ""', "the key is empty"),
        ('publish-key = "sesame"', "8 to 256 characters"),
        ('[channel.cam]\npublish-kye = "open-sesame"', "no publish-kye"),
        ('[channel."a/b"]\npublish-key = "open-sesame"', "'a/b'"),
    ],
)
async def test_what_cannot_be_a_key_is_said_at_the_start(
    tmp_path: Path, file: str, says: str
) -> None:
    config = tmp_path / "sorgente.toml"
    config.write_text(file)
    with OriginProcess(tmp_path / "log", "--config", str(config)) as origin:
        origin.expected_exit = 2
        assert await origin.exited() == 2
        assert says in origin.log
        assert "sesame" not in origin.log
