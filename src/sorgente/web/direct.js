// Our own player: `/play/{channel}` into a source buffer, chunk by chunk, as it comes.
//
// One request that never ends. When it does end (the encoder, the origin or the network was lost),
// it is made anew, and what comes is put behind what was played: the picture stands still, the page
// need not be loaded again. Of several bit rates it asks for one; to play another, it makes a second
// request, which takes over at a key frame.
// @ts-check
import { Handover } from "./handover.js";
import { Ladder } from "./ladder.js";
import { Playhead } from "./playhead.js";
import { at } from "./site.js";
import { Feeder, feedable } from "./source.js";
import { Refused, Stream } from "./stream.js";

const LOOK = 50; // milliseconds between looks at all that may have changed
const AGAIN = [250, 500, 1000, 2000]; // milliseconds until the next try
const REFUSED = 15000; // milliseconds until who may not watch asks again
const FORGET = 5000; // milliseconds of media that make the next failure the first one
const SAME = 5; // seconds that a stream may be off what was played and still be the same
const PATIENCE = 10_000; // milliseconds for the key frames of two bit rates to fall together
const HOLD = 60; // milliseconds that one of them waits for the other: less than is buffered
const SILENT = 500; // milliseconds without media: not the connection is slow, the encoder is away
const LEAD = 1; // seconds before the first chunk, for sound that begins before its picture

/** @typedef {import("./tile.js").Watched} Watched */
/** @typedef {import("./boxes.js").Unit} Unit */

/** @implements {Watched} */
export class DirectPlayer {
  #video;
  #url;
  #say;
  #head;
  /** @type {Feeder | null} */
  #feeder = null;
  #offset = NaN; // seconds between decode times and the element's
  #closed = false;
  #timer = 0;
  #failures = 0;
  /** @type {Stream | null} */
  #stream = null;
  /** What another begins with that has just taken over. @type {Unit[]} */
  #handed = [];
  /** What is to take over. @type {Handover | null} */
  #next = null;
  /** Pictures that wait for those of `#next`.
   * @type {{since: number, chunks: import("./boxes.js").Chunk[]} | null} */
  #held = null;
  #newest = { video: -Infinity, audio: -Infinity }; // seconds of decoding
  #fed = -Infinity; // when media came last
  #ladder = new Ladder();
  #choice = ""; // of whoever watches; empty: none
  /** @type {readonly import("./stream.js").Picture[]} */
  pictures = [];
  bytes = 0;
  #paused = false; // by whoever watches
  #resume = () => {};
  /** Resolved unless it is paused: then as soon as it is played on. */
  #resumed = Promise.resolve();

  /** @param {HTMLVideoElement} video @param {string} channel @param {(line: string) => void} say */
  constructor(video, channel, say) {
    this.#video = video;
    this.#head = new Playhead(video);
    this.#head.onstarved = () => this.#fellBehind();
    this.#url = at(`play/${encodeURIComponent(channel)}`);
    this.#say = say;
    if (!feedable) {
      this.#playItsWay();
      return;
    }
    this.#timer = setInterval(() => this.#look(), LOOK);
    this.#run();
  }

  #playItsWay() {
    this.#say("this browser has no Media Source Extensions: it plays the stream its own way");
    this.#video.src = `${this.#url}?picture=`;
  }

  close() {
    this.#closed = true;
    this.#stream?.close();
    this.#next?.stream.close();
    clearInterval(this.#timer);
    this.#head.close();
    this.#feeder?.close();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  /** The picture stands, and nothing more is downloaded. */
  pause() {
    if (this.#paused) return;
    this.#paused = true;
    this.#resumed = new Promise((resolve) => (this.#resume = resolve));
    this.#video.pause();
    this.#stream?.close();
    this.#say("paused");
  }

  /** Go on, at the live edge. */
  play() {
    if (!this.#paused) return;
    this.#paused = false;
    if (!feedable) this.#playItsWay();
    this.#head.playAfter(this.#feeder?.end ?? NaN);
    this.#resume();
  }

  get target() {
    return this.#head.target;
  }
  set target(seconds) {
    this.#head.target = seconds;
  }

  latency() {
    return this.#head.latency();
  }

  /** @param {number} seconds @param {number} time */
  seen(seconds, time) {
    this.#head.seen(seconds, time);
  }

  /** There was nothing to play, though something comes: too slowly. */
  #fellBehind() {
    const now = performance.now();
    if (now - this.#fed < SILENT && !document.hidden) this.#ladder.stalled(now);
  }

  async #run() {
    for (;;) {
      while (this.#paused) await this.#resumed;
      if (this.#closed) return;
      const resumed = this.#resumed;
      this.#say("waiting for the stream");
      const began = performance.now();
      let refused = false;
      try {
        await this.#play();
        this.#say("the stream has ended");
      } catch (error) {
        if (this.#closed) return;
        if (this.#resumed !== resumed) continue; // it was paused
        refused = error instanceof Refused;
        const { message } = /** @type {Error} */ (error);
        this.#say(refused ? message : `interrupted: ${message}`);
      } finally {
        this.#stream?.close();
        this.#stream = null;
        this.#next?.stream.close();
        this.#next = null;
      }
      if (performance.now() - began > FORGET) this.#failures = 0;
      const wait = refused ? REFUSED : AGAIN[Math.min(this.#failures++, AGAIN.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** A request, and those that take over from it, until one ends. */
  async #play() {
    this.#stream = this.#request(this.#choice || this.#playing?.name || "");
    let stream;
    do {
      stream = this.#stream;
      try {
        for (const unit of this.#handed.splice(0)) await this.#take(stream, unit);
        for await (const unit of stream.units) {
          if (stream !== this.#stream) break;
          await this.#take(stream, unit);
        }
      } catch (error) {
        if (stream === this.#stream) throw error;
      }
    } while (stream !== this.#stream);
  }

  /** @param {string} picture empty: the best */
  #request(picture) {
    const url = `${this.#url}?picture=${encodeURIComponent(picture)}`;
    return new Stream(url, (count) => (this.bytes += count));
  }

  /** @param {Stream} stream @param {Unit} unit */
  async #take(stream, unit) {
    if ("init" in unit) await this.#begin(stream, unit.init);
    else this.#append(unit.chunk);
  }

  /** @param {Stream} stream @param {import("./boxes.js").Init} init */
  async #begin(stream, init) {
    if (!init.tracks.length) throw new Error("there is neither picture nor sound in it");
    if (this.#feeder && (this.#video.error || !this.#feeder.follows(init))) this.#drop();
    if (!this.#feeder) {
      this.#feeder = new Feeder(this.#video);
      this.#feeder.onappended = () => this.#appended();
    }
    this.#feeder.onerror = (error) => {
      this.#drop();
      stream.close(error);
    };
    this.#fresh = true;
    this.#held = null;
    this.pictures = stream.pictures;
    await this.#feeder.begin(init);
    this.#say("");
  }

  #fresh = true; // the next chunk is the first of a request, or behind a new init segment

  /** @param {import("./boxes.js").Chunk} chunk */
  #append(chunk) {
    const { kind, key, time, bytes } = chunk;
    if (kind === "video" && (this.#held || (key && this.#next?.ready))) {
      this.#held ??= { since: performance.now(), chunks: [] };
      this.#held.chunks.push(chunk);
      return;
    }
    if (this.#fresh) this.#place(time);
    this.#fresh = false;
    this.#newest[kind] = time;
    this.#feeder?.append(bytes);
  }

  /** Play the picture of that name; empty: what seems best. @param {string} name */
  choose(name) {
    this.#choice = name;
    this.#next?.stream.close();
    if (this.#stream && name && name !== this.#playing?.name) this.#change(name);
  }

  /** Go over to another picture, at one of its key frames. @param {string} name */
  async #change(name) {
    const next = new Handover(this.#request(name));
    this.#next = next;
    const patience = setInterval(() => next.hurry(), PATIENCE);
    try {
      const units = await next.begun(() => this.#newest);
      if (next === this.#next) this.#handOver(next, units);
    } catch {
      // What is played goes on.
    } finally {
      clearInterval(patience);
      if (next === this.#next) this.#next = null;
      if (next.stream !== this.#stream) next.stream.close();
    }
  }

  /** @param {Handover} next @param {Unit[]} units of it */
  #handOver({ stream, late }, units) {
    const last = units[units.length - 1];
    if (late && "chunk" in last) this.#video.currentTime = last.chunk.time + this.#offset;
    const old = this.#stream;
    this.#handed = units;
    this.#stream = stream;
    this.#next = null;
    old?.close();
  }

  #adapt() {
    if (this.#choice || this.#next || !this.#stream) return;
    const now = performance.now();
    const at = this.pictures.findIndex(({ playing }) => playing);
    const step = this.#ladder.advise(now);
    const other = this.pictures[at + step];
    if (!step || at < 0 || !other) return;
    this.#ladder.moved(step, now);
    this.#change(other.name);
  }

  get #playing() {
    return this.pictures.find(({ playing }) => playing);
  }

  /** Where on the element's timeline a stream goes that begins at `time`: on where it was, if it
   * is the same; else behind what is there. @param {number} time */
  #place(time) {
    const end = this.#feeder?.end ?? NaN;
    const here = Number.isNaN(end) ? this.#video.currentTime + LEAD : end;
    if (Math.abs(time + this.#offset - here) < SAME) return;
    this.#offset = here - time;
    this.#feeder?.shift(this.#offset);
    this.#head.reset();
  }

  /** The other's key frame does not come now. */
  #release() {
    for (const { time, bytes } of this.#held?.chunks ?? []) {
      this.#newest.video = time;
      this.#feeder?.append(bytes);
    }
    this.#held = null;
  }

  #appended() {
    const end = this.#feeder?.end ?? NaN;
    this.#fed = performance.now();
    if (!Number.isNaN(end)) this.#head.arrived(end);
  }

  /** Begin with a new media source: this one is broken, or does for other media. */
  #drop() {
    this.#feeder?.close();
    this.#feeder = null;
    this.#offset = NaN;
    this.#head.playAfter(NaN);
  }

  #look() {
    if (this.#paused) return;
    if (this.#held && performance.now() - this.#held.since > HOLD) this.#release();
    this.#adapt();
    if (this.#feeder && this.#video.buffered.length) this.#head.follow(this.#feeder.end);
  }
}
