// The time of day: of the origin, and of a picture that carries its own (tools/stamp.py).
// @ts-check
import { at } from "./site.js";

/**
 * Where in a picture the blocks are, in parts of its width and height.
 * @typedef {{columns: number, rows: number, left: number, top: number, width: number,
 *            height: number}} Place
 */

/** In the picture of `sorgente demo` (tools/picture.py). @type {Place} */
export const DEMO = {
  columns: 24, rows: 2, left: 128 / 640, top: 304 / 360, width: 384 / 640, height: 32 / 360,
};

const SIDE = 4; // pixels of a block on the canvas: its middle is not blurred by its neighbours
const STAMP_BITS = 40;
const CHECK_PRIME = 251;
const PERIOD = 2 ** STAMP_BITS; // milliseconds after which stamps repeat: 34 years

/** Reads the blocks in the pictures of one video. */
export class ClockReader {
  #place;
  #context;

  /** @param {Place} place */
  constructor(place = DEMO) {
    this.#place = place;
    const canvas = document.createElement("canvas");
    canvas.width = place.columns * SIDE;
    canvas.height = place.rows * SIDE;
    this.#context = /** @type {CanvasRenderingContext2D} */ (
      canvas.getContext("2d", { willReadFrequently: true }));
  }

  /**
   * The moment the picture stands for, in milliseconds modulo 2 ** 40; null if the blocks are not
   * right, or not there.
   * @param {HTMLVideoElement} video
   */
  read(video) {
    const { columns, rows, left, top, width, height } = this.#place;
    const { canvas } = this.#context;
    const [w, h] = [video.videoWidth, video.videoHeight];
    this.#context.drawImage(video, left * w, top * h, width * w, height * h,
                            0, 0, canvas.width, canvas.height);
    const { data } = this.#context.getImageData(0, 0, canvas.width, canvas.height);
    let stamp = 0;
    let check = 0;
    for (let block = 0; block < columns * rows; block++) {
      const x = (block % columns) * SIDE + SIDE / 2;
      const y = Math.floor(block / columns) * SIDE + SIDE / 2;
      const bit = data[(y * canvas.width + x) * 4 + 1] > 127 ? 1 : 0;
      if (block < STAMP_BITS) stamp = stamp * 2 + bit;
      else check = check * 2 + bit;
    }
    return check === 255 - (stamp % CHECK_PRIME) ? stamp : null;
  }
}

/**
 * Milliseconds from a stamp to a moment; null where that is not a latency, as neither clock may be
 * right.
 * @param {number} stamp
 * @param {number} moment
 */
export function since(stamp, moment) {
  const late = (((moment - stamp) % PERIOD) + PERIOD) % PERIOD;
  return late < 3_600_000 ? late : null;
}

const LOOKS = 3;
const LOOK_AGAIN = 60_000; // milliseconds: clocks drift apart by some microseconds a second
const GRAIN = 2; // milliseconds that /time and performance.now() round off together
const THIS_MACHINE = /^(localhost|127\.[\d.]+|\[::1\])$/; // or one behind a tunnel, by that name

/** The origin's wall clock. */
export class WallClock {
  #ahead = NaN; // milliseconds, of this machine's

  constructor() {
    this.#look();
    setInterval(() => this.#look(), LOOK_AGAIN);
  }

  /** Milliseconds since 1970; NaN: not known yet. */
  now() {
    return performance.timeOrigin + performance.now() + this.#ahead;
  }

  /** The answer that took least time is the one that is nearest to the truth: half of that time at
   * most is it off. */
  async #look() {
    let least = Infinity;
    let ahead = NaN;
    for (let look = 0; look < LOOKS; look++) {
      const asked = performance.now();
      const answer = await fetch(at("time"), { cache: "no-store" }).catch(() => null);
      const there = answer?.ok ? Date.parse(await answer.text()) : NaN;
      const took = performance.now() - asked;
      if (Number.isNaN(there) || took >= least) continue;
      least = took;
      ahead = there - (performance.timeOrigin + asked + took / 2);
    }
    const mayBeOne = THIS_MACHINE.test(location.hostname) && Math.abs(ahead) <= least / 2 + GRAIN;
    if (Number.isFinite(least)) this.#ahead = mayBeOne ? 0 : ahead;
  }
}
