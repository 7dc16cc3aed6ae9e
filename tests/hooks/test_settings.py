"""Receivers as they are written on command lines, in variables and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cyclopts.exceptions import CycloptsError

from sorgente.settings import HookSettings, Settings
from tests.support.settings import read_settings

URL = "https://hooks.example/sesame"
OTHER_URL = "http://127.0.0.1:9000/"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""Of SECRET; see test_signature."""


def read(*tokens: str, file: Path | None = None) -> HookSettings:
    return read_settings(*tokens, file=file).hooks


def is_right(settings: HookSettings) -> bool:
    """The secret is the one that was written."""
    body = b'{"test": 2432232314}'
    signed = settings.hook_secret[0].sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    return signed == SIGNATURE


def test_by_default_nobody_is_told() -> None:
    assert read() == HookSettings()


@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_several_receivers_and_secrets(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sorgente.toml"
    file.write_text("")
    options = []
    match how:
        case "option":
            options = ["--hook-url", URL, "--hook-url", OTHER_URL]
            options += ["--hook-secret", SECRET, "--hook-secret", OTHER_SECRET]
        case "variable":
            monkeypatch.setenv("SORGENTE_HOOK_URL", f"{URL} {OTHER_URL}")
            monkeypatch.setenv("SORGENTE_HOOK_SECRET", f"{SECRET} {OTHER_SECRET}")
        case "file":
            file.write_text(
                f'hook-url = ["{URL}", "{OTHER_URL}"]\n'
                f'hook-secret = ["{SECRET}", "{OTHER_SECRET}"]\n'
            )
    settings = read(*options, file=file)
    assert [url.text for url in settings.hook_url] == [URL, OTHER_URL]
    assert is_right(settings)
    assert len(settings.hook_secret) == 2


def test_one_needs_no_list_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "sorgente.toml"
    file.write_text(f'hook-url = "{URL}"\nhook-secret = "{SECRET}"\n')
    settings = read(file=file)
    assert [url.text for url in settings.hook_url] == [URL]
    assert is_right(settings)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'hook-url = "{URL}"', "--hook-url needs a --hook-secret"),
        (f'hook-url = "ftp://sesame/"\nhook-secret = "{SECRET}"', "the URL is http"),
        ('hook-secret = "sesame"', "begins with whsec_"),
        ('hook-secret = ["whsec_sesame"]', "not base64"),
    ],
)
def test_what_is_none_is_refused_without_being_shown(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "sorgente.toml"
    file.write_text(text)
    with pytest.raises(CycloptsError) as caught:
        read(file=file)
    shown = " ".join(str(caught.value).split())
    assert says in shown
    assert "sesame" not in shown


def test_neither_where_to_nor_the_secret_is_shown() -> None:
    settings = read("--hook-url", URL, "--hook-secret", SECRET)
    shown: dict[str, Any] = Settings(hooks=settings).shown()
    assert (shown["hook_url"], shown["hook_secret"]) == (["https://hooks.example/…"], "(set)")
    assert "sesame" not in repr(settings)
    assert "MfKQ9r8G" not in repr(settings)
    assert Settings().shown()["hook_secret"] == []
