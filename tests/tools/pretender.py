"""A program that does what a test says when it is started as ffmpeg."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sorgente.tools.ffmpeg import Ffmpeg
from tests.support.live import Upload

PROGRAM = """\
import json, os, signal, sys, time

here = os.path.dirname(os.path.abspath(__file__))
interrupted = False

def interrupt(*_):
    global interrupted
    interrupted = True

signal.signal(signal.SIGINT, interrupt)
if "framecrc" in sys.argv:
    act = json.load(open(here + "/look.json"))
else:
    with open(here + "/starts", "a") as starts:
        starts.write(json.dumps([os.getpid(), sys.argv[1:]]) + "\\n")
    number = len(open(here + "/starts").readlines()) - 1
    acts = json.load(open(here + "/acts.json"))
    act = acts[min(number, len(acts) - 1)]
print(*act["said"], sep="\\n", file=sys.stderr, flush=True)
pipes = [int(word[5:]) for word in sys.argv if word.startswith("pipe:") and word != "pipe:1"]
for pipe in pipes:
    os.write(pipe, bytes.fromhex(act["media"]))
while act["stays"] and not interrupted:
    sys.stdout.write(act["report"])
    sys.stdout.flush()
    time.sleep(0.005)
if interrupted:
    for pipe in pipes:
        os.write(pipe, bytes.fromhex(act["last_words"]))
    sys.exit(255)
if act["code"] < 0:
    os.kill(os.getpid(), -act["code"])
sys.exit(act["code"])
"""


@dataclass(frozen=True)
class Act:
    """One start of it: it speaks, writes to every pipe, and ends or stays until SIGINT."""

    said: Sequence[str] = ()
    """Lines on standard error."""
    report: str = ""
    """On standard output, again and again while it stays."""
    media: bytes = b""
    stays: bool = False
    last_words: bytes = b""
    """Written to every pipe after SIGINT."""
    code: int = 0
    """Exit code; negative: the signal that ends it."""

    def written(self) -> dict[str, object]:
        """As the program reads it."""
        return asdict(self) | {"media": self.media.hex(), "last_words": self.last_words.hex()}


class Pretender:
    """The program in ``directory``: its n-th start is the n-th act, and the last one for ever."""

    def __init__(self, directory: Path, *acts: Act, look: Act | None = None) -> None:
        self._directory = directory
        program = directory / "ffmpeg"
        program.write_text(f"#!{sys.executable} -ES\n{PROGRAM}")
        program.chmod(0o755)
        (directory / "acts.json").write_text(json.dumps([act.written() for act in acts]))
        if look is not None:
            (directory / "look.json").write_text(json.dumps(look.written()))
        self.ffmpeg = Ffmpeg(str(program))

    @property
    def starts(self) -> list[tuple[int, list[str]]]:
        """The process and the arguments of every start but looks."""
        written = self._directory / "starts"
        if not written.exists():
            return []
        return [tuple(json.loads(line)) for line in written.read_text().splitlines()]


def whole(upload: Upload) -> Act:
    """Writes all of it, and ends well."""
    return Act(media=upload.whole)
