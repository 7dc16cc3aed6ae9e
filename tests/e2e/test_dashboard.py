"""The dashboard in a browser: what is on the air, what is wrong with it, and who may see that."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from sorgente.keys import Key
from sorgente.server import SystemClock
from sorgente.settings import AccessSettings, Settings
from tests.support.browser import blank
from tests.support.live import video
from tests.support.origin import LOCAL, InProcess, in_process

pytestmark = [pytest.mark.e2e, pytest.mark.players]

KEY = "of-the-operator"
UPLOAD = video(260, gop=125)
"""A key frame every five seconds."""


@pytest.fixture
async def origin() -> AsyncIterator[InProcess]:
    settings = Settings(listen=LOCAL, access=AccessSettings(admin_key=Key(KEY)))
    async with in_process(settings) as site:
        encoder = await site.publish("/ingest/cam-one", headers=[("User-Agent", "<b>Lavf</b>")])
        await encoder.send(UPLOAD.init, *UPLOAD.chunks)
        yield site


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with blank() as page:
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert not complaints


async def test_a_card_shows_a_live_channel_and_what_is_wrong_with_it(
    origin: InProcess, page: Page
) -> None:
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Policy" in said.text else None)
    await page.goto(f"{origin.url}/")
    card = page.locator("article.live")
    await expect(card.locator("h2")).to_have_text("cam-one")
    await expect(card.locator(".state")).to_have_text("live")
    await expect(card.locator(".picture")).to_have_text("CO", use_inner_text=True)
    warning = card.locator(".advice .serious", has_text="Key frames come every 5 s")
    await expect(warning.locator(".remedy")).to_have_text("Set -g 50")
    await expect(page.locator("#wrong")).to_have_text("1 channel wants to be looked at: cam-one")
    await expect(page.locator("#wrong a")).to_have_attribute("href", "#channel-cam-one")
    await expect(page.locator("#channel-cam-one")).to_be_visible()
    await expect(page).to_have_title("(1) Sorgente")
    await expect(card.locator(".tracks")).to_contain_text("avc1.64001f")
    await expect(card.locator(".about .quiet")).to_contain_text("<b>Lavf</b>")
    await expect(card.locator("a.watch")).to_have_attribute("href", "/watch/cam-one")
    said = card.locator(".audience")
    await expect(said).to_be_hidden()
    report = b'bl=(700;v 300;a),br=(3000;v),e=t,ltc=%d,sid="%d",sta=p,ts=1,v=2\n'
    for late in (1250, 1400):
        answer = await origin.ask("POST", "/cmcd/cam-one", body=report % (late, late))
        assert answer.status == 204
    await expect(said).to_have_text(
        "2 players report · latency p50 1.25 s, p95 1.40 s · buffer 300 ms · 3.0 Mbit/s · 0 stalls"
    )
    for late in (1250, 1400):
        gone = b'e=ps,sid="%d",sta=q,ts=2,v=2\n' % late
        assert (await origin.ask("POST", "/cmcd/cam-one", body=gone)).status == 204
    await expect(said).to_be_hidden()
    assert not refused, "nothing on the page is against its own policy"

    answer = await origin.ask(
        "DELETE", "/api/v1/channels/cam-one", [("Authorization", f"Bearer {KEY}")]
    )
    assert answer.status == 204
    await expect(page.locator("article")).to_have_count(0)
    await expect(page.locator("#empty")).to_contain_text(f"{origin.url}/ingest/live")


async def test_from_elsewhere_it_asks_for_the_key(origin: InProcess, page: Page) -> None:
    await page.set_extra_http_headers({"X-Forwarded-For": "192.0.2.1"})
    await page.goto(f"{origin.url}/")
    form = page.locator("#key")
    await expect(form).to_contain_text("this takes the admin key")
    await expect(page.locator("article")).to_have_count(0)
    await form.locator("input").fill("not-the-key")
    await form.locator("button").click()
    await expect(form).to_contain_text("that is not the admin key")
    await form.locator("input").fill(KEY)
    await form.locator("button").click()
    await expect(page.locator("article.live h2")).to_have_text("cam-one")
    await expect(form).to_be_hidden()


async def test_when_the_origin_is_lost_nothing_looks_as_if_it_were_live(
    origin: InProcess, page: Page
) -> None:
    await page.clock.install()
    await page.goto(f"{origin.url}/")
    await expect(page.locator("article.live h2")).to_have_text("cam-one")
    await page.context.set_offline(True)
    await page.clock.fast_forward("00:21")  # what is open is not cut, as on many a lost network
    lost = page.locator("#lost")
    await expect(lost).to_contain_text("The origin does not answer; trying again. What you see was")
    await expect(page).to_have_title("(!) Sorgente")
    await expect(page.locator("main")).to_have_css("opacity", "0.5")
    await page.context.set_offline(False)
    await expect(lost).to_be_hidden()
    await expect(page).to_have_title("(1) Sorgente")
    await expect(page.locator("main")).to_have_css("opacity", "1")


async def test_a_clock_that_was_set_back_is_told_of_while_it_is(
    origin: InProcess, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.goto(f"{origin.url}/")
    await expect(page.locator("article.live h2")).to_have_text("cam-one")
    await expect(page.locator("#clock")).to_be_hidden()
    with monkeypatch.context() as patch:
        patch.setattr(SystemClock, "wall", staticmethod(lambda: time.time() - 3600))
        await expect(page.locator("#clock")).to_contain_text("by a time 3600 s ahead of it")
    await expect(page.locator("#clock")).to_be_hidden()
