// Which of several bit rates to play: the highest that the connection keeps up with.
// @ts-check

const STALLS = 3; // so many in `WITHIN` are no accident
const WITHIN = 10_000; // milliseconds
const APART = 2000; // milliseconds: an encoder that begins anew makes several at once
const CALM = 60_000; // milliseconds without a stall until the next higher one is tried
const CALMEST = 16 * CALM; // it is tried in vain more and more rarely

/** Down by one after some stalls, up by one after a long time without. */
export class Ladder {
  /** @type {number[]} */
  #stalls = [];
  #since = NaN; // when the last change or stall was
  #calm = CALM;
  #climbed = false; // the last change was up

  /** @param {number} now milliseconds */
  stalled(now) {
    this.#since = now;
    if (!(now - this.#stalls[this.#stalls.length - 1] < APART)) this.#stalls.push(now);
  }

  /** Steps to go: 1 is to a lower bit rate, -1 to a higher one. @param {number} now */
  advise(now) {
    if (Number.isNaN(this.#since)) this.#since = now;
    this.#stalls = this.#stalls.filter((at) => now - at < WITHIN);
    if (this.#stalls.length >= STALLS) return 1;
    return now - this.#since > this.#calm ? -1 : 0;
  }

  /** So it was done. @param {number} step @param {number} now */
  moved(step, now) {
    if (step > 0 && this.#climbed) this.#calm = Math.min(this.#calm * 2, CALMEST);
    this.#climbed = step < 0;
    this.#stalls = [];
    this.#since = now;
  }
}
