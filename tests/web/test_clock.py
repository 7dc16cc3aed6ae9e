"""What the watch page takes for the origin's time of day, when two clocks may be one or not."""

from __future__ import annotations

import pytest

from tests.web.modules import in_module

LOOK = """
const { host, ahead, ways } = argument;
const local = Date.parse("2026-11-23T12:00:00.400Z");
let now = 0;
let asked = 0;
Object.defineProperty(globalThis, "performance", {
  value: { timeOrigin: local, now: () => now },
});
globalThis.location = new URL(`http://${host}:8080/watch/live`);
globalThis.setInterval = () => 0;
globalThis.fetch = async (url) => {
  const [there, back] = ways[asked++];
  if (new URL(url).pathname !== "/time") throw new Error(url);
  now += there;
  const answer = new Date(local + ahead + now).toISOString();
  now += back;
  return { ok: there < 1000, text: async () => answer };
};
const clock = new module.WallClock();
await new Promise((resolve) => setImmediate(resolve));
return clock.now() - now - local;
"""


def taken_for_ahead(host: str, ahead: float, *ways: tuple[float, float]) -> float | None:
    """Milliseconds that the origin is held to be ahead by, who is ``ahead`` indeed; the ways there
    and back of three questions take so many. None: it is not known."""
    found = in_module("clock.js", LOOK, {"host": host, "ahead": ahead, "ways": ways})
    assert found is None or isinstance(found, float | int)
    return found


FAST = ((9.0, 9.0), (2.0, 1.0), (30.0, 3.0))
SLOW = ((45.0, 15.0), (30.0, 10.0), (90.0, 10.0))
LOST = ((1000.0, 0.0),) * 3
HERE = ["localhost", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize("ways", [FAST, SLOW])
@pytest.mark.parametrize("host", HERE)
def test_one_machine_has_one_clock(host: str, ways: tuple[tuple[float, float], ...]) -> None:
    assert taken_for_ahead(host, 0, *ways) == 0


@pytest.mark.parametrize("ahead", [-7_200_000, -80, 80, 5000])
@pytest.mark.parametrize("host", HERE)
def test_behind_a_tunnel_there_are_two(host: str, ahead: float) -> None:
    assert taken_for_ahead(host, ahead, *SLOW) == pytest.approx(ahead, abs=11)


def test_another_host_has_its_own() -> None:
    assert taken_for_ahead("live.example", 1, *FAST) == pytest.approx(1, abs=2)
    assert taken_for_ahead("live.example", 0, *SLOW) == pytest.approx(0, abs=11)


@pytest.mark.parametrize("host", ["localhost", "live.example"])
def test_nothing_is_known_without_an_answer(host: str) -> None:
    assert taken_for_ahead(host, 0, *LOST) is None
