"""Media from elsewhere, in ``shared/corpus`` beside the checkout; not part of the project."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"


def corpus_file(name: str) -> bytes:
    """The bytes of a corpus file; skips the test where the corpus is not there.

    With SORGENTE_NO_SKIP=1 a file that is missing from a corpus that is there is a failure; a
    checkout without the corpus beside it is none, as no project can install it.
    """
    _require(CORPUS / name)
    return (CORPUS / name).read_bytes()


def corpus_files(pattern: str) -> list[str]:
    """Names under the corpus, sorted; empty where the corpus is not there."""
    return sorted(
        path.relative_to(CORPUS).as_posix() for path in CORPUS.glob(pattern) if path.is_file()
    )


def fuzz_input(name: str) -> bytes:
    """The bytes of an entry in Go's fuzz format: a version line, then ``[]byte("…")``."""
    _, line = corpus_file(name).decode().strip().split("\n")
    literal = line.removeprefix('[]byte("').removesuffix('")')
    return b"".join(map(_go_bytes, _GO_TOKEN.findall(literal)))


_GO_TOKEN = re.compile(r"\\x..|\\u....|\\U........|\\[0-7]{3}|\\.|[^\\]+")
_GO_ESCAPES = dict(zip("abfnrtv", b"\a\b\f\n\r\t\v", strict=True))


def _go_bytes(token: str) -> bytes:
    """One token of a Go string literal: \\x and octal are bytes, \\u and the rest UTF-8."""
    if token[0] != "\\":
        return token.encode()
    kind, digits = token[1], token[2:]
    if kind == "x":
        return bytes([int(digits, 16)])
    if kind in "uU":
        return chr(int(digits, 16)).encode()
    if digits:
        return bytes([int(kind + digits, 8)])
    return bytes([_GO_ESCAPES.get(kind, ord(kind))])


def _require(path: Path) -> None:
    if not path.is_file():
        reason = f"{path} is not there: it lies beside the checkout, see tests/support/corpus.py"
        if CORPUS.is_dir() and os.environ.get("SORGENTE_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
