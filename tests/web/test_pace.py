"""How the page's player keeps its distance, without a browser: a viewer and a stream, simulated."""

from __future__ import annotations

import pytest

from tests.web.modules import in_module

SIMULATE = """
const pace = new module.Pace();
const { target, start, late, around, seconds } = argument;
let [time, rate, stalls, jumps, arrived] = [start, 1, 0, 0, 0];
const distances = [];
for (let now = 0; now < seconds * 1000; now += 10) {
  for (; arrived * 1000 / 30 + late[arrived % late.length] <= now; arrived++) {
    pace.arrived((arrived + 1) / 30, now);
  }
  const end = arrived / 30;
  if (time + rate * 0.01 > end && arrived) { time = end; stalls++; pace.stalled(); }
  else if (arrived) time += rate * 0.01;
  if (around !== null) pace.seen(pace.distance(time, now) + around, time, now);
  const advice = now % 50 ? null : pace.advise(time, target, now);
  if (advice && "jump" in advice) { time = advice.jump; jumps++; }
  else if (advice) rate = advice.rate;
  distances.push(now / 1000 + 1 / 30 - time);
}
const last = distances.slice(-500);
return { least: Math.min(...last), most: Math.max(...last), stalls, jumps };
"""


def simulated(
    *,
    target: float,
    start: float = 0.0,
    late: list[int] | None = None,
    around: float | None = None,
    seconds: int = 60,
) -> dict[str, float]:
    """A stream at 30 frames a second, each ``late`` by so many milliseconds, in turn; what was seen
    of it, and how far behind the edge it was played in the last 5 s."""
    found = in_module(
        "pace.js", SIMULATE, {"target": target, "start": start, "late": late or [0],
                              "around": around, "seconds": seconds},
    )  # fmt: skip
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("target", [0.1, 0.3, 2.0])
def test_it_goes_to_its_target_and_stays_there(target: float) -> None:
    seen = simulated(target=target)
    assert target - 0.03 < seen["least"]
    assert seen["most"] < target + 0.03
    assert seen["jumps"] == 0


def test_what_is_around_the_buffer_counts_where_it_is_known() -> None:
    seen = simulated(target=0.2, around=0.08)
    assert seen["least"] > 0.1
    assert seen["most"] < 0.14


def test_far_behind_it_jumps() -> None:
    seen = simulated(target=0.1, start=-10)
    assert seen["jumps"] == 1
    assert seen["most"] < 0.13


def test_where_a_target_cannot_be_kept_it_learns_to_stay_away() -> None:
    seen = simulated(target=0.05, late=[0, 0, 0, 120], seconds=120)
    assert 0 < seen["stalls"] < 40
    assert seen["least"] > 0.1


def test_chunks_that_come_late_now_and_then_move_nothing() -> None:
    seen = simulated(target=0.2, start=-0.2, late=[0, 40, 0, 10, 90])
    assert seen["stalls"] == 0
    assert seen["least"] > 0.17
    assert seen["most"] < 0.23
