from __future__ import annotations

import tracemalloc

import pytest

from sorgente.errors import BoxTooLarge, MalformedBox
from sorgente.isobmff.scanner import BoxLimits, BoxScanner
from tests.support.boxes import box, large_box, u32, u64
from tests.support.uploads import in_pieces

LIMITS = BoxLimits(max_box=1000, max_chunk=5000, max_pending_boxes=20)


def types(data: bytes, size: int, limits: BoxLimits = LIMITS) -> list[bytes]:
    scanner = BoxScanner(limits)
    found = []
    for piece in in_pieces(data, size):
        scanner.feed(piece)
        while (header := scanner.header()) is not None and scanner.skip():
            found.append(header.type)
    return found


@pytest.mark.parametrize("size", [1, 3, 8, 10_000])
def test_boxes_are_found_however_the_bytes_come(size: int) -> None:
    data = box(b"styp", b"cmfl") + box(b"moof", bytes(50)) + large_box(b"mdat", bytes(100))
    assert types(data, size) == [b"styp", b"moof", b"mdat"]
    assert types(data + b"tail", size) == [b"styp", b"moof", b"mdat"]
    assert types(data[:-1], size) == [b"styp", b"moof"]


def test_take_cuts_at_the_cursor_and_keeps_the_place_in_the_upload() -> None:
    first, second = box(b"moof", b"1"), box(b"mdat", b"22")
    scanner = BoxScanner(LIMITS)
    scanner.feed(first + second[:5])
    assert scanner.skip()
    assert not scanner.skip()
    assert (scanner.behind, scanner.ahead) == (len(first), 5)
    assert scanner.take() == first
    assert (scanner.position, scanner.behind, scanner.ahead) == (len(first), 0, 5)
    scanner.feed(second[5:])
    assert scanner.skip()
    assert scanner.take() == second
    assert scanner.position == len(first + second)


def test_take_all_takes_what_is_no_whole_box_too() -> None:
    scanner = BoxScanner(LIMITS)
    scanner.feed(box(b"free") + u32(20) + b"moof" + b"abc")
    assert scanner.skip()
    assert not scanner.skip()
    assert scanner.take_all() == box(b"free") + u32(20) + b"moof" + b"abc"
    assert scanner.header() is None


@pytest.mark.parametrize(
    ("header", "error", "message"),
    [
        (u32(1001) + b"moof", BoxTooLarge, "'moof' of 1001 bytes at byte 8 is over .* 1000"),
        (u32(5001) + b"mdat", BoxTooLarge, "'mdat' of 5001 bytes at byte 8 is over .* 5000"),
        (u32(1) + b"mdat" + u64(1 << 60), BoxTooLarge, "'mdat'"),
        (u32(5001) + b"mfra", BoxTooLarge, "'mfra'"),
        (u32(4993) + b"mdat", BoxTooLarge, "a chunk of 5001 bytes"),
        (u32(1001) + b"abcd", MalformedBox, "'abcd' of 1001 bytes at byte 8 is no known box"),
        (u32(10) + b"ab\0d", MalformedBox, "0x61620064' at byte 8 is no box type"),
        (u32(10) + b"ab\xffd", MalformedBox, "no box type"),
        (u32(0) + b"moof", MalformedBox, "'moof' at byte 8 has size 0"),
        (u32(5) + b"moof", MalformedBox, "'moof' at byte 8 says it is 5 bytes"),
        (b"this is rubbish", MalformedBox, "no known box"),
        (b"<!DOCTYPE html>\n", MalformedBox, "no known box"),
    ],
)
def test_header_out_of_bounds_is_refused_before_its_body(
    header: bytes, error: type[Exception], message: str
) -> None:
    scanner = BoxScanner(LIMITS)
    scanner.feed(box(b"free"))
    assert scanner.skip()
    for piece in in_pieces(header, 1):
        scanner.feed(piece)
    with pytest.raises(error, match=message):
        scanner.header()


@pytest.mark.parametrize(
    "header",
    [u32(1000) + b"moof", u32(4992) + b"mdat", u32(1000) + b"abcd", u32(999) + b"\xa9nam"],
)
def test_header_at_its_limit_is_accepted(header: bytes) -> None:
    scanner = BoxScanner(LIMITS)
    scanner.feed(box(b"free"))
    assert scanner.skip()
    scanner.feed(header)
    assert scanner.header() is not None
    assert not scanner.skip()


def test_endless_small_boxes_are_refused_by_number_and_by_bytes() -> None:
    with pytest.raises(BoxTooLarge, match="more than 20 boxes without a chunk at byte 160"):
        types(box(b"free") * 21, 8)
    with pytest.raises(BoxTooLarge, match="a chunk of 5040 bytes"):
        types(box(b"free", bytes(1000 - 8 - 160)) * 6, 1000)


def test_mdat_of_size_0_ends_with_the_upload_or_over_its_limit() -> None:
    scanner = BoxScanner(LIMITS)
    scanner.feed(u32(0) + b"mdat" + b"payload")
    assert not scanner.skip()
    scanner.end()
    assert scanner.skip()
    assert scanner.take() == u32(0) + b"mdat" + b"payload"

    scanner = BoxScanner(LIMITS)
    scanner.feed(u32(0) + b"mdat" + bytes(4992))
    assert not scanner.skip()
    scanner.feed(b"1")
    with pytest.raises(BoxTooLarge, match="a chunk of 5001 bytes"):
        scanner.skip()


def test_memory_per_byte_is_small_when_bytes_come_one_by_one() -> None:
    """One buffer holds what is pending, not one object for each piece."""
    data = box(b"mdat", bytes(200_000))
    scanner = BoxScanner(BoxLimits())
    tracemalloc.start()
    for piece in in_pieces(data, 1):
        scanner.feed(piece)
        scanner.skip()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scanner.behind == len(data)
    assert peak < 3 * len(data)
