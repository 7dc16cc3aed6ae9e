// One player on the page: its picture, what it says, and its numbers.
// @ts-check
import { ClockReader, since } from "./clock.js";
import { Plot } from "./plot.js";
import { RateMenu } from "./rates.js";
import { Reporter } from "./report.js";

const SAMPLE = 250; // milliseconds between values of the plots
const MISSES = 60; // pictures without a clock, after which few are looked at
const RARELY = 30; // every so many of them: a clock may come later
const FRESH = 1000; // milliseconds that a measured latency stands for

/**
 * What a tile wants of a player.
 * @typedef {{target: number, bytes: number, pause(): void, play(): void, close(): void,
 *            latency(): number | null, seen(seconds: number, time: number): void,
 *            pictures?: readonly import("./stream.js").Picture[],
 *            choose?: (name: string) => void}} Watched
 */

/** @param {number} seconds */
const milliseconds = (seconds) =>
  seconds < 10 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;

export class Tile {
  element;
  video;
  #player;
  #reader = new ClockReader();
  #clock;
  #label;
  #note;
  #rates;
  #misses = 0;
  #late = NaN;
  #measured = -Infinity;
  #stalls = 0;
  #stalledAt = 0;
  #playing = false;
  #timer;
  #reporter;
  /** How it fares, as it is told. @type {import("./report.js").State} */
  #fares = { latency: null, buffer: NaN, bits: null, rate: 1 };
  #plots = {
    latency: new Plot("latency", milliseconds, 0.2),
    buffer: new Plot("buffer", milliseconds, 0.2),
    rate: new Plot("speed", (value) => `${value.toFixed(2)} ×`, 1.2),
    bits: new Plot("bit rate", (value) => `${(value / 1e6).toFixed(2)} Mbit/s`, 1e6),
    stalls: new Plot("stalls", String, 4),
    dropped: new Plot("dropped frames", String, 20),
  };

  /**
   * @param {HTMLElement} element made of the page's template
   * @param {string} name
   * @param {import("./clock.js").WallClock} clock
   * @param {{url: string, sf: string}} told where it tells what it plays, and how (CMCD)
   * @param {(video: HTMLVideoElement, say: (line: string) => void) => Watched} make
   */
  constructor(element, name, clock, { url, sf }, make) {
    this.element = element;
    this.#clock = clock;
    this.video = /** @type {HTMLVideoElement} */ (element.querySelector("video"));
    this.#label = /** @type {HTMLElement} */ (element.querySelector(".latency"));
    this.#note = /** @type {HTMLElement} */ (element.querySelector(".note"));
    /** @type {HTMLElement} */ (element.querySelector("h2")).textContent = name;
    element.dataset.player = name;
    element.querySelector(".plots")?.append(...Object.values(this.#plots).map((p) => p.element));
    const reporter = new Reporter(url, sf, () => this.#fares);
    this.#reporter = reporter;
    this.video.addEventListener("playing", () => {
      this.#playing = true;
      reporter.is("p");
    });
    this.video.addEventListener("pause", () => reporter.is("a"));
    this.video.addEventListener("waiting", () => {
      if (this.#playing && !this.video.seeking) {
        this.#stalls++;
        this.#stalledAt = performance.now();
        reporter.is("r");
      }
    });
    this.#player = make(this.video, (line) => this.#say(line));
    const rates = /** @type {HTMLSelectElement} */ (element.querySelector(".rates"));
    this.#rates = new RateMenu(rates, (picture) => this.#player.choose?.(picture));
    this.#timer = setInterval(() => this.#sample(), SAMPLE);
    this.#next();
  }

  /** @param {number} seconds */
  set target(seconds) {
    this.#player.target = seconds;
  }

  /** @param {boolean} paused */
  set paused(paused) {
    if (paused) this.#player.pause();
    else this.#player.play();
  }

  close() {
    clearInterval(this.#timer);
    this.#reporter.close();
    this.#player.close();
    this.element.remove();
  }

  /** @param {string} line */
  #say(line) {
    this.#note.textContent = line;
  }

  #next() {
    // Firefox before 132 has no such callback: it shows the player's own latency.
    this.video.requestVideoFrameCallback?.(() => this.#picture());
  }

  /** A picture is on the screen. */
  #picture() {
    const now = this.#clock.now();
    if (this.#misses < MISSES || this.#misses % RARELY === 0) {
      const stamp = this.#reader.read(this.video);
      const late = stamp === null ? null : since(stamp, now);
      if (late !== null) {
        this.#misses = 0;
        this.#late = late / 1000;
        this.#measured = performance.now();
        this.#player.seen(this.#late, this.video.currentTime);
      } else this.#misses++;
    } else this.#misses++;
    this.#next();
  }

  #sample() {
    const { video } = this;
    const now = performance.now();
    const isTrue = now - this.#measured < FRESH;
    const latency = isTrue ? this.#late : this.#player.latency();
    const { buffered, currentTime } = video;
    const end = buffered.length ? buffered.end(buffered.length - 1) : NaN;
    const bytes = this.#player.bytes;
    const buffer = Math.max(0, end - currentTime);
    const bits = this.#bitRate(bytes, now);
    const told = video.paused ? null : latency; // whoever pauses is not late
    this.#fares = { latency: told, buffer, bits, rate: video.playbackRate };
    this.#plots.latency.add(latency);
    this.#plots.buffer.add(buffer);
    this.#plots.rate.add(video.playbackRate);
    this.#plots.bits.add(bits);
    this.#plots.stalls.add(this.#stalls);
    this.#plots.dropped.add(video.getVideoPlaybackQuality().droppedVideoFrames);
    this.#rates.show(this.#player.pictures ?? []);
    this.#label.textContent = latency === null ? "" : milliseconds(latency);
    this.#label.title = isTrue
      ? "from the camera to this screen, read from the picture"
      : "what the player says: the picture carries no clock";
    this.#label.classList.toggle("measured", isTrue);
    this.element.classList.toggle("stalled", now - this.#stalledAt < FRESH && this.#stalls > 0);
  }

  /** @type {{at: number, bytes: number}[]} */
  #counts = [];

  /** Bits per second, over the last two of them. @param {number} bytes @param {number} now */
  #bitRate(bytes, now) {
    this.#counts.push({ at: now, bytes });
    while (now - this.#counts[0].at > 2000 + SAMPLE) this.#counts.shift();
    const [first] = this.#counts;
    return now > first.at ? ((bytes - first.bytes) * 8000) / (now - first.at) : null;
  }
}
