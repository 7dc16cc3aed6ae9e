// How fast to play, so as to stay a given time behind the live edge.
// @ts-check

const EDGE_WINDOW = 2000; // milliseconds of arrivals that tell where the edge is
const DEAD_BAND = 0.008; // seconds off the target that are not worth a change of speed
const GAIN = 0.6; // of speed, for a second off the target
const SLOWEST = 0.92;
const FASTEST = 1.1; // of speed: people hear more than that
const STEP = 0.01; // of speed: a player that is told anew all the time plays no better
const TOO_FAR = 0.4; // seconds over the target: jump rather than hurry
const LEAST = 0.05; // seconds: a picture at 30 a second, and a bit
const LEARNT = 0.03; // seconds further from the edge for every stall
const MOST_LEARNT = 1.5;
const FORGOTTEN = 0.0005; // seconds that come back in each second without one

/** Where the live edge is, and how to follow it. Times are in seconds, those of day in
 * milliseconds. */
export class Pace {
  /** @type {{at: number, end: number}[]} */
  #arrivals = [];
  #floor = LEAST;
  #looked = 0;
  /** What lies between the edge and the screen besides the buffer, where that is known. */
  #around = 0;

  /** Media up to `end` are there. @param {number} end @param {number} now */
  arrived(end, now) {
    this.#arrivals.push({ at: now, end });
    while (now - this.#arrivals[0].at > EDGE_WINDOW) this.#arrivals.shift();
  }

  /** Another timeline begins. */
  reset() {
    this.#arrivals = [];
  }

  /** The playhead ran into the edge. */
  stalled() {
    this.#floor = Math.min(this.#floor + LEARNT, MOST_LEARNT);
  }

  /** A picture was this late on the screen. @param {number} latency @param {number} time of it
   * @param {number} now */
  seen(latency, time, now) {
    const around = latency - this.distance(time, now);
    if (Number.isFinite(around)) this.#around += (around - this.#around) * 0.05;
  }

  /** How far behind the edge `time` is. @param {number} time @param {number} now */
  distance(time, now) {
    // The chunk that came quickest says where the others would be, had nothing held them up.
    const edge = Math.max(...this.#arrivals.map(({ at, end }) => end + (now - at) / 1000));
    return edge - time;
  }

  /** What is aimed at, behind the edge. @param {number} target glass to glass */
  aim(target) {
    return Math.max(target - this.#around, this.#floor);
  }

  /** Where the playhead is to be; not finite: not known yet. @param {number} target @param {number} now */
  place(target, now) {
    return this.distance(0, now) - this.aim(target);
  }

  /**
   * The speed to play at, or the time to go to.
   * @param {number} time @param {number} target @param {number} now
   * @returns {{rate: number} | {jump: number} | null}
   */
  advise(time, target, now) {
    this.#floor = Math.max(LEAST, this.#floor - FORGOTTEN * Math.min(1, (now - this.#looked) / 1e3));
    this.#looked = now;
    const distance = this.distance(time, now);
    if (!Number.isFinite(distance)) return null;
    const off = distance - this.aim(target);
    if (off > TOO_FAR) return { jump: time + off };
    if (Math.abs(off) < DEAD_BAND) return { rate: 1 };
    const rate = Math.min(Math.max(1 + GAIN * off, SLOWEST), FASTEST);
    return { rate: Math.round(rate / STEP) * STEP };
  }
}
