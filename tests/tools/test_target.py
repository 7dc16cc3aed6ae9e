"""Where uploads go, and what of that may be seen."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from sorgente.tools.errors import UnusableArgument
from sorgente.tools.order import PushSettings, make_order
from sorgente.tools.target import parse_target


@pytest.mark.parametrize(
    ("url", "authority", "request_target"),
    [
        ("http://127.0.0.1:8080/ingest/live", "127.0.0.1:8080", "/ingest/live/v"),
        ("http://origin/ingest/show/", "origin", "/ingest/show/v"),
        ("https://origin", "origin", "/ingest/live/v"),
        ("https://origin:8443/", "origin:8443", "/ingest/live/v"),
        ("localhost:8080", "localhost:8080", "/ingest/live/v"),
        ("http://[::1]:8080/ingest/a", "[::1]:8080", "/ingest/a/v"),
        ("http://o/ingest/a?key=1&takeover=1", "o", "/ingest/a/v?key=1&takeover=1"),
    ],
)
def test_tracks_lie_under_the_channel(url: str, authority: str, request_target: str) -> None:
    target = parse_target(url)
    assert (target.authority, target.request_target("v")) == (authority, request_target)


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://x/y", "http://", "http://h:99999", "http://h:x", "http://[::1"),
        *("http://a b/", "http://h/\r\nX: y", "http://h/ü"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UnusableArgument):
        parse_target(url)


def test_a_key_is_a_bearer_token_and_a_user_is_basic() -> None:
    assert parse_target("http://h", "geheim").authorization == "Bearer geheim"
    assert parse_target("http://a:b%40c@h").authorization == "Basic YTpiQGM="
    assert parse_target("http://a:b@h", "geheim").authorization == "Bearer geheim"
    assert parse_target("http://h").authorization == ""


def test_what_is_shown_holds_no_secret() -> None:
    target = parse_target("https://me:pass@h:8443/ingest/x?key=word", "geheim")
    assert target.shown == "https://h:8443/ingest/x"
    for secret in ("pass", "word", "geheim"):
        assert secret not in target.shown
    with pytest.raises(UnusableArgument) as caught:
        parse_target("http://h:port/x", "ge heim")
    assert "heim" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://me:geheim/1@h/x", "http://me:geheim?1@h/x", "http://me:1/geheim@h/x",
     "http://me:geheim\u2100@h/x", "http://me:geheim[1@h/x", "me:geheim@h:port/x",
     "http://me:geheim 1@h/x", "geheim://h/x"],
)  # fmt: skip
def test_a_password_that_breaks_the_url_is_not_shown(url: str) -> None:
    with pytest.raises(UnusableArgument) as caught:
        parse_target(url)
    assert "geheim" not in str(caught.value)


def test_nothing_that_holds_a_key_shows_it() -> None:
    """What a traceback may print."""
    settings = PushSettings(publish_key="geheim", verbose=True)
    order = make_order("test", "http://me:wort@h/ingest/x?key=schluessel", settings)
    shown = repr(settings) + repr(order) + repr(order.target)
    for secret in ("geheim", "wort", "schluessel"):
        assert secret not in shown


@pytest.mark.parametrize("query", ["key=a+b/c=", "key=a%2Bb%2Fc%3D", "takeover=1&key=a+b/c="])
def test_a_key_in_the_query_stays_what_it_is(query: str) -> None:
    """Also to those for whom + is not a space, as it is in forms."""
    target = parse_target(f"http://h/ingest/x?{query}").peaceful()
    key = target.request_target("v").partition("?key=")[2]
    assert unquote(key) == "a+b/c="


def test_taking_over_is_asked_once() -> None:
    target = parse_target("http://h/ingest/x?a=b&takeover=1")
    assert target.takes_over
    assert not target.peaceful().takes_over
    assert target.peaceful().request_target("v") == "/ingest/x/v?a=b"
