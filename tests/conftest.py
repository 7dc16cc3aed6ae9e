"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# No test is a stopwatch: on a machine with other things to do, an example takes what it takes.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
