"""Sorgente: a low-latency live origin server."""

__version__ = "0.1.0"
