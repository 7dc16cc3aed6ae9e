// What the page tells the origin of a player: CMCD 2, as events (CTA-5004-B), whoever plays.
// @ts-check

const EVERY = 5000; // milliseconds: what is shown of it is looked at by people

/**
 * How a player fares: seconds, bit/s, times real time; null or NaN is not known.
 * @typedef {{latency: number | null, buffer: number, bits: number | null, rate: number}} State
 */

/** @param {number | null} value @param {number} unit */
const whole = (value, unit) =>
  value === null || !Number.isFinite(value) || value < 0 ? null : Math.round(value * unit);

/** The line of an event. @param {string} event @param {string} state @param {State} fares
 * @param {{sid: string, sf: string, ts: number}} said */
export function line(event, state, { latency, buffer, bits, rate }, { sid, sf, ts }) {
  const [ltc, bl, br] = [whole(latency, 1000), whole(buffer, 1000), whole(bits, 0.001)];
  return [
    ...(bl === null ? [] : [`bl=(${bl};av)`]),
    ...(br === null ? [] : [`br=(${br};av)`]),
    `e=${event}`,
    ...(ltc === null ? [] : [`ltc=${ltc}`]),
    ...(rate === 1 ? [] : [`pr=${rate.toFixed(3)}`]),
    `sf=${sf},sid="${sid}",sta=${state},ts=${ts},v=2`,
  ].join(",") + "\n";
}

/** Not randomUUID, which pages have over HTTPS only. */
function session() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Tells every few seconds, and when the state changes; from the first picture on. */
export class Reporter {
  #url;
  #sf;
  #look;
  #sid = session();
  #state = "s";
  #timer;
  #quit = () => this.is("q");

  /** @param {string} url of the channel's reports @param {string} sf streaming format @param {() => State} look */
  constructor(url, sf, look) {
    this.#url = url;
    this.#sf = sf;
    this.#look = look;
    this.#timer = setInterval(() => this.#tell("t"), EVERY);
    addEventListener("pagehide", this.#quit);
  }

  /** It is starting (s), playing (p), rebuffering (r), paused (a), or gone (q).
   * @param {"s" | "p" | "r" | "a" | "q"} state */
  is(state) {
    if (state === this.#state || (this.#state === "s" && state !== "p")) return;
    this.#state = state;
    this.#tell("ps");
  }

  close() {
    clearInterval(this.#timer);
    removeEventListener("pagehide", this.#quit);
    this.is("q");
  }

  /** @param {string} event */
  #tell(event) {
    if (this.#state === "s") return; // it may not even be packed into this origin
    const said = { sid: this.#sid, sf: this.#sf, ts: Date.now() };
    fetch(this.#url, {
      method: "POST",
      headers: { "Content-Type": "application/cmcd" },
      body: line(event, this.#state, this.#look(), said),
      keepalive: true, // the last one goes out when the page is gone
    }).catch(() => {}); // the origin is away: it sees that by itself
  }
}
