// One channel: its picture, its numbers, its tracks, what is wrong with it.

import { UNKNOWN, bytes, element, rate, seconds } from "./element.js";
import { ingestLine, manifestLine, playLine } from "./lines.js";
import { Plot } from "./plot.js";

const PICTURE_EVERY = 5000; // ms: the origin makes no more
const COPIED = 1500; // ms that a button says so

/** The id of a channel's card; no name of a channel is one of the page's own. */
export const anchor = (name) => `channel-${name}`;

export class Card {
  constructor(name, headers) {
    this.name = name;
    this.headers = headers;
    this.rows = new Map();
    this.bytesOut = null;
    this.state = element("span", { className: "state" });
    this.who = element("p", { className: "quiet" });
    this.picture = element("div", { className: "picture" }, initials(name));
    this.numbers = element("dl", { className: "numbers" });
    this.audience = element("p", { className: "quiet audience" });
    this.advice = element("ul", { className: "advice" });
    this.tracks = element("tbody");
    this.manifest = copyButton("Copy manifest", manifestLine(name));
    this.serious = false;
    this.element = element("article", { className: "card" },
      element("div", { className: "top" }, this.picture,
        element("div", { className: "about" }, element("h2", {}, name), this.state, this.who)),
      this.advice, this.numbers, this.audience,
      element("table", { className: "tracks" }, this.tracks),
      element("div", { className: "lines" },
        element("a", { className: "watch", href: `/watch/${name}` }, "Watch"),
        copyButton("Copy play line", playLine(name)),
        this.manifest,
        copyButton("Copy ingest line", ingestLine(name))));
    this.element.id = anchor(name);
    this.element.dataset.channel = name;
    this.hasPicture = false;
    this.onScreen = false; // of a hundred channels, a few are
    this.sight = new IntersectionObserver((entries) => {
      this.onScreen = entries.at(-1).isIntersecting;
      this.look();
    });
    this.sight.observe(this.picture);
    this.timer = setInterval(() => this.look(), PICTURE_EVERY);
  }

  remove() {
    clearInterval(this.timer);
    this.sight.disconnect();
    this.element.remove();
    if (this.shown) URL.revokeObjectURL(this.shown);
  }

  update(channel) {
    this.element.className = `card ${channel.state}`;
    this.state.textContent = channel.state;
    this.who.textContent = channel.publishers.map((each) => each.who).join(", ") || "no encoder";
    const hadPicture = this.hasPicture;
    this.hasPicture = channel.tracks.some((track) => track.kind === "video" && track.segments);
    if (this.hasPicture && !hadPicture) this.look();
    this.showNumbers(channel);
    this.audience.hidden = !channel.audience?.sessions;
    if (!this.audience.hidden) this.audience.textContent = saidBy(channel.audience);
    this.serious = channel.advice.some((advice) => advice.serious);
    this.manifest.hidden = channel.opaque; // there is none
    this.showAdvice(channel.advice);
    for (const track of channel.tracks) this.row(track.name).update(track);
    for (const name of [...this.rows.keys()]) {
      if (!channel.tracks.some((track) => track.name === name)) {
        this.rows.get(name).element.remove();
        this.rows.delete(name);
      }
    }
  }

  showAdvice(advice) {
    const shown = JSON.stringify(advice);
    if (this.advice.dataset.shown === shown) return; // a remedy may be selected, to be copied
    this.advice.dataset.shown = shown;
    this.advice.replaceChildren(...advice.map(adviceItem));
  }

  showNumbers(channel) {
    const counters = channel.counters;
    const now = performance.now();
    const before = this.bytesOut;
    const out = before ? Math.max(0, counters.bytes_out - before.count) * 8000 / (now - before.at) : 0;
    this.bytesOut = { count: counters.bytes_out, at: now };
    const delays = channel.tracks.map((track) => track.encoder_delay).filter((each) => each !== null);
    const numbers = {
      viewers: channel.viewers,
      "held requests": channel.held + channel.waiting,
      "latency target": seconds(channel.latency_target),
      "key frames": seconds(channel.key_frame_interval),
      segments: seconds(channel.segment_duration),
      drift: seconds(channel.drift),
      "encoder → origin": seconds(delays.length ? Math.max(...delays) : null),
      out: rate(out),
      "sent in all": bytes(counters.bytes_out),
      window: bytes(channel.window_bytes),
      skips: counters.lag_skips,
      aborts: counters.lag_aborts + counters.stall_aborts,
    };
    const known = Object.entries(numbers).filter(([, value]) => value !== UNKNOWN);
    this.numbers.replaceChildren(...known.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
  }

  row(name) {
    let row = this.rows.get(name);
    if (!row) {
      row = new Row(name);
      this.rows.set(name, row);
      this.tracks.append(row.element);
    }
    return row;
  }

  async look() {
    if (document.hidden || !this.onScreen || !this.hasPicture) return;
    try {
      const response = await fetch(`/api/v1/channels/${this.name}/thumbnail.jpg`,
        { headers: this.headers(), cache: "no-store" });
      if (!response.ok) return; // its initials do
      const url = URL.createObjectURL(await response.blob());
      this.picture.replaceChildren(element("img", { src: url, alt: "" }));
      if (this.shown) URL.revokeObjectURL(this.shown);
      this.shown = url;
    } catch {
      // The origin is away; the events say so.
    }
  }
}

class Row {
  constructor(name) {
    this.text = element("span", { className: "quiet" });
    this.cadence = new Plot("chunk every");
    this.jitter = new Plot("jitter");
    this.element = element("tr", {},
      element("td", {}, element("strong", {}, name), element("br"), this.text),
      element("td", {}, this.cadence.element, this.jitter.element));
  }

  update(track) {
    const parts = [track.codec];
    if (track.width) parts.push(`${track.width}×${track.height}`);
    if (track.frame_rate) parts.push(`${+track.frame_rate.toFixed(2)} fps`);
    if (track.sample_rate) parts.push(`${track.sample_rate / 1000} kHz`);
    if (track.bit_rate) parts.push(rate(track.bit_rate));
    if (track.chunk_duration) parts.push(`chunks of ${seconds(track.chunk_duration)}`);
    if (track.away) parts.push("away");
    this.text.textContent = parts.join(" · ");
    this.element.className = track.away ? "away" : "";
    this.cadence.add(track.chunk_interval);
    this.jitter.add(track.jitter);
  }
}

/** What players say of themselves (CMCD), in a line. */
function saidBy(audience) {
  const { sessions, latency, buffer, bit_rate: bits, stalls, stalled } = audience;
  const parts = [`${sessions} ${sessions === 1 ? "player reports" : "players report"}`];
  if (latency) parts.push(`latency ${spread(latency, "p95")}`);
  if (buffer) parts.push(`buffer ${spread(buffer, "p5")}`);
  if (bits) parts.push(rate(bits.p50));
  parts.push(`${stalls} ${stalls === 1 ? "stall" : "stalls"}`);
  if (stalled) parts.push(`${Math.ceil(stalled * 100)} % stalled lately`);
  return parts.join(" · ");
}

/** Half of them, and those who fare worse. */
function spread(quantiles, worse) {
  const half = seconds(quantiles.p50);
  return quantiles.p5 === quantiles.p95 ? half : `p50 ${half}, ${worse} ${seconds(quantiles[worse])}`;
}

function adviceItem(advice) {
  return element("li", { className: advice.serious ? "serious" : "" },
    advice.text, element("span", { className: "remedy" }, advice.remedy));
}

function copyButton(label, line) {
  const button = element("button", { type: "button", title: line }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      button.textContent = "Copied";
    } catch {
      // Only https and localhost may write to the clipboard.
      window.prompt(label, line);
    }
    setTimeout(() => { button.textContent = label; }, COPIED);
  });
  return button;
}

function initials(name) {
  const words = name.split(/[-_.]+/).filter(Boolean);
  return words.slice(0, 2).map((word) => word[0].toUpperCase()).join("") || "?";
}
