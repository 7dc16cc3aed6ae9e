// dash.js and Shaka, as npm has them (web/package.json), on the same channel's manifest.
// @ts-check
import { NOT_FOR_YOU, at, words } from "./site.js";

/** @typedef {import("./tile.js").Watched} Watched */

/** Whose script is being loaded, or was. @type {Map<string, Promise<void>>} */
const scripts = new Map();

/** @param {string} name of the file in static/vendor */
function loaded(name) {
  let loading = scripts.get(name);
  if (!loading) {
    loading = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`vendor/${name}`, import.meta.url).href;
      script.onload = () => resolve();
      script.onerror = () => {
        scripts.delete(name); // whoever asks again may be luckier
        reject(new Error("it is not packed into this origin (npm was not there when it was built: "
          + "see docs/players.md)"));
      };
      document.head.append(script);
    });
    scripts.set(name, loading);
  }
  return loading;
}

/** @param {string} channel */
const manifest = (channel) => at(`live/${encodeURIComponent(channel)}/manifest.mpd`);

/** Why a player stopped: the origin's words if it says no, else the player's own, which never tell
 * a token that has expired from a lost network. @param {string} url @param {string} said */
async function reason(url, said) {
  const response = await fetch(url, { cache: "no-store" }).catch(() => null);
  return response && NOT_FOR_YOU.includes(response.status) ? words(response) : said;
}

/** Seconds that a target may not go below: both count in segments' chunks, and stall. */
const LEAST = 0.15;

/** What both have in common. @implements {Watched} */
class Rival {
  video;
  bytes = 0;
  target_ = NaN;
  #closed = false;

  /** @param {HTMLVideoElement} video @param {string} channel @param {(line: string) => void} say
   * @param {string} script */
  constructor(video, channel, say, script) {
    this.video = video;
    this.#load(script, manifest(channel), say);
  }

  /** @param {string} script @param {string} url @param {(line: string) => void} say */
  async #load(script, url, say) {
    say("loading");
    try {
      await loaded(script);
      if (this.#closed) return;
      await this.start(url, say);
      say("");
      if (!Number.isNaN(this.target_)) this.aim(this.target_);
    } catch (error) {
      if (!this.#closed) say(await reason(url, /** @type {Error} */ (error).message));
    }
  }

  /** @param {string} _url @param {(line: string) => void} _say */
  async start(_url, _say) {}
  /** @param {number} _seconds */
  aim(_seconds) {}
  close() {
    this.#closed = true;
  }
  pause() {
    this.video.pause();
  }
  play() {
    this.video.play().catch(() => {});
  }
  /** @returns {number | null} */
  latency() {
    return null;
  }
  seen() {}

  get target() {
    return this.target_;
  }
  set target(seconds) {
    this.target_ = Math.max(seconds, LEAST);
    this.aim(this.target_);
  }
}

export class DashPlayer extends Rival {
  /** @type {any} */
  #player = null;

  /** @param {HTMLVideoElement} video @param {string} channel
   * @param {(line: string) => void} say */
  constructor(video, channel, say) {
    super(video, channel, say, "dash.js");
  }

  /** @param {string} url @param {(line: string) => void} say */
  async start(url, say) {
    const { dashjs } = /** @type {any} */ (globalThis);
    const player = dashjs.MediaPlayer().create();
    this.#player = player;
    const { ERROR, FRAGMENT_LOADING_COMPLETED } = dashjs.MediaPlayer.events;
    player.on(ERROR, (/** @type {any} */ { error }) =>
      reason(url, error?.message ?? "an error").then(say));
    player.on(FRAGMENT_LOADING_COMPLETED, (/** @type {any} */ { request }) => {
      this.bytes += request?.bytesLoaded ?? 0;
    });
    player.initialize(this.video, url, true);
  }

  /** @param {number} seconds */
  aim(seconds) {
    this.#player?.updateSettings({ streaming: { delay: { liveDelay: seconds } } });
  }

  latency() {
    const seconds = this.#player?.getCurrentLiveLatency();
    return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  }

  close() {
    super.close();
    this.#player?.destroy();
  }
}

export class ShakaPlayer extends Rival {
  /** @type {any} */
  #player = null;

  /** @param {HTMLVideoElement} video @param {string} channel
   * @param {(line: string) => void} say */
  constructor(video, channel, say) {
    super(video, channel, say, "shaka-player.js");
  }

  /** @param {string} url @param {(line: string) => void} say */
  async start(url, say) {
    const { shaka } = /** @type {any} */ (globalThis);
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    this.#player = player;
    player.addEventListener("error", (/** @type {any} */ { detail }) =>
      reason(url, `error ${detail.code}`).then(say));
    player.getNetworkingEngine().registerResponseFilter(
      (/** @type {any} */ _, /** @type {any} */ response) => {
        this.bytes += response.data?.byteLength ?? 0;
      });
    await player.attach(this.video);
    await player.load(url);
    await this.video.play();
  }

  /** @param {number} seconds */
  aim(seconds) {
    this.#player?.configure({ streaming: { liveSync: { targetLatency: seconds } } });
  }

  latency() {
    // Not getStats().liveLatency: it takes the moment of a ProducerReferenceTime for that of the
    // presentation's start, whatever period it stands in, and is off by all that lies between.
    const start = this.#player?.getManifest()?.presentationTimeline.getPresentationStartTime();
    const seconds = Date.now() / 1000 - start - this.video.currentTime;
    return this.video.currentTime > 0 && seconds > 0 ? seconds : null;
  }

  #stood = 0; // when it was paused

  pause() {
    super.pause();
    this.#stood = performance.now();
  }

  /** As far behind as it was: by itself it would take ten times as long as the pause was. */
  play() {
    const { video } = this;
    if (video.currentTime > 0) video.currentTime += (performance.now() - this.#stood) / 1000;
    super.play();
  }

  close() {
    super.close();
    this.#player?.destroy();
  }
}
