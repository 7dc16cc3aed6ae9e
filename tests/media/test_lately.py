"""What is new of a count."""

from __future__ import annotations

from sorgente.media.lately import SPAN_SECONDS, Lately


def test_all_is_new_at_first_and_nothing_ten_minutes_later() -> None:
    lately = Lately()
    told = []
    for second in range(int(2.5 * SPAN_SECONDS)):
        lately.tick(12, 1000.0 + second)
        told.append(lately.of(12))
    assert set(told[: int(2 * SPAN_SECONDS)]) == {12}, "for twice a span at most"
    assert set(told[int(2 * SPAN_SECONDS) :]) == {0}


def test_the_newest_are_told_for_a_span_at_least() -> None:
    lately = Lately()
    lately.tick(5, 0.0)
    for spans in range(1, 4):
        lately.tick(5, spans * SPAN_SECONDS)
    assert lately.of(8) == 3, "between two ticks"
    lately.tick(8, 4 * SPAN_SECONDS)
    assert lately.of(8) == 3
    lately.tick(8, 5 * SPAN_SECONDS)
    assert lately.of(8) == 0
