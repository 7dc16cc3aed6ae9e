// The time of day: of the origin, and of a picture that carries its own (tools/stamp.py).
// @ts-check

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

/** The origin's wall clock. This machine's, unless they are two. */
export class WallClock {
  #ahead = 0;

  constructor() {
    if (/^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname)) return;
    this.#look();
    setInterval(() => this.#look(), LOOK_AGAIN);
  }

  /** Milliseconds since 1970. */
  now() {
    return performance.timeOrigin + performance.now() + this.#ahead;
  }

  /** The answer that took least time is the one that is nearest to the truth. */
  async #look() {
    let best = Infinity;
    for (let look = 0; look < LOOKS; look++) {
      const asked = performance.now();
      const answer = await fetch("/time", { cache: "no-store" }).catch(() => null);
      const there = answer?.ok ? Date.parse(await answer.text()) : NaN;
      const took = performance.now() - asked;
      if (Number.isNaN(there) || took >= best) continue;
      best = took;
      this.#ahead = there + took / 2 - (performance.timeOrigin + performance.now());
    }
  }
}
