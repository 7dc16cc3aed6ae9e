"""Where ffmpeg is."""

from __future__ import annotations

import shutil


def find_program() -> str | None:
    """The ffmpeg on the ``PATH``, else that of the ``imageio-ffmpeg`` wheel."""
    found = shutil.which("ffmpeg")
    if found is None:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe

            found = str(get_ffmpeg_exe())
        except (ImportError, RuntimeError):  # RuntimeError: a wheel without a binary
            return None
    return found
