"""Where ffmpeg is."""

from __future__ import annotations

import shutil


def find_program() -> str | None:
    """The ffmpeg on the ``PATH``, else that of the ``imageio-ffmpeg`` wheel."""
    return shutil.which("ffmpeg") or program_of_the_wheel()


def program_of_the_wheel() -> str | None:
    """That of the ``imageio-ffmpeg`` wheel."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # RuntimeError: a wheel without a binary
        return None
