"""What ends with us."""

from __future__ import annotations

from pathlib import Path

import pytest

from sorgente.tools.leash import find_leash


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (None, False),
        ('echo "setpriv: unrecognized option: pdeathsig" >&2; exit 1', False),
        ('shift 3; exec /bin/sh -c "$@"', True),
    ],
    ids=["none", "of BusyBox", "one that can"],
)
def test_a_setpriv_that_cannot_do_it_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, found: bool
) -> None:
    setpriv = tmp_path / "setpriv"
    if program is not None:
        setpriv.write_text(f"#!/bin/sh\n{program}\n")
        setpriv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_leash() == ((str(setpriv), "--pdeathsig", "KILL", "--") if found else ())
