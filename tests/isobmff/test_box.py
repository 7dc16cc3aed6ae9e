from __future__ import annotations

import pytest

from sorgente.errors import MalformedBox
from sorgente.isobmff.box import (
    MAX_CHILDREN,
    MAX_UNFOLDED,
    Box,
    BoxHeader,
    boxes,
    fourcc,
    read_header,
)
from tests.support.boxes import box, full, large_box, u32, u64

UUID = bytes(range(16))


def only(data: bytes, position: int = 0) -> Box:
    [found] = boxes(data, 0, len(data), position)
    return found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (u32(8) + b"free", BoxHeader(b"free", 8, 8)),
        (u32(20) + b"moof", BoxHeader(b"moof", 20, 8)),
        (u32(0) + b"mdat", BoxHeader(b"mdat", 0, 8)),
        (u32(1) + b"mdat" + u64(16), BoxHeader(b"mdat", 16, 16)),
        (u32(1) + b"mdat" + u64(1 << 40), BoxHeader(b"mdat", 1 << 40, 16)),
        (u32(24) + b"uuid", BoxHeader(b"uuid", 24, 24)),
        (u32(1) + b"uuid" + u64(32), BoxHeader(b"uuid", 32, 32)),
    ],
)
def test_header_whole_cut_short_and_with_more_behind(data: bytes, expected: BoxHeader) -> None:
    assert read_header(data, 0, len(data)) == expected
    assert read_header(data + b"more", 0, len(data) + 4) == expected
    assert read_header(b"xx" + data, 2, len(data) + 2) == expected
    for end in range(len(data)):
        assert read_header(data, 0, end) is None


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_header_smaller_than_itself_is_refused(size: int) -> None:
    with pytest.raises(MalformedBox, match=f"'moof' at byte 107 says it is {size} bytes"):
        read_header(b"1234567" + u32(size) + b"moof", 7, 15, position=100)


@pytest.mark.parametrize("size", [0, 1, 8, 15])
def test_large_size_smaller_than_its_header_is_refused(size: int) -> None:
    with pytest.raises(MalformedBox, match="less than its header"):
        read_header(u32(1) + b"mdat" + u64(size), 0, 16)


def test_uuid_without_room_for_its_usertype_is_refused() -> None:
    with pytest.raises(MalformedBox, match="'uuid' at byte 0 says it is 23 bytes"):
        read_header(u32(23) + b"uuid" + UUID, 0, 24)


def test_children_are_found_in_order() -> None:
    data = box(b"moof", box(b"mfhd", b"12"), box(b"uuid", UUID, b"body"), large_box(b"traf", b"3"))
    moof = only(data)
    found = list(moof.children())
    assert [child.type for child in found] == [b"mfhd", b"uuid", b"traf"]
    assert [data[child.body : child.end] for child in found] == [b"12", b"body", b"3"]
    assert b"".join(child.content for child in found) == data[8:]


def test_what_was_unfolded_is_not_read_again() -> None:
    moof = only(box(b"moof", box(b"mfhd", b"12"), box(b"traf", box(b"tfhd"))))
    inside = moof.unfold()
    assert inside == tuple(boxes(moof.data, moof.body, moof.end))
    assert all(again is first for again, first in zip(moof.children(), inside, strict=True))
    assert [child.type for child in moof.children(skip=10)] == [b"traf"]


def test_of_more_boxes_than_any_encoder_sends_nothing_is_kept() -> None:
    large = only(box(b"moof", box(b"mfhd"), box(b"free", bytes(MAX_UNFOLDED))))
    assert next(large.children()) is not large.unfold()[0]


def test_children_may_be_padded_with_zeros() -> None:
    moof = only(box(b"udta", box(b"kind"), bytes(4)))
    assert [child.type for child in moof.children()] == [b"kind"]


def test_child_that_reaches_over_its_parent_is_refused() -> None:
    moof = only(box(b"moof", u32(100) + b"traf", bytes(12)), position=1000)
    with pytest.raises(MalformedBox, match="'traf' at byte 1008 of 100 bytes reaches 80 bytes"):
        list(moof.children())


def test_rest_that_is_no_box_is_refused() -> None:
    moof = only(box(b"moof", box(b"mfhd"), b"abc"))
    with pytest.raises(MalformedBox, match="3 bytes at byte 16 are no box"):
        list(moof.children())


def test_size_0_is_for_mdat_alone() -> None:
    data = box(b"moof") + u32(0) + b"mdat" + b"payload"
    assert [found.end for found in boxes(data, 0, len(data))] == [8, len(data)]
    data = u32(0) + b"moof" + b"payload"
    with pytest.raises(MalformedBox, match="'moof' at byte 0 has size 0"):
        list(boxes(data, 0, len(data)))


def test_too_many_children_are_refused() -> None:
    moof = only(box(b"moof", box(b"free") * (MAX_CHILDREN + 1)))
    with pytest.raises(MalformedBox, match=f"has {MAX_CHILDREN} boxes before it"):
        list(moof.children())


def test_find_and_need() -> None:
    moof = only(box(b"moof", box(b"mfhd", b"1"), box(b"traf", b"2"), box(b"traf", b"3")))
    traf = moof.find(b"traf")
    assert traf is not None
    assert traf.content == box(b"traf", b"2")
    assert moof.find(b"free") is None
    with pytest.raises(MalformedBox, match="'moof' at byte 0 has no 'free'"):
        moof.need(b"free")


def test_fields_are_read_one_after_the_other() -> None:
    body = u32(2, 0xFFFFFFFF) + u64(3, (1 << 64) - 5) + b"\x01\x00\x02text\0rest"
    fields = only(full(b"test", 1, 0x20001, body)).fields()
    assert fields.version_and_flags() == (1, 0x20001)
    assert (fields.u32(), fields.i32(), fields.u64(), fields.i64()) == (2, -1, 3, -5)
    assert (fields.u8(), fields.u16(), fields.text()) == (1, 2, "text")
    assert (fields.left, fields.raw(4), fields.left) == (4, b"rest", 0)


def test_text_may_lack_its_last_zero_and_stays_inside_its_box() -> None:
    data = box(b"kind", b"text") + b"more\0"
    kind = next(boxes(data, 0, len(data)))
    fields = kind.fields()
    assert (fields.text(), fields.text(), fields.left) == ("text", "", 0)


@pytest.mark.parametrize("length", range(8))
def test_fields_past_the_end_are_refused(length: int) -> None:
    test = only(box(b"test", bytes(length)))
    for read in ("u64", "i64"):
        with pytest.raises(MalformedBox, match="'test' at byte 0 ends inside its fields"):
            getattr(test.fields(), read)()
    with pytest.raises(MalformedBox):
        test.fields().skip(length + 1)
    with pytest.raises(MalformedBox):
        test.fields(skip=length + 1).text()
    with pytest.raises(MalformedBox):
        list(test.children(skip=length + 1))


def test_fourcc_is_printable() -> None:
    assert fourcc(b"moof") == "moof"
    assert fourcc(b"\xa9nam") == "©nam"
    assert fourcc(b"\x00\x01ab") == "0x00016162"
