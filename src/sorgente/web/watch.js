// The page: which players are on it, and what all of them are told.
// @ts-check
import { WallClock } from "./clock.js";
import { DirectPlayer } from "./direct.js";
import { DashPlayer, ShakaPlayer } from "./rivals.js";
import { at } from "./site.js";
import { Tile } from "./tile.js";

/** @typedef {new (video: HTMLVideoElement, channel: string, say: (line: string) => void)
 *            => import("./tile.js").Watched} Player */

/** By their names in the address (`?players=direct,dash`). @type {Record<string, [string, Player]>} */
const PLAYERS = {
  direct: ["direct", DirectPlayer],
  dash: ["dash.js", DashPlayer],
  shaka: ["Shaka", ShakaPlayer],
};
const TARGET_STEP = 10; // milliseconds, of the arrow keys

/** @template {Element} E @param {string} selector @param {new () => E} _kind @returns {E} */
const $ = (selector, _kind) => /** @type {E} */ (document.querySelector(selector));

const channel = decodeURIComponent(location.pathname.split("/").at(-1) || "live");
const main = $("main", HTMLElement);
const template = $("#tile", HTMLTemplateElement);
const slider = $("#target", HTMLInputElement);
const muteButton = $("#mute", HTMLButtonElement);
const pauseButton = $("#pause", HTMLButtonElement);
const clock = new WallClock();
/** @type {Map<string, Tile>} */
const tiles = new Map();
let muted = true; // browsers start nothing by itself that is heard
let paused = false; // all of them
let aimed = false; // the slider was moved: before that, every player has its own target

/** @param {string} name */
function toggle(name) {
  const tile = tiles.get(name);
  if (tile && tiles.size === 1) return;
  if (tile) {
    tile.close();
    tiles.delete(name);
  } else {
    add(name);
    if (paused) pause(false);
  }
  for (const button of document.querySelectorAll("nav button")) {
    const { player } = /** @type {HTMLElement} */ (button).dataset;
    button.setAttribute("aria-pressed", String(tiles.has(player ?? "")));
  }
  const address = new URL(location.href);
  address.searchParams.set("players", [...tiles.keys()].join());
  history.replaceState(null, "", address);
  hear();
  showTarget();
}

/** @param {string} name */
function add(name) {
  const [title, Player] = PLAYERS[name];
  const element = /** @type {HTMLElement} */ (
    /** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
  main.append(element);
  const sf = name === "direct" ? "o" : "d"; // a stream of ours, or DASH
  const told = { url: at(`cmcd/${encodeURIComponent(channel)}`), sf };
  const tile = new Tile(element, title, clock, told,
    (video, say) => new Player(video, channel, say));
  tiles.set(name, tile);
  if (aimed) tile.target = slider.valueAsNumber / 1000;
}

/** Only the first is heard: the others say the same a little later. */
function hear() {
  [...tiles.values()].forEach(({ video }, index) => {
    video.muted = muted || index > 0;
  });
  muteButton.textContent = muted ? "unmute" : "mute";
}

function mute() {
  muted = !muted;
  hear();
}

/** @param {boolean} wanted */
function pause(wanted) {
  if (paused === wanted) return;
  paused = wanted;
  for (const tile of tiles.values()) tile.paused = paused;
  pauseButton.textContent = paused ? "play" : "pause";
}

function fullScreen() {
  const [first] = tiles.values();
  if (document.fullscreenElement) document.exitFullscreen();
  else if (tiles.size > 1) main.requestFullscreen?.();
  else if (first.element.requestFullscreen) first.element.requestFullscreen();
  // iPhones show nothing but videos on their whole screen.
  else /** @type {any} */ (first.video).webkitEnterFullscreen?.();
}

function aim() {
  aimed = true;
  for (const tile of tiles.values()) tile.target = slider.valueAsNumber / 1000;
  showTarget();
}

function showTarget() {
  const known = aimed || [...tiles.keys()].every((name) => name === "direct");
  $("#target-shown", HTMLOutputElement).textContent = known ? `${slider.value} ms` : "each its own";
}

/** @param {number} steps */
function nudge(steps) {
  slider.valueAsNumber += steps * TARGET_STEP;
  aim();
}

/** @type {Record<string, () => void>} */
const KEYS = {
  m: mute,
  f: fullScreen,
  " ": () => pause(!paused),
  ArrowLeft: () => nudge(-1),
  ArrowRight: () => nudge(1),
};
Object.keys(PLAYERS).forEach((name, index) => {
  KEYS[String(index + 1)] = () => toggle(name);
});

document.addEventListener("keydown", (event) => {
  const pressed = event.target instanceof HTMLButtonElement && event.key === " ";
  const sliding = event.target === slider && event.key.startsWith("Arrow");
  const action = KEYS[event.key];
  const held = event.repeat && !event.key.startsWith("Arrow");
  const choosing = event.target instanceof HTMLSelectElement; // letters and arrows are its own
  if (!action || pressed || sliding || choosing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (!held) action();
});
for (const button of document.querySelectorAll("nav button")) {
  const { player } = /** @type {HTMLElement} */ (button).dataset;
  button.addEventListener("click", () => toggle(/** @type {string} */ (player)));
}
muteButton.addEventListener("click", mute);
pauseButton.addEventListener("click", () => pause(!paused));
// The keys of headsets and lock screens.
navigator.mediaSession?.setActionHandler("pause", () => pause(true));
navigator.mediaSession?.setActionHandler("play", () => pause(false));
$("#fullscreen", HTMLButtonElement).addEventListener("click", fullScreen);
slider.addEventListener("input", aim);

document.title = `${channel} · Sorgente`;
$("#channel", HTMLElement).textContent = channel;
const asked = (new URL(location.href).searchParams.get("players") ?? "").split(",");
const wanted = asked.filter((name) => Object.hasOwn(PLAYERS, name));
(wanted.length ? wanted : ["direct"]).forEach(toggle);
