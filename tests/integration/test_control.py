"""The control application over a real connection: health, metrics, the page of channels."""

from __future__ import annotations

import re

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import Launch
from tests.support.live import video
from tests.support.origin import InProcess, request_head

UPLOAD = video(20)


@pytest.mark.parametrize(("path", "body"), [("/healthz", b"ok\n"), ("/readyz", b"ready\n")])
async def test_a_healthy_origin_says_so(origin: InProcess, path: str, body: bytes) -> None:
    response = await origin.ask("GET", path)
    assert (response.status, response.body) == (200, body)
    assert response.headers["cache-control"] == "no-store"


async def test_an_origin_that_shuts_down_is_healthy_but_not_ready(origin: InProcess) -> None:
    origin.broker.closing = True
    assert (await origin.ask("GET", "/readyz")).status == 503
    assert (await origin.ask("GET", "/healthz")).status == 200
    origin.broker.closing = False


async def test_metrics_come_in_both_formats(origin: InProcess) -> None:
    plain = await origin.ask("GET", "/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(plain.body.decode())}
    accept = [("Accept", "application/openmetrics-text; version=1.0.0")]
    modern = await origin.ask("GET", "/metrics", accept)
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    parse = openmetrics.text_string_to_metric_families
    parsed = parse(modern.body.decode())  # type: ignore[no-untyped-call]
    assert {family.name for family in parsed} >= {name for name in names if "sorgente" in name}


async def test_metrics_tell_of_a_publish_and_a_play(origin: InProcess) -> None:
    players = await origin.audience(3)
    assert await origin.metric("sorgente_held") == 3
    assert await origin.metric("sorgente_channels") == 0

    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    for player in players:
        await player.take(len(UPLOAD.whole))
    assert await origin.metric("sorgente_held") == 0
    assert await origin.metric("sorgente_channels") == 1
    assert await origin.metric("sorgente_publishers") == 1
    assert await origin.metric("sorgente_subscribers", channel="live") == 3
    assert await origin.metric("sorgente_connections") == 5, "players, the encoder, this one"
    assert await origin.metric("sorgente_chunks_total") == len(UPLOAD.chunks)
    assert await origin.metric("sorgente_bytes_in_total") == len(UPLOAD.whole)
    assert await origin.metric("sorgente_deliveries_total") == 3 * len(UPLOAD.chunks)
    assert await origin.metric("sorgente_bytes_out_total") >= 3 * len(UPLOAD.whole)
    media = sum(map(len, UPLOAD.chunks))
    held = await origin.metric("sorgente_window_bytes")
    assert media <= held < 2.5 * media + 10_000
    assert await origin.metric("sorgente_channel_window_bytes", channel="live") > media
    assert await origin.metric("sorgente_relay_seconds_count") > 0
    assert await origin.metric("sorgente_channel_relay_seconds_count", channel="live") > 0
    await origin.until_metric("sorgente_relay_seconds_bucket", 20, le="+Inf")

    await encoder.finish()
    for player in players:
        assert (await player.rest()).complete
    assert await origin.metric("sorgente_channels") == 0
    assert await origin.metric("sorgente_publishers") == 0
    assert media <= await origin.metric("sorgente_window_bytes") < held, "what can still be seen"
    assert await origin.metric("sorgente_chunks_total") == len(UPLOAD.chunks), "stays"
    assert await origin.metric("sorgente_upload_aborts_total") == 0

    broken = await origin.publish()
    await broken.send(UPLOAD.init)
    broken.vanish()
    await origin.until_metric("sorgente_upload_aborts_total", 1)


async def test_names_that_players_make_up_have_no_series(origin: InProcess) -> None:
    before = (await origin.ask("GET", "/metrics")).body
    for number in range(20):
        player = await origin.connect()
        await player.send(request_head("GET", f"/play/nobody-{number}"))
    await origin.until_metric("sorgente_channels_awaited", 20)
    after = (await origin.ask("GET", "/metrics")).body
    assert after.count(b"\n") == before.count(b"\n")
    assert b"nobody-" not in after
    assert b"nobody-" not in (await origin.ask("GET", "/api/v1/channels")).body
    assert b'"state":"waiting"' in (await origin.ask("GET", "/api/v1/channels/nobody-7")).body


async def test_the_loop_lag_is_sampled(launch: Launch) -> None:
    origin = await launch()

    async def sampled() -> float:
        return await origin.metric("sorgente_loop_lag_seconds_count")

    while not await sampled():
        pass


async def test_the_page_and_what_it_loads_come_from_here_and_nowhere_else(
    origin: InProcess,
) -> None:
    page = await origin.ask("GET", "/")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    text = page.body.decode()
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(loaded) == 3
    for path in loaded:
        assert (await origin.ask("GET", path)).status == 200
    assert not re.search(r"<script(?![^>]*src)|<style|\son\w+=|\sstyle=", text), "nothing inline"


async def test_modules_come_as_such_and_only_if_they_are_new(origin: InProcess) -> None:
    path = "/static/dashboard/dashboard.js"
    module = await origin.ask("GET", path)
    assert module.headers["content-type"].startswith("text/javascript")
    for name in re.findall(rb'from "\./([a-z]+\.js)"', module.body):
        assert (await origin.ask("GET", f"/static/dashboard/{name.decode()}")).status == 200
    known = await origin.ask("GET", path, [("If-None-Match", module.headers["etag"])])
    assert (known.status, known.body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/static/", "/static/nothing.js", "/static/../pyproject.toml", "/static/dashboard"]
)
async def test_there_is_nothing_but_what_is_there(origin: InProcess, path: str) -> None:
    assert (await origin.ask("GET", path)).status == 404
