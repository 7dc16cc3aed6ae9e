"""What happens on channels, told to programs of the operator's by HTTP (``--hook-url``)::

    broker ──Journal──▶ Watch ──Event──▶ Hooks ──Message──▶ Courier ══ signed POSTs ══▶ a receiver
    server ──a look, twice a second──▶ Watch              (one for each URL: a queue, a task)

Nothing of the media path waits for any of this: it ends in a bounded queue.
"""
