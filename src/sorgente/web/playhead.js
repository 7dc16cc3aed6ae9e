// Where our own player plays, and how fast: a given time behind the live edge.
// @ts-check
import { Pace } from "./pace.js";

const GAP = 0.1; // seconds that a browser plays over by itself
const CRUMB = 0.2; // seconds before a gap: too little to end a seek with, which waits for ever

/** The place in one video element. Times are in seconds. */
export class Playhead {
  #video;
  #pace = new Pace();
  #stale = NaN; // up to where what is buffered is not to be played any more
  /** From glass to glass, that are aimed at. */
  target = 0.12;
  /** It ran out of media. */
  onstarved = () => {};

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
    video.addEventListener("waiting", this.#waiting);
  }

  close() {
    this.#video.removeEventListener("waiting", this.#waiting);
  }

  #waiting = () => {
    if (this.#video.seeking || !this.#video.currentTime) return;
    this.#pace.stalled();
    this.onstarved();
  };

  /** Behind the newest chunk, which is less than the whole latency; null: not known. */
  latency() {
    const distance = this.#pace.distance(this.#video.currentTime, performance.now());
    return Number.isFinite(distance) ? distance : null;
  }

  /** A picture was shown so late after it was made, with the playhead there.
   * @param {number} latency @param {number} time */
  seen(latency, time) {
    this.#pace.seen(latency, time, performance.now());
  }

  /** Media up to `end` are there. @param {number} end */
  arrived(end) {
    this.#pace.arrived(end, performance.now());
  }

  /** What comes is on another timeline. */
  reset() {
    this.#pace.reset();
  }

  /** Go on at the live edge when there is more than up to `end`. @param {number} end NaN: anywhere */
  playAfter(end) {
    this.#stale = end;
    this.#pace.reset();
  }

  /** Follow the edge: to be called some times a second. @param {number} end of what is buffered */
  follow(end) {
    const video = this.#video;
    const now = performance.now();
    if (!Number.isNaN(this.#stale)) return this.#playOn(end, now);
    if (video.paused) video.play().catch(() => {});
    const starved = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const here = nextPlayable(video.buffered, video.currentTime, starved);
    if (here !== null) {
      video.currentTime = here;
      return;
    }
    const advice = this.#pace.advise(video.currentTime, this.target, now);
    if (advice === null || video.seeking) return;
    if ("jump" in advice) {
      if (advice.jump > end) this.onstarved();
      video.currentTime = Math.min(advice.jump, end);
      return;
    }
    const rate = document.hidden ? 1 : advice.rate; // nobody may look again for a minute
    if (Math.abs(video.playbackRate - rate) > 0.001) video.playbackRate = rate;
  }

  /** @param {number} end @param {number} now */
  #playOn(end, now) {
    const place = this.#pace.place(this.target, now);
    if (end <= this.#stale || !Number.isFinite(place)) return;
    this.#stale = NaN;
    this.#video.currentTime = Math.min(place, end);
    this.#video.play().catch(() => {});
  }
}

/** Where to go from a place with nothing to play; null: there is something, or nothing ahead.
 * @param {TimeRanges} ranges @param {number} time @param {boolean} starved the browser waits */
function nextPlayable(ranges, time, starved) {
  for (let index = 0; index < ranges.length; index++) {
    if (time < ranges.start(index) - (starved ? 0 : GAP)) return ranges.start(index);
    const isLast = index === ranges.length - 1;
    if (time < ranges.end(index) + (starved && !isLast ? -CRUMB : GAP)) return null;
  }
  return null;
}
