"""``python -m sorgente``."""

from sorgente.cli import main

main()
