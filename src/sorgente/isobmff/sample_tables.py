"""What a ``traf`` says of its samples beside ``trun``, for some of these samples only.

    sdtp    a byte for every sample                               ISO/IEC 14496-12 §8.6.4
    sbgp    which group they are of, in runs                      §8.9.2
    sgpd    what the groups are: stays as it is                   §8.9.3
    saiz    bytes of auxiliary information of every sample        §8.7.8
    saio    where that lies: in ``senc``                          §8.7.9
    senc    initialisation vectors, and what of them is for       ISO/IEC 23001-7 §7.2

How long an entry of ``senc`` is, ``saiz`` tells without a look at the key. So these three come
together, one of each and with one offset, as ffmpeg writes them, or the table is none of ours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from struct import Struct
from typing import Final

from sorgente.isobmff.box import Box
from sorgente.isobmff.moov import packed
from sorgente.isobmff.rewrite import Traf, auxiliary_offsets

Excerpt = Callable[[int, int], bytes]
"""The box for the samples from the first number up to the second."""

SENC_HEAD_BYTES: Final = 16
"""Of ``senc`` before its entries: ``saio`` points behind them."""

_U32: Final = Struct(">I")
_RUN: Final = Struct(">II")  # sample_count, group_description_index of sbgp
_HAS_TYPE: Final = 1  # flag of saiz and saio: aux_info_type and its parameter follow
_READ_HERE: Final = frozenset((b"tfhd", b"tfdt", b"trun"))
_ENCRYPTION: Final = frozenset((b"senc", b"saiz", b"saio"))


def sample_tables(traf: Traf) -> list[tuple[bytes, Excerpt]]:
    """Return what stands beside ``tfhd``, ``tfdt`` and ``trun``, by type, in its order.

    The offset in an excerpt of ``saio`` is its last four bytes, and still to be written.
    Raises MalformedBox for a table that is broken, and for one that nobody here can take apart:
    ``subs``, ``uuid``, encryption that is not as above.
    """
    boxes = [box for box in traf.box.children() if box.type not in _READ_HERE]
    encryption = _encryption(traf, boxes) if any(b.type in _ENCRYPTION for b in boxes) else {}
    tables = []
    for box in boxes:
        excerpt = encryption.get(box.type)
        if excerpt is None:
            if box.type not in _TABLES:
                raise box.malformed("cannot be taken apart")
            excerpt = _TABLES[box.type](box, traf.track.sample_count)
        tables.append((box.type, excerpt))
    return tables


def _dependencies(sdtp: Box, count: int) -> Excerpt:
    fields = sdtp.fields()
    head, rows = fields.raw(4), fields.raw(count)
    return lambda first, end: packed(b"sdtp", head, rows[first:end])


def _groups(sbgp: Box, count: int) -> Excerpt:
    """Samples behind the last run are of no group, and stay so."""
    version = sbgp.fields().u8()
    fields = sbgp.fields()
    head, listed = fields.raw(12 if version else 8), fields.u32()
    if listed > count:
        raise sbgp.malformed(f"says it has {listed} runs of {count} samples")
    runs = list(_RUN.iter_unpack(fields.raw(_RUN.size * listed)))
    starts = list(accumulate((length for length, _ in runs), initial=0))

    def excerpt(first: int, end: int) -> bytes:
        kept = []
        for at in range(bisect_right(starts, first) - 1, len(runs)):
            if starts[at] >= end:
                break
            length = min(starts[at + 1], end) - max(starts[at], first)
            kept.append(_RUN.pack(length, runs[at][1]))
        return packed(b"sbgp", head, _U32.pack(len(kept)), *kept)

    return excerpt


def _descriptions(sgpd: Box, count: int) -> Excerpt:
    whole = sgpd.content
    return lambda first, end: whole


_TABLES: Final[Mapping[bytes, Callable[[Box, int], Excerpt]]] = {
    b"sdtp": _dependencies,
    b"sbgp": _groups,
    b"sgpd": _descriptions,
}


def _encryption(traf: Traf, boxes: list[Box]) -> dict[bytes, Excerpt]:
    """Return the excerpts of ``senc``, ``saiz`` and ``saio``."""
    found = [box for box in boxes if box.type in _ENCRYPTION]
    by_type = {box.type: box for box in found}
    if len(by_type) != len(_ENCRYPTION) or len(found) != len(_ENCRYPTION):
        raise found[0].malformed("does not come with one each of 'senc', 'saiz' and 'saio'")
    senc, saiz, saio = by_type[b"senc"], by_type[b"saiz"], by_type[b"saio"]
    count = traf.track.sample_count

    fields = saiz.fields()
    flags = fields.u32()
    saiz_head = _U32.pack(flags) + fields.raw(8 if flags & _HAS_TYPE else 0)
    default, told = fields.raw(1), fields.u32()
    sizes = default * count if any(default) else fields.raw(count)
    places = list(accumulate(sizes, initial=0))

    fields = senc.fields()
    senc_head, listed = fields.raw(4), fields.u32()
    targets = [target for *_, target in auxiliary_offsets(traf)]
    if (told, listed) != (count, count) or targets != [fields.at] or fields.left != places[-1]:
        raise senc.malformed("is not what 'saiz' and 'saio' say")
    entries = fields.raw(fields.left)

    fields = saio.fields()
    saio_flags = fields.u32() & 0xFFFFFF  # version 0: an offset of 32 bits
    saio_head = _U32.pack(saio_flags) + fields.raw(8 if saio_flags & _HAS_TYPE else 0)

    def senc_of(first: int, end: int) -> bytes:
        rows = entries[places[first] : places[end]]
        return packed(b"senc", senc_head, _U32.pack(end - first), rows)

    def saiz_of(first: int, end: int) -> bytes:
        rows = b"" if any(default) else sizes[first:end]
        return packed(b"saiz", saiz_head, default, _U32.pack(end - first), rows)

    def saio_of(first: int, end: int) -> bytes:
        return packed(b"saio", saio_head, _U32.pack(1), bytes(4))

    return {b"senc": senc_of, b"saiz": saiz_of, b"saio": saio_of}
