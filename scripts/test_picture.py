"""``make run``: an origin, a live test picture in it, and what to open."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Final

import imageio_ffmpeg

HOST: Final = "127.0.0.1"
PORT: Final = os.environ.get("PORT", "8080")
ORIGIN: Final = f"http://{HOST}:{PORT}"

PICTURE: Final = "testsrc2=size=640x360:rate=30"
SOUND: Final = "sine=frequency=440:beep_factor=4:sample_rate=48000"
ENCODING: Final = (
    "-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 30 -b:v 1M"
    " -c:a aac -b:a 96k"
    # A chunk every 200 ms, and one that starts with each key frame (protocols §1.6).
    " -f mp4 -movflags empty_moov+default_base_moof+frag_keyframe -frag_duration 200000"
)
START_SECONDS: Final = 10


def main() -> int:
    """Run both until Ctrl-C, or until one of them ends."""
    origin = subprocess.Popen([sys.executable, "-m", "sorgente", "serve", "--host", HOST,
                               "--port", PORT])  # fmt: skip
    encoder: subprocess.Popen[bytes] | None = None
    try:
        if not _listens(origin):
            return origin.wait()
        encoder = subprocess.Popen(_ffmpeg(), stdin=subprocess.DEVNULL)
        print(f"The test picture is live. Open {ORIGIN}/play/live in a browser,", flush=True)
        print(f"or see who watches at {ORIGIN}/. Ctrl-C ends both.\n", flush=True)
        while origin.poll() is None and encoder.poll() is None:
            time.sleep(0.2)
        return origin.poll() or encoder.poll() or 0
    except KeyboardInterrupt:
        return 0
    finally:
        for process in (encoder, origin):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=10)


def _ffmpeg() -> list[str]:
    sources = ["-re", "-f", "lavfi", "-i", PICTURE, "-re", "-f", "lavfi", "-i", SOUND]
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *sources, *ENCODING.split(),
            f"{ORIGIN}/ingest/live"]  # fmt: skip


def _listens(origin: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while origin.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, int(PORT)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
