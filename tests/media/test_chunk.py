from sorgente.media.chunk import (
    CHUNK_OVERHEAD_BYTES,
    MOVABLE,
    Chunk,
    frame,
    framed,
    framed_movable,
    payload_of,
    plain,
    plain_movable,
)


def test_a_frame_is_hex_size_bytes_and_two_line_ends() -> None:
    assert frame(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_the_payload_is_a_view_into_the_frame_even_with_line_ends_in_it() -> None:
    framed_bytes = frame(b"\r\na\r\n")
    assert bytes(payload_of(framed_bytes)) == b"\r\na\r\n"
    assert payload_of(framed_bytes).obj is framed_bytes


def test_a_chunk_that_is_the_same_anywhere_is_kept_once() -> None:
    payload = b"moof"
    chunk = Chunk.of(payload, 1.0, movable=payload)
    assert chunk.movable is chunk.frame
    assert chunk.bytes_held == CHUNK_OVERHEAD_BYTES + len(chunk.frame)


def test_a_chunk_that_differs_for_late_joiners_is_kept_twice_and_counted_twice() -> None:
    chunk = Chunk.of(b"here", 1.0, movable=b"anywhere")
    assert framed(chunk) == frame(b"here")
    assert framed_movable(chunk) == frame(b"anywhere")
    assert plain(chunk) == b"here"
    assert plain_movable(chunk) == b"anywhere"
    frames = len(frame(b"here")) + len(frame(b"anywhere"))
    assert chunk.bytes_held == CHUNK_OVERHEAD_BYTES + frames


def test_moving_on_keeps_the_framing() -> None:
    assert {
        framed: framed_movable,
        framed_movable: framed_movable,
        plain: plain_movable,
        plain_movable: plain_movable,
    } == MOVABLE
