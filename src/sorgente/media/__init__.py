"""The state of the media path, pure and synchronous: chunks, windows, relays, channels.

Nothing here knows a socket, a loop or a clock: bytes and ``now`` (seconds of any clock that only
grows) come in as arguments, what has to be written goes out through a :class:`~.subscriber.Sink`.
"""
