"""Which ffmpeg there is, and what of its words matters."""

from __future__ import annotations

import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from sorgente.tools.errors import FfmpegMissing
from sorgente.tools.ffmpeg import complaint, examined, find_ffmpeg, find_prompt_ffmpeg, said


def test_a_real_one_says_what_it_can_do() -> None:
    ffmpeg = examined(imageio_ffmpeg.get_ffmpeg_exe())
    assert {"libx264", "aac"} <= ffmpeg.encoders
    assert "=" not in ffmpeg.encoders
    assert ffmpeg.bursts
    assert ffmpeg.program[-1] == ffmpeg.path
    ffmpeg.need_encoder("libx264")
    with pytest.raises(FfmpegMissing, match="has no libnothing"):
        ffmpeg.need_encoder("libnothing")


def test_the_one_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "ffmpeg"
    own.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg().path == str(own)


def test_then_that_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg().path == imageio_ffmpeg.get_ffmpeg_exe()


@pytest.mark.parametrize("bursts", [False, True])
def test_an_old_one_is_passed_over_for_that_of_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bursts: bool
) -> None:
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f"#!/bin/sh\n{'echo -readrate_initial_burst' if bursts else 'exit'}\n")
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = str(ffmpeg) if bursts else imageio_ffmpeg.get_ffmpeg_exe()
    assert find_prompt_ffmpeg().path == chosen
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert find_prompt_ffmpeg().path == str(ffmpeg), "better than none"


def test_without_one_it_is_said_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(FfmpegMissing, match="pip install imageio-ffmpeg"):
        find_ffmpeg()


def test_one_that_does_not_run_is_none(tmp_path: Path) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(FfmpegMissing, match="does not run"):
        examined(str(broken))


def test_the_first_error_is_the_reason() -> None:
    lines = [
        "[info] Input #0, rtsp",
        "[swscaler @ 0x5625b462a540] [warning] deprecated pixel format",
        "[rtsp @ 0x562239a79e80] [error] method DESCRIBE failed: 401 Unauthorized",
        "[in#0 @ 0x562239a76d00] [error] Error opening input: Server returned 401 Unauthorized",
        "[fatal] Error opening input files: Server returned 401 Unauthorized",
    ]
    assert complaint(lines) == "method DESCRIBE failed: 401 Unauthorized"
    assert complaint(lines[:2]) is None
    assert complaint(["no prefix: [error] in the middle"]) is None


def test_secrets_are_taken_out_of_what_it_says() -> None:
    line = "[tcp @ 0x55] [error] Connection to rtsp://me:geheim@camera:554?timeout=0 failed: no"
    assert said(line) == "Connection to rtsp://…@camera:554?timeout=0 failed: no"
    assert "geheim" not in said("srt://h:1?mode=caller&passphrase=geheim: Input/output error")
