"""Settings, read as ``serve`` reads them (``cli.py``)."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from cyclopts.config import Env, Toml

from sorgente.settings import Settings


def read_settings(*tokens: str, file: Path | None = None) -> Settings:
    """What is made of a command line, of variables and of ``file``.

    Raises:
        CycloptsError: they mean nothing.
    """
    files = [] if file is None else [Toml(file, must_exist=True, use_commands_as_keys=False)]
    app = App(config=(Env("SORGENTE_", command=False), *files))

    @app.default
    def command(*, settings: Settings = Settings()) -> Settings:  # noqa: B008 - frozen
        return settings

    result = app(list(tokens), exit_on_error=False, print_error=False, result_action="return_value")
    assert isinstance(result, Settings)
    return result
