"""How a program that we run ends with us, however we end."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

OPTIONS: Final = ("--pdeathsig", "KILL", "--")
TRY_SECONDS: Final = 5
"""For one run of nothing, of some milliseconds."""


def find_leash() -> tuple[str, ...]:
    """What to put before a command for it to be killed when we are: ``setpriv`` of util-linux,
    which asks Linux for that (``PR_SET_PDEATHSIG``). Python itself could do so only in a
    ``preexec_fn``, which may deadlock beside threads.

    Nothing, where there is none that can: on other systems, or that of BusyBox.
    """
    program = shutil.which("setpriv")
    if program is None:
        return ()
    leash = (program, *OPTIONS)
    try:
        subprocess.run([*leash, "true"], check=True, capture_output=True, timeout=TRY_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ()
    return leash
