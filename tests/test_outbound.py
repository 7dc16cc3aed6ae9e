from __future__ import annotations

import pytest
from aiohttp import web

from sorgente.outbound import OutboundUrl, open_session


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/…"),
        ("https://me:pa55word@hooks.example/T0/B0/token?key=1", "https://hooks.example/…"),
        ("http://[::1]:9000", "http://[::1]:9000/…"),
    ],
)
def test_only_the_server_is_shown(text: str, shown: str) -> None:
    url = OutboundUrl(text)
    assert url.text == text
    assert str(url) == shown
    assert repr(url) == f"OutboundUrl({shown})"


@pytest.mark.parametrize(
    "text",
    [
        "", "hooks.example/x", "ftp://hooks.example/", "http://", "https:///path",
        "http://hooks.example/a b", "http://hooks.example/a\n", "http://höoks.example/",
        "http://hooks.example/#part", "http://hooks.example:99999/", "http://[::1/",
        "http://hooks.example/" + "x" * 2048,
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        OutboundUrl(text)


async def test_nothing_is_kept_from_one_call_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of the environment takes part."""
    heads: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        heads.append(dict(request.headers))
        return web.Response(headers={"Set-Cookie": "who=me; Path=/", "Content-Encoding": "gzip"})

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    application = web.Application()
    application.router.add_post("/", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", 0).start()
        url = f"http://localhost:{runner.addresses[0][1]}/"
        async with open_session(connections=1, timeout=40.0) as session:
            for _ in range(2):
                async with session.post(url) as response:
                    assert response.status == 200
                    assert await response.read() == b""
    finally:
        await runner.cleanup()
    assert len(heads) == 2
    assert not any("Cookie" in head for head in heads)
