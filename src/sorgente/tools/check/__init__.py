"""``sorgente check``: a low-latency DASH presentation, of any origin, held against the rules.

``course`` watches it like a player and keeps what it saw; the rules judge that, without a network.
"""
