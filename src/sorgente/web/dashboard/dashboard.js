// The dashboard: a card for every channel, kept true by /api/v1/events.

import { Card, anchor } from "./card.js";
import { element, bytes, rate } from "./element.js";
import { listen } from "./events.js";
import { ingestLine } from "./lines.js";

const KEY = "sorgente-admin-key"; // in the tab's own storage, and gone with it

const $ = (id) => document.getElementById(id);
const cards = new Map();

function headers() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function show(channels) {
  for (const channel of channels) {
    let card = cards.get(channel.name);
    if (!card) {
      card = new Card(channel.name, headers);
      cards.set(channel.name, card);
      const after = [...cards.values()].filter((other) => other.name > channel.name);
      const next = after.sort((a, b) => (a.name < b.name ? -1 : 1))[0];
      $("channels").insertBefore(card.element, next ? next.element : null);
    }
    card.update(channel);
  }
  showWrong();
}

/** Which channels want to be looked at, whatever is on the screen; and in the title of the tab. */
function showWrong() {
  const wrong = [...cards.values()].filter((card) => card.serious)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  $("empty").hidden = cards.size > 0;
  $("wrong").hidden = !wrong.length;
  const names = wrong.map((card) => card.name).join(" ");
  document.title = wrong.length ? `(${wrong.length}) Sorgente` : "Sorgente";
  if ($("wrong").dataset.names === names) return; // else a link that has the focus would lose it
  $("wrong").dataset.names = names;
  const links = wrong.flatMap(({ name }) => [", ", element("a", { href: `#${anchor(name)}` }, name)]);
  $("wrong").replaceChildren(`${wrong.length === 1 ? "1 channel wants" : `${wrong.length} channels want`}`
    + " to be looked at: ", ...links.slice(1));
}

function forget(names) {
  for (const name of names) {
    cards.get(name)?.remove();
    cards.delete(name);
  }
  showWrong();
}

let before = null;

function showOrigin(origin) {
  const now = performance.now();
  const totals = origin.totals;
  const out = before ? (totals.bytes_out - before.bytes) * 8000 / (now - before.at) : 0;
  before = { bytes: totals.bytes_out, at: now };
  const awaited = origin.channels_awaited;
  $("origin").textContent = [
    `${origin.channels_live} live`,
    ...awaited ? [`${awaited} awaited, never published`] : [],
    `${origin.connections} connections`,
    `${rate(out)} out`,
    `${bytes(origin.window_bytes)} in memory`,
    `version ${origin.version}`,
  ].join(" · ") + (origin.closing ? " · shutting down" : "");
  showClock(origin.clock_ahead);
  $("sources").hidden = !origin.sources.length;
  $("sources-list").replaceChildren(...origin.sources.map(source));
}

/** What to do if the machine's clock was set back by more than is caught up with unseen. */
function showClock(ahead) {
  $("clock").hidden = ahead <= 1;
  const text = `The machine's clock was set back: players go on by a time ${ahead} s ahead of it. If it is right now, `
    + "leave the origin without channels for so long, or restart it and reload the players; if not, set it right (NTP).";
  if (!$("clock").hidden && $("clock").textContent !== text) $("clock").textContent = text;
}

/** How an encoder goes that the origin runs itself. */
function source({ channel, state, wait, line }) {
  const soon = wait ? ` in ${Math.ceil(wait)} s` : "";
  return element("li", {}, element("b", {}, channel), ` ${state}${soon} – ${line}`);
}

let last = null; // when something was heard

function heard(name, data) {
  last = new Date();
  $("key").hidden = true;
  $("lost").hidden = true;
  document.body.classList.remove("lost");
  if (name === "snapshot") {
    const names = new Set(data.channels.map((channel) => channel.name));
    forget([...cards.keys()].filter((each) => !names.has(each)));
  } else {
    forget(data.gone);
  }
  if (data.origin) showOrigin(data.origin);
  show(data.channels);
}

/** Nothing on the page is true any more: it is not to look as if it were. */
function lost(why) {
  const since = last ? ` What you see was so at ${last.toLocaleTimeString()}.` : "";
  const line = `${why[0].toUpperCase()}${why.slice(1)}; trying again.${since}`;
  if ($("lost").textContent !== line) $("lost").textContent = line; // else it is read out each time
  $("lost").hidden = false;
  $("origin").textContent = "";
  document.body.classList.add("lost");
  document.title = "(!) Sorgente";
}

async function run() {
  try {
    await listen("/api/v1/events", headers(), heard, lost);
  } catch (error) {
    $("origin").textContent = "";
    $("lost").hidden = true; // the form says why
    document.body.classList.add("lost");
    $("key-note").textContent = error.message;
    $("key").hidden = false;
    $("key-input").focus();
  }
}

$("key").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, $("key-input").value);
  $("key-input").value = "";
  run();
});

$("empty").append(element("pre", {}, ingestLine("live")));
run();
