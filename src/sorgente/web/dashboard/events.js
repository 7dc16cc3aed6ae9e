// Server-sent events over fetch: EventSource can send no key in a header.

import { NOT_FOR_YOU, words } from "../site.js";

const TRY_AGAIN = 2000; // ms: an origin is restarted in less
const SILENCE = 20_000; // ms: the origin says every 15 s at least that it is still there

export class Refused extends Error {}

/** Call `heard(name, data)` for every event, and `lost(why)` when it stops and is tried again.
 *  Ends only by throwing Refused: the key is missing, or wrong. */
export async function listen(url, headers, heard, lost) {
  for (;;) {
    let why = "the origin does not answer";
    const silence = new Silence();
    try {
      const response = await fetch(url, { headers, cache: "no-store", signal: silence.signal });
      if (NOT_FOR_YOU.includes(response.status)) throw new Refused(await words(response));
      if (response.ok) await read(response.body, heard, silence);
      else why = await words(response);
    } catch (error) {
      if (error instanceof Refused) throw error;
    } finally {
      silence.end();
    }
    lost(why);
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
  }
}

/** Aborts a request of which nothing comes: not every connection that is gone says so. */
class Silence {
  #control = new AbortController();
  #timer = 0;
  signal = this.#control.signal;

  constructor() {
    this.begin();
  }

  begin() {
    this.end();
    this.#timer = setTimeout(() => this.#control.abort(), SILENCE);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

async function read(body, heard, silence) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    silence.begin();
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const found = /^event: (\w+)\ndata: (.*)$/.exec(event);
      if (found) heard(found[1], JSON.parse(found[2]));
    }
  }
}
