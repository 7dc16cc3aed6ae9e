"""How the dashboard listens to the origin, and when it takes it for lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.modules import in_module

LISTEN = """
const { mock } = await import("node:test");
mock.timers.enable({ apis: ["setTimeout"] });
const asked = [];
globalThis.fetch = async (url, { signal }) => {
  const { status, says, type } = argument.answers.length > 1
    ? argument.answers.shift() : argument.answers[0];
  asked.push(url);
  let control;
  const body = new ReadableStream({ start: (given) => { control = given; } });
  control.enqueue(new TextEncoder().encode(says));
  if (status !== 200) control.close();
  else signal.addEventListener("abort", () => control.error(signal.reason));
  return new Response(body, { status, headers: { "Content-Type": type } });
};
const log = [];
const lost = (why) => log.push(why);
const heard = (name, data) => log.push([name, data]);
const settled = () => new Promise((resolve) => setImmediate(resolve));
module.listen("/api/v1/events", {}, heard, lost)
  .catch((error) => log.push(`refused: ${error.message}`));
await settled();
for (const ms of argument.waits) {
  mock.timers.tick(ms);
  for (let turn = 0; turn < 9; turn++) await settled();
}
return { asked: asked.length, log };
"""
HELLO = 'event: snapshot\ndata: {"channels":[]}\n\n'
HEARD = ["snapshot", {"channels": []}]


def answer(status: int, says: str, of: str = "text/plain; charset=utf-8") -> dict[str, Any]:
    return {"status": status, "says": says, "type": of}


def listened(*answers: dict[str, Any], waits: list[int]) -> tuple[int, list[Any]]:
    """How often it asked, and what it heard or said, after so many milliseconds each."""
    found = in_module("dashboard/events.js", LISTEN, {"answers": answers, "waits": waits})
    return found["asked"], found["log"]


def test_it_waits_as_long_as_the_origin_may_be_silent() -> None:
    assert listened(answer(200, HELLO), waits=[15_000]) == (1, [HEARD])


def test_an_origin_that_falls_silent_is_lost_and_asked_again() -> None:
    asked, log = listened(answer(200, HELLO), waits=[21_000, 2000])
    assert (asked, log) == (2, [HEARD, "the origin does not answer", HEARD])


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        (answer(503, "100 listen already, and 100 may"), "100 listen already, and 100 may"),
        (answer(502, "<html>", "text/html"), "the origin answers 502"),
    ],
)
def test_it_says_why_it_gets_nothing(refusal: dict[str, Any], why: str) -> None:
    assert listened(refusal, answer(200, HELLO), waits=[2000]) == (2, [why, HEARD])


def test_without_a_key_it_asks_no_more() -> None:
    refusal = answer(401, "this takes the admin key")
    assert listened(refusal, waits=[60_000]) == (1, ["refused: this takes the admin key"])
