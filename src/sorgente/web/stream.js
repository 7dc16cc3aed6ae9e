// One request for a stream that never ends: init segments and chunks, as they come.
// @ts-check
import { Cutter } from "./boxes.js";
import { NOT_FOR_YOU, words } from "./site.js";

const SILENCE = 4000; // milliseconds without a byte: another request may be luckier
const LOOK = 50; // milliseconds between looks at that

/**
 * One of several bit rates, as the origin tells of them.
 * @typedef {{name: string, height: number, bandwidth: number, playing: boolean}} Picture
 */

/** The origin says no, and why. */
export class Refused extends Error {}

/** Until it ends, which is what `units` does, or is closed. */
export class Stream {
  #url;
  #control = new AbortController();
  #onbytes;
  /** Those that could be had, highest first; none where there is no choice.
   * @type {readonly Picture[]} */
  pictures = [];
  /** What comes. It may change hands: who reads on gets what is next. */
  units = this.#read();

  /** @param {string} url @param {(count: number) => void} onbytes */
  constructor(url, onbytes) {
    this.#url = url;
    this.#onbytes = onbytes;
  }

  /** @param {Error} [why] that `units` throws */
  close(why) {
    this.#control.abort(why);
  }

  async *#read() {
    const { signal } = this.#control;
    const response = await fetch(this.#url, { cache: "no-store", signal }).catch(() => {
      throw signal.aborted ? signal.reason : new Error("the origin does not answer");
    });
    if (NOT_FOR_YOU.includes(response.status)) throw new Refused(await words(response));
    if (!response.ok || !response.body) throw new Error(await words(response));
    this.pictures = told(response.headers.get("Sorgente-Pictures"));
    const reader = response.body.getReader();
    const cutter = new Cutter();
    let heard = performance.now();
    const patience = setInterval(() => {
      if (performance.now() - heard > SILENCE) this.close(new Error("nothing comes"));
    }, LOOK);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        heard = performance.now();
        this.#onbytes(value.length);
        yield* cutter.feed(value);
      }
    } finally {
      clearInterval(patience);
    }
  }
}

/** A list as our origin writes it (RFC 9651): names have neither commas nor semicolons in them.
 * @param {string | null} list @returns {Picture[]} */
function told(list) {
  return (list?.split(", ") ?? []).map((item) => {
    const [name, ...rest] = item.split(";");
    const says = new Map(rest.map((each) => /** @type {[string, string?]} */ (each.split("="))));
    return {
      name: name.slice(1, -1),
      height: Number(says.get("height")),
      bandwidth: Number(says.get("bandwidth")),
      playing: says.has("playing"),
    };
  });
}
