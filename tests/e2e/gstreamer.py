"""GStreamer as a DASH client: ``gst-launch-1.0`` with pictures told apart by their checksums."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.absent import absent

ELEMENTS: Final = ("dashdemux", "dashdemux2", "souphttpsrc", "checksumsink", "avdec_h264")
"""What the pipelines below need: the packages gstreamer1.0-tools, -plugins-base, -good, -bad, and
gstreamer1.0-libav."""

_PICTURE: Final = re.compile(r"^(\d+):(\d\d):(\d\d\.\d+) ([0-9a-f]{40})$", re.MULTILINE)


def launch(*pipeline: str) -> list[str]:
    """A command that runs a pipeline; skips the test where an element is missing."""
    require(*ELEMENTS)
    return ["gst-launch-1.0", *" ".join(pipeline).split()]


def require(*elements: str) -> None:
    """Skip the test where one is missing."""
    inspect = shutil.which("gst-inspect-1.0")
    missing = [each for each in elements if inspect is None or not _exists(inspect, each)]
    if missing:
        absent(f"GStreamer with {', '.join(missing)}")


def dashdemux(manifest: str) -> list[str]:
    """The older element, of ``-plugins-bad``, which any pipeline can have."""
    return launch(
        f"souphttpsrc location={manifest} ! dashdemux name=dash",
        "dash.video_00 ! queue ! qtdemux ! h264parse ! avdec_h264 ! checksumsink sync=true",
        "dash.audio_00 ! queue ! qtdemux ! aacparse ! avdec_aac ! fakesink sync=true",
    )


def dashdemux2(manifest: str) -> list[str]:
    """The newer one, of ``-plugins-good``, which ``playbin3`` and its like choose by themselves.

    It begins with half a minute of media, and gives up on a channel that is younger than its
    latency target and a second.
    """
    return launch(
        f"uridecodebin3 uri={manifest} name=both",
        "both. ! queue ! videoconvert ! checksumsink sync=true",
        "both. ! queue ! audioconvert ! fakesink sync=true",
    )


def pictures(output: Path) -> list[tuple[int, str]]:
    """What has been shown so far: nanoseconds and checksum of every picture."""
    return [
        (round((int(hours) * 3600 + int(minutes) * 60) * 1e9 + float(seconds) * 1e9), checksum)
        for hours, minutes, seconds, checksum in _PICTURE.findall(output.read_text())
    ]


def complaints(output: Path) -> list[str]:
    """What it has said so far that is not as it should be."""
    return [
        line for line in output.read_text().splitlines() if line.startswith(("ERROR", "WARNING"))
    ]


def _exists(inspect: str, element: str) -> bool:
    return subprocess.run([inspect, "--exists", element], check=False, timeout=50).returncode == 0
