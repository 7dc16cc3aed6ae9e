// A media source with one source buffer, fed in order.
// @ts-check
import { joined } from "./boxes.js";

const BEHIND = 30; // seconds kept behind the playhead: more than a group of pictures, whole or not
const TRIM_AT = 40;

/** iPhones have a managed one only. @type {typeof MediaSource | undefined} */
const Source = globalThis.MediaSource ?? /** @type {any} */ (globalThis).ManagedMediaSource;

/** Whether a browser can be fed at all. */
export const feedable = Source !== undefined;

/** @param {import("./boxes.js").Init} init */
function mimeType({ tracks }) {
  const kind = tracks.some((track) => track.kind === "video") ? "video" : "audio";
  return `${kind}/mp4; codecs="${tracks.map(({ codec }) => codec).join(",")}"`;
}

/** Bytes in, media in the video element out. */
export class Feeder {
  #video;
  #source = new /** @type {typeof MediaSource} */ (Source)();
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #mime = "";
  #kinds = "";
  /** @type {(Uint8Array | ((buffer: SourceBuffer) => void))[]} */
  #queue = [];
  #url;

  /** @type {(error: Error) => void} */
  onerror = () => {};
  onappended = () => {};

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
    video.disableRemotePlayback = true; // a managed source opens only then
    this.#url = URL.createObjectURL(this.#source);
    video.src = this.#url;
  }

  /** Whether `init` can follow what was fed so far: it takes a new source if it has other kinds
   * of tracks. @param {import("./boxes.js").Init} init */
  follows(init) {
    return !this.#buffer || kindsOf(init) === this.#kinds;
  }

  /** @param {import("./boxes.js").Init} init */
  async begin(init) {
    const mime = mimeType(init);
    if (!Source?.isTypeSupported(mime)) throw new Error(`this browser does not play ${mime}`);
    if (this.#source.readyState !== "open") {
      await new Promise((resolve) =>
        this.#source.addEventListener("sourceopen", resolve, { once: true }));
    }
    if (!this.#buffer) {
      this.#buffer = this.#source.addSourceBuffer(mime);
      this.#buffer.addEventListener("updateend", () => this.#updated());
      this.#buffer.addEventListener("error", () => this.onerror(new Error("media were refused")));
    } else if (mime !== this.#mime) {
      this.#do((buffer) => buffer.changeType(mime));
    }
    this.#mime = mime;
    this.#kinds = kindsOf(init);
    this.append(init.bytes);
  }

  /** What comes next is to be so much later than it says. @param {number} seconds */
  shift(seconds) {
    this.#do((buffer) => {
      buffer.abort(); // a parser in the middle of something takes no new offset
      buffer.timestampOffset = seconds;
    });
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    this.#do(bytes);
  }

  /** Up to where there is something to play; NaN for nowhere. */
  get end() {
    const buffered = this.#buffer?.buffered;
    return buffered?.length ? buffered.end(buffered.length - 1) : NaN;
  }

  close() {
    this.#queue = [];
    this.#buffer = null;
    URL.revokeObjectURL(this.#url);
  }

  /** @param {Uint8Array | ((buffer: SourceBuffer) => void)} what */
  #do(what) {
    this.#queue.push(what);
    this.#work();
  }

  #updated() {
    this.onappended();
    const start = this.#buffer?.buffered.length ? this.#buffer.buffered.start(0) : Infinity;
    const time = this.#video.currentTime;
    if (time - start > TRIM_AT) this.#do((buffer) => buffer.remove(0, time - BEHIND));
    this.#work();
  }

  #work() {
    const buffer = this.#buffer;
    try {
      while (buffer && !buffer.updating && this.#queue.length) {
        const next = this.#queue[0];
        if (typeof next === "function") {
          this.#queue.shift();
          next(buffer);
        } else {
          let count = this.#queue.findIndex((each) => typeof each === "function");
          if (count < 0) count = this.#queue.length;
          const bytes = joined(/** @type {Uint8Array[]} */ (this.#queue.slice(0, count)));
          buffer.appendBuffer(/** @type {BufferSource} */ (bytes));
          this.#queue.splice(0, count);
        }
      }
    } catch (error) {
      this.onerror(/** @type {Error} */ (error));
    }
  }
}

/** @param {import("./boxes.js").Init} init */
function kindsOf({ tracks }) {
  return tracks.map(({ kind }) => kind).sort().join();
}
