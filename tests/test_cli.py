"""The command line: which options there are, and what settings become of them."""

from __future__ import annotations

from typing import Any

import pytest

from sorgente.cli import app
from sorgente.settings import LogSettings, Settings


def settings(*line: str) -> Settings:
    _, bound, _ = app.parse_args(line, exit_on_error=False)
    read: Settings = bound.arguments.get("settings") or _default(line[0])
    return read


def _default(command: str) -> Any:
    function = app[command].default_command
    assert function is not None
    assert function.__kwdefaults__ is not None
    return function.__kwdefaults__["settings"]


@pytest.mark.parametrize(
    ("line", "log"),
    [
        (["serve"], LogSettings()),
        (["serve", "--log-level", "debug"], LogSettings(log_level="debug")),
        (["demo"], LogSettings(log_level="warning")),
        (["demo", "--log-format", "json"], LogSettings(log_format="json", log_level="warning")),
        (["demo", "--log-level", "info"], LogSettings()),
    ],
)
def test_a_demo_is_quieter(line: list[str], log: LogSettings) -> None:
    """And says so, to who asks for the settings in force."""
    read = settings(*line)
    assert (read.log.log_format, read.log.log_level) == (log.log_format, log.log_level)
    assert read.shown()["log_level"] == log.log_level


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_options_of_an_origin_need_no_prefix(command: str) -> None:
    read = settings(command, "--port", "9", "--window", "7", "--max-tracks", "3")
    assert (read.listen.port, read.window.window, read.encoders.max_tracks) == (9, 7, 3)


def test_help_has_options_of_channels_with_their_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app(["serve", "--help"], result_action="return_value")
    shown = capsys.readouterr().out
    assert "--channel.{NAME}.encode" in shown
    assert " --encode" not in shown


def test_a_file_of_settings_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Such as one that only root may read, mounted into a container. Root may read everything but
    this: there is nothing at address 0."""
    line = ["--config", "/proc/self/mem", "serve"]
    assert app.meta(line, result_action="return_value") == 2
    assert capsys.readouterr().err == "sorgente: /proc/self/mem: Input/output error\n"
