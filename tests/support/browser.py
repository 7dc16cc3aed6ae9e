"""Headless Chromium on a page of another origin, driven by playwright."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Page, async_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def chromium() -> str:
    """Where the browser is; skips the test where there is none.

    With SORGENTE_NO_SKIP=1 in the environment that is a failure, as in ``corpus.py``.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"none of {', '.join(NAMES)} is installed (apt-get install chromium)"
        if os.environ.get("SORGENTE_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@asynccontextmanager
async def page_server(html: str) -> AsyncIterator[str]:
    """Serve one page at a port of its own, so that the origin under test is another one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@asynccontextmanager
async def blank() -> AsyncIterator[Page]:
    """An empty page in a browser of its own."""
    executable = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield await browser.new_page(viewport={"width": 480, "height": 320})
        finally:
            await browser.close()


@asynccontextmanager
async def opened(html: str) -> AsyncIterator[Page]:
    """A page of ``html`` in a browser of its own."""
    async with page_server(html) as url, blank() as page:
        await page.goto(url)
        yield page
