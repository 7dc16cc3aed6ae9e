from __future__ import annotations

import pytest

from sorgente.hooks.address import HookUrl


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/…"),
        ("https://me:pa55word@hooks.example/T0/B0/token?key=1", "https://hooks.example/…"),
        ("http://[::1]:9000", "http://[::1]:9000/…"),
    ],
)
def test_only_the_server_is_shown(text: str, shown: str) -> None:
    url = HookUrl(text)
    assert url.text == text
    assert str(url) == shown
    assert repr(url) == f"HookUrl({shown})"


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
    with pytest.raises(ValueError, match="hook"):
        HookUrl(text)
