"""The other players of the watch page, while their libraries are still on the way."""

from __future__ import annotations

import pytest

from tests.web.modules import in_module

SWITCH = """
const scripts = [];
const running = new Set();
globalThis.location = new URL("http://localhost/watch/live");
globalThis.fetch = async () => { throw new Error("there is no origin"); };
globalThis.document = {
  createElement: () => ({}),
  head: { append: (script) => scripts.push(script) },
};
const player = function () { // called, or made with new
  const it = {
    create: () => it, on() {}, updateSettings() {}, initialize() { running.add(it); },
    addEventListener() {}, getNetworkingEngine: () => ({ registerResponseFilter() {} }),
    attach: async () => { running.add(it); }, load: async () => {}, configure() {},
    destroy() { running.delete(it); },
  };
  return it;
};
globalThis.dashjs = { MediaPlayer: Object.assign(player, { events: {} }) };
globalThis.shaka = { polyfill: { installAll() {} }, Player: player };

const said = [];
const video = { play: async () => {}, pause() {} };
const Player = module[argument.name];
const switched = () => new Player(video, "live", (line) => said.push(line));
const first = switched();
if (argument.again) { first.close(); switched(); }
for (const script of scripts) script[argument.event]();
await new Promise((resolve) => setImmediate(resolve));
if (argument.event === "onerror") switched();
return { running: running.size, scripts: scripts.length, said };
"""


def switched(name: str, *, event: str = "onload", again: bool = False) -> dict[str, object]:
    """What runs when the library is there (or is not: ``onerror``); ``again``: it was switched off
    and on while it loaded."""
    found = in_module("rivals.js", SWITCH, {"name": name, "event": event, "again": again})
    assert isinstance(found, dict)
    return found


NAMES = ["DashPlayer", "ShakaPlayer"]


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_when_its_library_is_there(name: str) -> None:
    assert switched(name) == {"running": 1, "scripts": 1, "said": ["loading", ""]}


@pytest.mark.parametrize("name", NAMES)
def test_switched_off_while_it_loads_it_never_runs(name: str) -> None:
    found = switched(name, again=True)
    assert found == {"running": 1, "scripts": 1, "said": ["loading", "loading", ""]}


@pytest.mark.parametrize("name", NAMES)
def test_a_library_that_did_not_come_is_asked_for_again(name: str) -> None:
    found = switched(name, event="onerror")
    assert (found["running"], found["scripts"]) == (0, 2)
