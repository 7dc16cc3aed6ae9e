"""``sorgente bench``: virtual players on a live channel of any origin, and what they went through.

``playback`` and ``tally`` are pure; ``players`` and ``population`` are on the network.
"""
