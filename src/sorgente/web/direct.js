// Our own player: `/play/{channel}` into a source buffer, chunk by chunk, as it comes.
//
// One request that never ends. When it does end (the encoder, the origin or the network was lost),
// it is made anew, and what comes is put behind what was played: the picture stands still, the page
// need not be loaded again.
// @ts-check
import { Cutter } from "./boxes.js";
import { Pace } from "./pace.js";
import { NOT_FOR_YOU, at, words } from "./site.js";
import { Feeder, feedable } from "./source.js";

const LOOK = 50; // milliseconds between looks at the speed
const AGAIN = [250, 500, 1000, 2000]; // milliseconds until the next try
const REFUSED = 15000; // milliseconds until who may not watch asks again
const SILENCE = 4000; // milliseconds without a byte: another request may be luckier
const FORGET = 5000; // milliseconds of media that make the next failure the first one
const SAME = 5; // seconds that a stream may be off what was played and still be the same
const LEAD = 1; // seconds before the first chunk, for sound that begins before its picture

/** @typedef {import("./tile.js").Watched} Watched */

/** The origin says no, and why. */
class Refused extends Error {}

/** @implements {Watched} */
export class DirectPlayer {
  #video;
  #url;
  #say;
  #pace = new Pace();
  /** @type {Feeder | null} */
  #feeder = null;
  #offset = NaN; // seconds between decode times and the element's
  #closed = new AbortController();
  #timer = 0;
  #heard = 0; // when the last byte came
  #failures = 0;
  bytes = 0;
  /** Seconds from glass to glass that are aimed at. */
  target = 0.12;

  /** @param {HTMLVideoElement} video @param {string} channel @param {(line: string) => void} say */
  constructor(video, channel, say) {
    this.#video = video;
    this.#url = at(`play/${encodeURIComponent(channel)}`);
    this.#say = say;
    if (!feedable) {
      say("this browser has no Media Source Extensions: it plays the stream its own way");
      video.src = this.#url;
      return;
    }
    this.#timer = setInterval(() => this.#look(), LOOK);
    video.addEventListener("waiting", this.#waiting);
    this.#run();
  }

  close() {
    this.#closed.abort();
    clearInterval(this.#timer);
    this.#video.removeEventListener("waiting", this.#waiting);
    this.#feeder?.close();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  /** Seconds behind the newest chunk, which is less than the whole latency; null: not known. */
  latency() {
    const distance = this.#pace.distance(this.#video.currentTime, performance.now());
    return Number.isFinite(distance) ? distance : null;
  }

  /** A picture was shown so many seconds after it was made, with the playhead there.
   * @param {number} seconds @param {number} time */
  seen(seconds, time) {
    this.#pace.seen(seconds, time, performance.now());
  }

  #waiting = () => {
    if (!this.#video.seeking && this.#video.currentTime > 0) this.#pace.stalled();
  };

  async #run() {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      this.#say("waiting for the stream");
      const request = new AbortController();
      const hang = () => request.abort();
      signal.addEventListener("abort", hang);
      const began = performance.now();
      let refused = false;
      try {
        await this.#play(request);
        this.#say("the stream has ended");
      } catch (error) {
        if (signal.aborted) return;
        refused = error instanceof Refused;
        const { message } = /** @type {Error} */ (error);
        this.#say(refused ? message : `interrupted: ${message}`);
      } finally {
        signal.removeEventListener("abort", hang);
        request.abort();
      }
      if (performance.now() - began > FORGET) this.#failures = 0;
      const wait = refused ? REFUSED : AGAIN[Math.min(this.#failures++, AGAIN.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** One request, to its end. @param {AbortController} request */
  async #play(request) {
    const response = await fetch(this.#url, { cache: "no-store", signal: request.signal });
    if (NOT_FOR_YOU.includes(response.status)) throw new Refused(await words(response));
    if (!response.ok || !response.body) throw new Error(await words(response));
    const reader = response.body.getReader();
    const cutter = new Cutter();
    this.#heard = performance.now();
    const patience = setInterval(() => {
      if (performance.now() - this.#heard > SILENCE) request.abort(new Error("nothing comes"));
    }, LOOK);
    const refused = (/** @type {Error} */ error) => {
      this.#drop();
      request.abort(error);
    };
    try {
      /** @type {import("./boxes.js").Init | null} */
      let init = null;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.#heard = performance.now();
        this.bytes += value.length;
        for (const unit of cutter.feed(value)) {
          if ("init" in unit) {
            init = unit.init;
            await this.#begin(init, refused);
          } else if (init !== null) {
            this.#append(init, unit.chunk);
          }
        }
      }
    } finally {
      clearInterval(patience);
    }
  }

  /** @param {import("./boxes.js").Init} init @param {(error: Error) => void} refused */
  async #begin(init, refused) {
    if (!init.tracks.length) throw new Error("there is neither picture nor sound in it");
    if (this.#feeder && (this.#video.error || !this.#feeder.follows(init))) this.#drop();
    if (!this.#feeder) {
      this.#feeder = new Feeder(this.#video);
      this.#feeder.onappended = () => this.#appended();
    }
    this.#feeder.onerror = refused;
    this.#fresh = true;
    await this.#feeder.begin(init);
    this.#say("");
  }

  #fresh = true; // the next chunk is the first of a request, or behind a new init segment

  /** @param {import("./boxes.js").Init} init @param {import("./boxes.js").Chunk} chunk */
  #append(init, chunk) {
    if (this.#fresh) {
      const track = init.tracks.find(({ id }) => id === chunk.track);
      this.#place(chunk.time / (track?.timescale ?? 1));
      this.#fresh = false;
    }
    this.#feeder?.append(chunk.bytes);
  }

  /** Where on the element's timeline a stream goes that begins at `time`: on where it was, if it
   * is the same; else behind what is there. @param {number} time */
  #place(time) {
    const end = this.#feeder?.end ?? NaN;
    const here = Number.isNaN(end) ? this.#video.currentTime + LEAD : end;
    if (Math.abs(time + this.#offset - here) < SAME) return;
    this.#offset = here - time;
    this.#feeder?.shift(this.#offset);
    this.#pace.reset();
  }

  #appended() {
    const end = this.#feeder?.end ?? NaN;
    if (!Number.isNaN(end)) this.#pace.arrived(end, performance.now());
  }

  /** Begin with a new media source: this one is broken, or does for other media. */
  #drop() {
    this.#feeder?.close();
    this.#feeder = null;
    this.#offset = NaN;
    this.#pace.reset();
  }

  #look() {
    const video = this.#video;
    if (!this.#feeder || !video.buffered.length) return;
    if (video.paused && !this.held) video.play().catch(() => {});
    const now = performance.now();
    const here = nextPlayable(video.buffered, video.currentTime);
    if (here !== null) {
      video.currentTime = here;
      return;
    }
    const advice = this.#pace.advise(video.currentTime, this.target, now);
    if (advice === null || video.seeking) return;
    if ("jump" in advice) {
      video.currentTime = Math.min(advice.jump, this.#feeder.end);
    } else if (Math.abs(video.playbackRate - advice.rate) > 0.001) {
      video.playbackRate = advice.rate;
    }
  }

  /** Somebody has paused it. */
  held = false;
}

const GAP = 0.1; // seconds that a browser plays over by itself

/** Where to go from a place with nothing to play; null: there is something, or nothing ahead.
 * @param {TimeRanges} ranges @param {number} time */
function nextPlayable(ranges, time) {
  for (let index = 0; index < ranges.length; index++) {
    if (time < ranges.start(index) - GAP) return ranges.start(index);
    if (time < ranges.end(index) + GAP) return null;
  }
  return null;
}
