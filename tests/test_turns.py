"""Turns: bounded in all and of one party, served party by party, and none is ever lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorgente.turns import Turns


class Table:
    """Where turns are had until they are told to end."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.turns = Turns(most, most_of_one)
        self.having: list[str] = []
        self.came: list[str] = []
        self._tasks: list[tuple[str, asyncio.Task[None], asyncio.Event]] = []

    async def come(self, *parties: str) -> None:
        for party in parties:
            over = asyncio.Event()
            self._tasks.append((party, asyncio.create_task(self._have(party, over)), over))
        await settled()

    async def end(self, party: str) -> None:
        """The first of ``party`` that has its turn."""
        self._end_first(party)
        await settled()

    async def leave(self, number: int) -> None:
        """Who came as ``number``, waiting or not."""
        self._tasks[number][1].cancel()
        await settled()

    async def end_and_leave(self, party: str, number: int) -> None:
        """Both, before anybody notices."""
        self._end_first(party)
        self._tasks[number][1].cancel()
        await settled()

    async def close(self) -> None:
        for _, task, _ in self._tasks:
            task.cancel()
        await asyncio.gather(*(task for _, task, _ in self._tasks), return_exceptions=True)

    def _end_first(self, party: str) -> None:
        waiting = [over for each, task, over in self._tasks if each == party and not task.done()]
        next(over for over in waiting if not over.is_set()).set()

    async def _have(self, party: str, over: asyncio.Event) -> None:
        async with self.turns.of(party):
            self.came.append(party)
            self.having.append(party)
            try:
                await over.wait()
            finally:
                self.having.remove(party)


async def settled() -> None:
    """Until nobody has anything to do: a turn takes three rounds of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_party_leaves_turns_for_others() -> None:
    table = Table(4, 2)
    await table.come("a", "a", "a", "a", "b")
    assert table.having == ["a", "a", "b"]
    await table.end("a")
    assert sorted(table.having) == ["a", "a", "b"], "one that waited has it"
    await table.close()


async def test_parties_take_turns() -> None:
    table = Table(2, 1)
    await table.come("x", "y", "a", "a", "a", "b", "b", "c")
    for party in "xyabcab":
        await table.end(party)
    assert "".join(table.came) == "xyabcaba", "as two go on at a time, and one of each"
    await table.close()


async def test_who_leaves_while_it_waits_is_passed_over() -> None:
    table = Table(1, 1)
    await table.come("a", "b", "c")
    await table.leave(1)
    await table.end("a")
    assert table.having == ["c"]
    await table.close()


@pytest.mark.parametrize("leaving", [1, 2])
async def test_a_turn_that_is_given_to_who_leaves_at_that_moment_goes_on(leaving: int) -> None:
    table = Table(1, 1)
    await table.come("a", "b", "b", "c")
    await table.end_and_leave("a", leaving)
    assert len(table.having) == 1
    await table.close()
    await table.come("d")
    assert table.having == ["d"]
    await table.close()


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "end", "leave", "both"]), st.integers(0, 3)),
        max_size=40,
    )
)
def test_no_turn_is_lost_and_none_is_had_twice(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, int]]) -> None:
    table = Table(3, 2)
    for step, number in steps:
        if step == "come":
            await table.come("abcd"[number])
        elif step == "leave" and number < len(table._tasks):
            await table.leave(number)
        elif table.having and step == "end":
            await table.end(table.having[number % len(table.having)])
        elif table.having and step == "both" and number < len(table._tasks):
            await table.end_and_leave(table.having[0], number)
        waiting = [party for party, task, _ in table._tasks if not task.done()]
        wanted = {party: min(2, waiting.count(party)) for party in set(waiting)}
        assert len(table.having) == min(3, sum(wanted.values()))
        assert all(table.having.count(party) <= 2 for party in "abcd")
    await table.close()
    assert not table.turns._under_way
    assert not table.turns._waiting
