"""What players say of themselves, over real sockets: by query, by headers, as events (CMCD)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.live import video
from tests.support.origin import InProcess, until

UPLOAD = video(120, gop=25)
FIRST = 'bl=2100,br=3000,mtp=25400,ot=v,sf=d,sid="one",st=l'
SECOND = 'bl=(700;v 300;a),br=(3000;v 128;a),ltc=1200,sf=h,sid="two",sta=p,v=2'
EVENTS = (
    b'e=ps,ltc=900,sid="three",sta=r,ts=1,v=2\n'
    b'e=e,ec=("E1"),sid="three",sta=p,ts=2,v=2\n'
    b"e=t,ts=3,v=2\n"
)


def asking(text: str) -> str:
    return f"CMCD={quote(text, safe='')}"


@pytest.fixture
async def on_air(origin: InProcess) -> InProcess:
    encoder = await origin.publish()
    await encoder.send(UPLOAD.init, *UPLOAD.chunks)
    assert (await origin.ask("GET", "/live/live/manifest.mpd")).status == 200
    return origin


async def audience(origin: InProcess) -> dict[str, Any]:
    channel = json.loads((await origin.ask("GET", "/api/v1/channels/live")).body)
    found: dict[str, Any] = channel["audience"]
    return found


async def segment(origin: InProcess) -> str:
    """The path of one that is complete."""
    channel = origin.broker.get("live")
    assert channel is not None
    track = channel.presentation.tracks["video"]
    await until(lambda: any(each.complete for each in track.segments.values()))
    number = next(number for number, each in track.segments.items() if each.complete)
    return f"/live/live/video/{number}.m4s"


async def test_nobody_has_said_anything(on_air: InProcess) -> None:
    await on_air.ask("GET", await segment(on_air))
    assert await audience(on_air) is None
    text = (await on_air.ask("GET", "/metrics")).body.decode()
    assert "sorgente_viewers{" not in text


async def test_by_query_by_headers_and_as_events_it_is_the_same_audience(
    on_air: InProcess,
) -> None:
    path = await segment(on_air)
    plain = await on_air.ask("GET", path)
    asked = await on_air.ask("GET", f"{path}?{asking(FIRST)}")
    assert (asked.status, asked.body) == (200, plain.body)
    headers = [
        ("CMCD-Session", 'sf=h,sid="two",v=2'),
        ("CMCD-Request", "bl=(700;v 300;a),ltc=1200,sta=p"),
        ("CMCD-Object", "br=(3000;v 128;a)"),
    ]
    assert (await on_air.ask("GET", path, headers)).body == plain.body
    told = await on_air.ask("POST", "/cmcd/live", body=EVENTS)
    assert (told.status, told.body) == (204, b"")

    seen = await audience(on_air)
    assert seen["sessions"] == 3
    assert seen["formats"] == {"dash": 1, "hls": 1, "unknown": 1}
    assert seen["states"] == {"playing": 2}
    assert seen["buffer"] == {"p5": 0.3, "p50": 0.3, "p95": 2.1}
    assert seen["latency"] == {"p5": 0.9, "p50": 0.9, "p95": 1.2}
    assert seen["bit_rate"] == {"p5": 3e6, "p50": 3e6, "p95": 3.128e6}
    assert seen["throughput"]["p50"] == 25.4e6
    assert (seen["stalls"], seen["failures"], seen["reports"]) == (0, 1, 4), "they begin"

    metric = on_air.metric
    assert await metric("sorgente_viewers", channel="live", format="hls") == 1
    assert await metric("sorgente_viewer_failures_total", channel="live") == 1
    assert await metric("sorgente_viewer_buffer_seconds_count", channel="live") == 2
    assert await metric("sorgente_viewer_latency_seconds_sum", channel="live") == 2.1
    assert await metric("sorgente_viewer_bytes_per_second_sum", channel="live") == 766_000
    assert await metric("sorgente_cmcd_unread_total") == 1

    await on_air.ask("POST", "/cmcd/live", body=b'e=ps,sid="three",sta=q,ts=4,v=2\n')
    assert (await audience(on_air))["sessions"] == 2


@pytest.mark.parametrize(
    "path",
    [
        "/live/live/manifest.mpd",
        "/live/live/video/1.m4s",
        "/live/live/none/1.m4s",
        "/own/live/x.mpd",
    ],
)
async def test_it_is_heard_whatever_is_asked_for(on_air: InProcess, path: str) -> None:
    await on_air.ask("HEAD", f"{path}?{asking(FIRST)}")
    assert (await audience(on_air))["sessions"] == 1


async def test_a_progressive_player_may_tell_too(on_air: InProcess) -> None:
    player = await on_air.play(f"/play/live?from=oldest&{asking(SECOND)}")
    await player.take(len(UPLOAD.init))
    assert (await audience(on_air))["formats"] == {"hls": 1}


@pytest.mark.parametrize(
    "query", ["CMCD=", "CMCD=%", "CMCD=%22", "CMCD=sid%3D", "CMCD=" + "x" * 5000, "CMCD=%ff%00"]
)
async def test_nonsense_is_in_nobodys_way(on_air: InProcess, query: str) -> None:
    path = await segment(on_air)
    plain = await on_air.ask("GET", path)
    asked = await on_air.ask("GET", f"{path}?{query}")
    assert (asked.status, asked.body) == (200, plain.body)
    headers = [("CMCD-Session", query), ("CMCD-Request", "x" * 5000)]
    assert (await on_air.ask("GET", path, headers)).body == plain.body
    assert await audience(on_air) is None
    assert await on_air.metric("sorgente_cmcd_unread_total") == 2


async def test_of_what_is_not_there_nothing_is_kept(on_air: InProcess) -> None:
    assert (await on_air.ask("GET", f"/live/other/video/1.m4s?{asking(FIRST)}")).status == 404
    assert (await on_air.ask("POST", "/cmcd/other", body=EVENTS)).status == 404
    assert (await on_air.ask("GET", f"/time?{asking(FIRST)}")).status == 200
    assert (await on_air.ask("GET", "/metrics?" + asking(FIRST))).status == 200
    assert await audience(on_air) is None


async def test_events_have_bounds(on_air: InProcess) -> None:
    many = b"".join(b'e=t,sid="%d",ts=1\n' % number for number in range(1000))
    assert (await on_air.ask("POST", "/cmcd/live", body=many)).status == 204
    assert (await audience(on_air))["sessions"] == 128
    large = b"e=t,ts=1\n" * 10_000
    assert (await on_air.ask("POST", "/cmcd/live", body=large)).status == 413
    upload = await on_air.publish("/cmcd/live")
    await upload.send(large)
    assert (await upload.answer()).status == 413
    assert (await on_air.ask("POST", "/cmcd/live", body=b"\n\n")).status == 204
    assert await on_air.metric("sorgente_refusals_total", status="413") == 2


async def test_a_page_of_another_origin_may_post_events(on_air: InProcess) -> None:
    asked = await on_air.ask("OPTIONS", "/cmcd/live", [("Access-Control-Request-Method", "POST")])
    assert asked.status == 204
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "Content-Type" in asked.headers["access-control-allow-headers"]
    told = await on_air.ask("POST", "/cmcd/live", [("Content-Type", "application/cmcd")], EVENTS)
    assert told.headers["access-control-allow-origin"] == "*"
    assert (await on_air.ask("GET", "/cmcd/live")).status == 405
    assert (await on_air.ask("POST", "/cmcd", body=EVENTS)).status == 404


async def test_channels_and_tracks_have_metrics_of_their_own(on_air: InProcess) -> None:
    metric = on_air.metric
    assert await metric("sorgente_channel_live", channel="live") == 1
    assert await metric("sorgente_channel_bytes_in_total", channel="live") == len(UPLOAD.whole)
    assert await metric("sorgente_channel_chunks_total", channel="live") == len(UPLOAD.chunks)
    assert await metric("sorgente_channel_periods_total", channel="live") == 1
    assert await metric("sorgente_periods_total") == 1
    assert await metric("sorgente_channel_key_frame_interval_seconds", channel="live") == 1
    assert await metric("sorgente_track_bytes_per_second", channel="live", track="video") > 0
    assert await metric("sorgente_track_away", channel="live", track="video") == 0
    await on_air.ask("GET", "/live/live/none/1.m4s")
    assert await metric("sorgente_refusals_total", status="404") == 1
