"""What is shown of addresses, and of what ffmpeg says of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.ffmpeg import complaint, said
from sorgente.tools.inputs import parse_input
from sorgente.tools.redact import without_secrets

TYPED = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
"""What may stand in a password that is typed as it is."""
SECRET = st.builds("{}geheim{}".format, TYPED, TYPED)
IN_A_QUERY = SECRET.filter(lambda secret: "&" not in secret)
IN_A_PATH = SECRET.filter(lambda secret: not set("?&/") & set(secret))
BEFORE_HOSTS = SECRET.filter(lambda secret: "://" not in secret)

NAMES = st.sampled_from(
    [
        *("password", "pass", "PassWord", "pwd", "token", "access_token", "passphrase", "key"),
        *("api_key", "secret", "X-Amz-Signature", "sig", "streamid", "auth"),
    ]
)
SCHEMES = st.sampled_from(["rtsp", "rtmp", "srt", "http", "https", "udp"])
SAYS = st.sampled_from(
    [
        "{}",
        "[error] {}: Input/output error",
        "[in#0 @ 0x55] [error] Error opening input '{}', and more",
        "[tcp @ 0x55] [fatal] Connection to {} failed: [x @ y]",
        "[hls @ 0x55] [error] Opening '{}' for reading",
    ]
)


@given(SCHEMES, TYPED, BEFORE_HOSTS, SAYS)
def test_a_user_and_password_are_shown_nowhere(
    scheme: str, user: str, password: str, says: str
) -> None:
    hides(f"{scheme}://{user}:{password}@camera:554/1?transport=tcp", says)


@given(SCHEMES, NAMES, IN_A_QUERY, SAYS)
def test_nor_is_what_a_query_calls_secret(scheme: str, name: str, value: str, says: str) -> None:
    hides(f"{scheme}://camera/1?a=b&{name}={value}&c=d", says)
    hides(f"{scheme}://camera/1?{name}={value}", says)
    hides(f"{scheme}://camera/user=admin&{name}={value}&stream=0.sdp", says)


@given(st.sampled_from(["rtmp", "rtmps", "RTMP"]), IN_A_PATH, SAYS)
def test_nor_the_key_of_a_stream(scheme: str, key: str, says: str) -> None:
    hides(f"{scheme}://host:1935/app/{key}", says)
    hides(f"{scheme}://host/app/instance/{key}?a=b", says)


def hides(address: str, says: str) -> None:
    assert "geheim" in address
    line = says.format(address)
    for shown in (parse_input(address).shown, said(line), complaint([line])):
        assert "geheim" not in (shown or "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://user:p@ss/w@camera/1", "rtsp://…@camera/1"),
        ("http://h/a?user=me&password=x&fps=5", "http://h/a?user=me&password=…&fps=5"),
        ("srt://h:1?mode=caller&passphrase=x: no", "srt://h:1?mode=caller&passphrase=…: no"),
        ("from 'rtmp://h/app/key':", "from 'rtmp://h/app/…':"),
        ("rtmp://h/app/key?pass=x", "rtmp://h/app/…?pass=…"),
        ("rtmp://0.0.0.0/live/key?listen", "rtmp://0.0.0.0/live/key?listen"),
        ("udp://@239.0.0.1:1234?timeout=0", "udp://@239.0.0.1:1234?timeout=0"),
        ("rtsp://camera:554/1: 401 Unauthorized", "rtsp://camera:554/1: 401 Unauthorized"),
        ("speed=1.01x, key frames: 3, me@home", "speed=1.01x, key frames: 3, me@home"),
    ],
)
def test_the_rest_is_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
