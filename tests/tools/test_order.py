"""Command lines that mean something, and such that do not."""

from __future__ import annotations

import pytest

from sorgente.tools.errors import UnusableArgument
from sorgente.tools.order import PushSettings, make_order
from sorgente.tools.target import DEFAULT_URL


def test_a_camera_with_a_microphone() -> None:
    order = make_order("/dev/video0", DEFAULT_URL, PushSettings(sound="alsa:default"))
    assert [each.target for each in order.inputs] == ["/dev/video0", "default"]
    assert (order.ladder, order.encode, order.loop) == ((), False, False)
    assert order.target.shown == "http://127.0.0.1:8080/ingest/live"


def test_a_loop_is_encoded() -> None:
    order = make_order("a.mp4", DEFAULT_URL, PushSettings(loop=True))
    assert order.loop
    assert order.encode


@pytest.mark.parametrize(
    ("text", "settings", "word"),
    [
        ("test", PushSettings(loop=True), "--loop is for files"),
        ("rtmp://h/a?listen", PushSettings(loop=True), "--loop is for files"),
        ("/dev/video0", PushSettings(sound="rtmp://h/a?listen"), "--sound cannot wait"),
        ("test", PushSettings(ladder=("huge",)), "no rung"),
        ("", PushSettings(), "INPUT is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, settings: PushSettings, word: str) -> None:
    with pytest.raises(UnusableArgument, match=word):
        make_order(text, DEFAULT_URL, settings)
