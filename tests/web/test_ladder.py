"""Which bit rate the page's player plays, without a browser; and when it changes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.web.modules import in_module

PLAY = """
const ladder = new module.Ladder();
const steps = [];
let rate = 0; // 0 is the highest
for (let now = 0; now < argument.seconds * 1000; now += 50) {
  const slow = argument.stalls.some(([rates, from, to]) =>
    rates > rate && now >= from * 1000 && now < to * 1000);
  if (slow && now % 300 === 0) ladder.stalled(now);
  const step = ladder.advise(now);
  if (step && rate + step >= 0 && rate + step < 3) {
    rate += step;
    ladder.moved(step, now);
    steps.push([Math.round(now / 1000), rate]);
  }
}
return steps;
"""


def played(seconds: float, *stalls: tuple[int, float, float]) -> list[list[int]]:
    """When it changed to which of three rates; ``stalls``: so many rates, from the highest, are too
    much from then to then."""
    found = in_module("ladder.js", PLAY, {"seconds": seconds, "stalls": stalls})
    assert isinstance(found, list)
    return found


def test_it_stays_where_nothing_stalls() -> None:
    assert played(600) == []


def test_it_stays_when_an_encoder_begins_anew() -> None:
    assert played(300, (3, 10, 10.4), (3, 12.5, 13.5)) == []


def test_it_goes_down_until_it_keeps_up() -> None:
    (first, one), (second, two) = played(50, (2, 10, 600))
    assert (one, two) == (1, 2)
    assert 10 < first < second < 22


def test_it_goes_up_again_when_it_may() -> None:
    *_, (up, rate) = played(90, (1, 10, 20))
    assert rate == 0
    assert 70 < up < 80


def test_it_tries_more_and_more_rarely() -> None:
    ups = [at for at, rate in played(1000, (1, 0, 1000)) if rate == 0]
    waits = [after - before for before, after in pairwise(ups)]
    assert len(waits) >= 2
    assert all(after > before * 1.5 for before, after in pairwise(waits))


HAND_OVER = """
const unit = ([kind, time, key]) => kind === "init" ? { init: {} } : { chunk: { kind, time, key } };
const stream = { units: argument.units.map(unit).values(), close() { this.closed = true; } };
const handover = new module.Handover(stream);
for (let count = 0; count < argument.hurries; count++) handover.hurry();
const begun = await handover.begun(() => argument.newest).catch((error) => error.message);
const { ready, late } = handover;
return { begun, ready, late, closed: stream.closed ?? false };
"""
UNITS: list[list[Any]] = [
    ["init"],
    ["video", 8.0, True],
    *(["audio", 8.9 + index / 50, True] for index in range(5)),
    ["video", 9.0, True],
    ["video", 10.0, True],
]


def handed_over(*units: list[Any], video: float, hurries: int = 0) -> dict[str, Any]:
    newest = {"video": video, "audio": 8.93}
    argument = {"units": units, "newest": newest, "hurries": hurries}
    found = in_module("handover.js", HAND_OVER, argument)
    assert isinstance(found, dict)
    return found


def test_it_takes_over_at_the_first_newer_key_frame_with_the_sound_that_is_missing() -> None:
    begun = handed_over(*UNITS, video=8.97)["begun"]
    assert "init" in begun[0]
    assert [each["chunk"]["time"] for each in begun[1:]] == [8.94, 8.96, 8.98, 9.0]


def test_it_does_not_go_back() -> None:
    found = handed_over(*UNITS, video=9.0)
    assert found["begun"][-1]["chunk"]["time"] == 10
    assert found["ready"]


def test_one_that_ends_early_takes_nothing_over() -> None:
    assert handed_over(*UNITS[:3], video=8.97)["begun"] == "it ended before it began"


def test_key_frames_that_never_fall_together_are_taken_as_they_are() -> None:
    assert handed_over(*UNITS, video=99, hurries=1)["begun"][-1]["chunk"]["time"] == 8
    assert handed_over(["init"], video=99, hurries=2)["closed"]
