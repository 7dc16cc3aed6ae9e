"""What the garbage collector would find. Without it, only references that end free anything."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing is collected meanwhile; what was there before is not looked at."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        gc.collect()


def alive() -> Counter[str]:
    """How many objects there are of each type of Sorgente's, those in dead cycles included."""
    return _ours(gc.get_objects())


def in_dead_cycles() -> Counter[str]:
    """Those that only the collector can free; it does."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return _ours(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def _ours(objects: Iterable[object]) -> Counter[str]:
    types = (type(each) for each in objects)
    ours = (kind for kind in types if str(kind.__module__).startswith("sorgente."))
    return Counter(kind.__qualname__ for kind in ours)
