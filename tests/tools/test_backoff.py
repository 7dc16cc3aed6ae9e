"""Waiting longer each time, up to a bound, and forgetting it when things go well."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sorgente.tools.backoff import Backoff


def test_the_wait_doubles_to_its_bound_and_begins_anew_when_it_ran_well() -> None:
    backoff = Backoff(0.5, 3.0, healthy=20.0)
    assert [backoff.after(0.1) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert [backoff.after(20.0), backoff.after(19.9), backoff.after(100.0)] == [0.5, 1.0, 0.5]


@given(st.lists(st.floats(0, 100)))
def test_no_wait_is_shorter_than_the_first_or_longer_than_the_most(lasted: list[float]) -> None:
    backoff = Backoff()
    assert all(backoff.first <= backoff.after(each) <= backoff.most for each in lasted)
