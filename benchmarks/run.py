#!/usr/bin/env python3
"""Benchmarks of Sorgente: `python benchmarks/run.py --help`, and README.md beside this file."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from benchmarks.cli import main

    sys.exit(main())
