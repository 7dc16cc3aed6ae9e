#!/usr/bin/env python3
"""Virtual DASH players on a live channel: `python benchmarks/audience.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from benchmarks.audience_cli import main

    sys.exit(main())
