import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.media.chunk import Chunk
from sorgente.media.window import Window, WindowBounds

SECONDS, BYTES = 10.0, 3000


def chunk(at: float, size: int = 10, *, key: bool = False, inside: bool = False) -> Chunk:
    return Chunk.of(b"x" * size, at, random_access=key, has_sync_sample=key or inside)


def window_of(*chunks: Chunk, bounds: WindowBounds | None = None) -> Window:
    window = Window(bounds or WindowBounds(SECONDS, BYTES))
    for each in chunks:
        window.append(each, each.received_at)
    return window


def test_chunks_keep_their_numbers_when_older_ones_are_dropped() -> None:
    window = window_of(chunk(0), chunk(1), chunk(20))
    assert (window.first, window.end, len(window)) == (2, 3, 1)
    assert window[2].received_at == 20
    with pytest.raises(IndexError, match="chunk 1 has left the window, which starts at 2"):
        window[1]


def test_age_never_drops_the_newest_random_access_point_and_what_follows_it() -> None:
    window = window_of(chunk(0, key=True), chunk(1), chunk(2, key=True), chunk(3), chunk(50))
    assert window.first == 2
    assert window.newest_random_access == 2


def test_bytes_drop_even_that() -> None:
    window = window_of(*(chunk(0, 135, key=number == 0) for number in range(20)))
    assert window.bytes <= BYTES
    assert window.newest_random_access is None
    assert len(window) == 9, "of 300 bytes and a few each"


def test_expiry_needs_no_new_chunk() -> None:
    window = window_of(chunk(0), chunk(1))
    window.expire(11.5)
    assert (len(window), window.bytes, window.first) == (0, 0, 2)


def test_joining_starts_at_the_newest_or_the_oldest_random_access_point() -> None:
    window = window_of(chunk(0), chunk(1, key=True), chunk(2), chunk(3, key=True), chunk(4))
    assert window.newest_random_access == 3
    assert window.oldest_random_access == 1


def test_without_one_a_key_frame_inside_a_chunk_has_to_do() -> None:
    window = window_of(chunk(0), chunk(1, inside=True), chunk(2, inside=True), chunk(3))
    assert window.newest_random_access == 2
    assert window.oldest_random_access == 2


def test_a_new_init_segment_makes_what_is_before_it_unfit_to_start_at() -> None:
    window = window_of(chunk(0, key=True), chunk(1, inside=True))
    window.forget_random_access()
    assert window.newest_random_access is None
    window.append(chunk(2, inside=True), 2)
    assert window.newest_random_access == 2


def test_dropping_the_oldest_tells_what_it_frees() -> None:
    window = window_of(chunk(0, 50), chunk(1, 60))
    held = window.bytes
    assert window.drop_oldest() == held - window.bytes > 0
    assert window.drop_oldest() > 0
    assert window.drop_oldest() == 0
    assert (window.bytes, window.first) == (0, 2)


def test_three_quarters_full_is_crowded() -> None:
    window = window_of(chunk(0, 2000))
    assert not window.crowded
    window.append(chunk(0, 100), 0)
    assert window.crowded


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.integers(1, 1200), st.booleans(), st.booleans()), max_size=60
    )
)
def test_bounds_and_sums_hold_whatever_comes(
    pieces: list[tuple[float, int, bool, bool]],
) -> None:
    window = Window(WindowBounds(SECONDS, BYTES))
    now = 0.0
    kept: list[Chunk] = []
    for passed, size, key, inside in pieces:
        now += passed
        kept.append(chunk(now, size, key=key, inside=inside))
        window.append(kept[-1], now)
        assert window.bytes <= BYTES
        assert window.bytes == sum(each.bytes_held for each in window.run(window.first, 999))
        assert window.end == len(kept)
        assert window.run(window.first, 999) == kept[window.first :]
        newest = window.newest_random_access
        if newest is not None:
            assert kept[newest].has_sync_sample
            assert window.first <= newest < window.end
        for number in range(window.first, newest if newest is not None else window.end):
            assert window[number].received_at >= now - SECONDS
