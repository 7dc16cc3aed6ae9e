"""The network between a viewer and the origin, as Chromium pretends it is."""

from __future__ import annotations

from typing import Final

from playwright.async_api import CDPSession, Page

UNLIMITED: Final = -1


class Network:
    """What a page may load. What one session has asked for, no other one takes back."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    @classmethod
    async def of(cls, page: Page) -> Network:
        """That of a page."""
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        return cls(session)

    async def limit(self, kilobits: int) -> None:
        """Let no more through than so much a second."""
        await self._emulate(kilobits * 1000 // 8)

    async def free(self) -> None:
        """Let everything through."""
        await self._emulate(UNLIMITED)

    async def _emulate(self, download: int) -> None:
        conditions = {"offline": False, "latency": 0, "uploadThroughput": UNLIMITED}
        await self._session.send(
            "Network.emulateNetworkConditions", {**conditions, "downloadThroughput": download}
        )
