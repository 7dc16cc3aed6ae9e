// Fragmented MP4, as far as a player must know it: whole chunks, tracks, codecs, decode times.
// @ts-check

const MAX_BOX = 64 * 1024 * 1024; // bytes: more is not a chunk, it is a mistake
const NON_SYNC = 0x10000; // sample_is_non_sync_sample, §8.8.3.1
const VISUAL_FIELDS = 78; // of a sample entry before its boxes, ISO/IEC 14496-12 §12.1.3
const SOUND_FIELDS = 28; // §12.2.3

/** @typedef {{type: string, start: number, body: number, end: number}} Box */
/** @typedef {"video" | "audio"} Kind */
/** @typedef {{id: number, kind: Kind, codec: string, timescale: number, flags: number}} Track
 * `flags` of samples whose chunks say none */
/** @typedef {{bytes: Uint8Array, tracks: Track[]}} Init */
/** @typedef {{bytes: Uint8Array, kind: Kind, time: number, key: boolean}} Chunk
 * `time` in seconds, of decoding; `key`: decoding can begin here */
/** @typedef {{init: Init} | {chunk: Chunk}} Unit */

/** @param {Uint8Array} bytes */
const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * The box that begins at `at`; null if its head is not whole.
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {Box | null}
 */
function head(bytes, at) {
  if (bytes.length < at + 8) return null;
  const data = view(bytes);
  let size = data.getUint32(at);
  let body = at + 8;
  if (size === 1) {
    if (bytes.length < at + 16) return null;
    size = Number(data.getBigUint64(at + 8));
    body += 8;
  }
  if (size < body - at || size > MAX_BOX) throw new Error(`a box of ${size} bytes`);
  return { type: text(bytes, at + 4, 4), start: at, body, end: at + size };
}

/** @param {Uint8Array} bytes @param {number} at @param {number} length */
function text(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** @param {Uint8Array} bytes @param {number} from @param {number} to */
function* children(bytes, from, to) {
  for (let at = from; at < to; ) {
    const box = head(bytes, at);
    if (box === null || box.end > to) return;
    yield box;
    at = box.end;
  }
}

/**
 * The first box down a path of types.
 * @param {Uint8Array} bytes @param {Box} box @param {string[]} path
 * @returns {Box | undefined}
 */
function find(bytes, box, ...path) {
  const [type, ...rest] = path;
  if (type === undefined) return box;
  for (const child of children(bytes, box.body, box.end)) {
    if (child.type === type) return find(bytes, child, ...rest);
  }
  return undefined;
}

/** Bytes in, as they come; init segments and chunks out, whole. */
export class Cutter {
  #rest = new Uint8Array(0);
  /** @type {Track[]} */
  #kept = [];

  /**
   * @param {Uint8Array} data
   * @returns {Generator<Unit>}
   */
  *feed(data) {
    this.#rest = this.#rest.length ? joined([this.#rest, data]) : data;
    for (let whole = this.#whole(); whole !== null; whole = this.#whole()) {
      const { bytes, last } = whole;
      if (last.type === "moov") {
        const init = read(bytes, last);
        this.#kept = init.tracks;
        yield { init };
        continue;
      }
      const chunk = timed(bytes, this.#kept);
      if (chunk !== null) yield { chunk };
    }
  }

  /** All up to the end of the next `moov` or `mdat`, taken off. */
  #whole() {
    const rest = this.#rest;
    for (let at = 0; ; ) {
      const box = head(rest, at);
      if (box === null || box.end > rest.length) return null;
      at = box.end;
      if (box.type !== "moov" && box.type !== "mdat") continue;
      this.#rest = rest.subarray(at);
      return { bytes: rest.subarray(0, at), last: box };
    }
  }
}

/** A source buffer takes one track of each. @type {Kind[]} */
const KINDS = ["video", "audio"];

/**
 * An init segment, with the first picture and the first sound of those in it.
 * @param {Uint8Array} bytes @param {Box} moov
 * @returns {Init}
 */
function read(bytes, moov) {
  const all = [...children(bytes, moov.body, moov.end)].flatMap(
    (box) => (box.type === "trak" && described(bytes, moov, box)) || []);
  const tracks = KINDS.flatMap((kind) => all.find((track) => track.kind === kind) ?? []);
  hide(bytes, moov, tracks);
  return { bytes, tracks };
}

const FREE = new TextEncoder().encode("free"); // space that readers skip, §8.1.2

/**
 * Make space of what is about other tracks, in a `moov`, `mvex` or `moof`. Nothing is cut out: offsets
 * into the `mdat` stay what they are.
 * @param {Uint8Array} bytes @param {Box} box @param {Track[]} kept
 */
function hide(bytes, box, kept) {
  for (const child of children(bytes, box.body, box.end)) {
    const track = trackOf(bytes, child);
    if (child.type === "mvex") hide(bytes, child, kept);
    else if (track !== undefined && !kept.some(({ id }) => id === track)) {
      bytes.set(FREE, child.start + 4);
    }
  }
}

/** Whose a `trak`, `trex` or `traf` is; undefined for what is everybody's.
 * @param {Uint8Array} bytes @param {Box} box */
function trackOf(bytes, box) {
  const says = { trak: "tkhd", traf: "tfhd" }[box.type];
  const told = box.type === "trex" ? box : says && find(bytes, box, says);
  if (!told) return undefined;
  const times = told.type !== "tkhd" ? 0 : bytes[told.body] === 1 ? 16 : 8; // which come before it
  return view(bytes).getUint32(told.body + 4 + times);
}

/** @param {Uint8Array} bytes @param {Box} moov @param {Box} trak @returns {Track | null} */
function described(bytes, moov, trak) {
  const hdlr = find(bytes, trak, "mdia", "hdlr");
  const mdhd = find(bytes, trak, "mdia", "mdhd");
  const stsd = find(bytes, trak, "mdia", "minf", "stbl", "stsd");
  const entry = stsd && head(bytes, stsd.body + 8);
  const handler = hdlr && text(bytes, hdlr.body + 8, 4);
  if (!mdhd || !entry || (handler !== "vide" && handler !== "soun")) return null;
  const kind = handler === "vide" ? "video" : "audio";
  const id = /** @type {number} */ (trackOf(bytes, trak));
  const mvex = find(bytes, moov, "mvex");
  const trex = mvex && [...children(bytes, mvex.body, mvex.end)].find(
    (box) => box.type === "trex" && trackOf(bytes, box) === id);
  return {
    id,
    kind,
    flags: trex ? view(bytes).getUint32(trex.body + 20) : 0,
    codec: codec(bytes, entry, kind),
    timescale: view(bytes).getUint32(mdhd.body + (bytes[mdhd.body] === 1 ? 20 : 12)),
  };
}

/** For the `codecs` parameter (RFC 6381). @param {Uint8Array} bytes @param {Box} entry
 * @param {"video" | "audio"} kind */
function codec(bytes, entry, kind) {
  const fields = kind === "video" ? VISUAL_FIELDS : SOUND_FIELDS;
  const parts = new Map(
    [...children(bytes, entry.body + fields, entry.end)].map((box) => [box.type, box.body]));
  for (const [type, name] of NAMES) {
    const at = parts.get(type);
    if (at !== undefined) return name(bytes, at, entry.type);
  }
  return entry.type;
}

/** @param {number} value @param {number} digits */
const padded = (value, digits = 2) => String(value).padStart(digits, "0");
/** @param {number} value */
const hex = (value) => padded(/** @type {any} */ (value.toString(16)));

/** A codec's own box, and what it says. @type {[string, (b: Uint8Array, at: number, type: string)
 * => string][]} */
const NAMES = [
  // ISO/IEC 14496-15 Annex E.2: profile, constraints, level
  ["avcC", (b, at, type) => `${type}.${hex(b[at + 1])}${hex(b[at + 2])}${hex(b[at + 3])}`],
  ["hvcC", hevc],
  ["av1C", (b, at, type) => {
    const [first, second] = [b[at + 1], b[at + 2]];
    const depth = !(second & 0x40) ? 8 : first >> 5 === 2 && second & 0x20 ? 12 : 10;
    return `${type}.${first >> 5}.${padded(first & 31)}${second & 0x80 ? "H" : "M"}.${padded(depth)}`;
  }],
  ["vpcC", (b, at, type) =>
    `${type}.${padded(b[at + 4])}.${padded(b[at + 5])}.${padded(b[at + 6] >> 4)}`],
  ["esds", aac],
  ["dOps", () => "opus"],
  ["dfLa", () => "flac"],
];

/** ISO/IEC 14496-15 Annex E.3. @param {Uint8Array} b @param {number} at @param {string} type */
function hevc(b, at, type) {
  const first = b[at + 1];
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) {
    if ((view(b).getUint32(at + 2) >>> bit) & 1) reversed += 2 ** (31 - bit);
  }
  const constraints = [...b.subarray(at + 6, at + 12)];
  while (constraints.length && !constraints[constraints.length - 1]) constraints.pop();
  const name = [
    type, ["", "A", "B", "C"][first >> 6] + (first & 31), reversed.toString(16).toUpperCase(),
    (first & 32 ? "H" : "L") + b[at + 12],
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ];
  return name.join(".");
}

/** RFC 6381 §3.3: object type, and for AAC the audio object type (ISO/IEC 14496-1 §7.2.6).
 * @param {Uint8Array} b @param {number} at @param {string} type */
function aac(b, at, type) {
  const past = (/** @type {number} */ p) => {
    while (b[++p] & 0x80); // a length, 7 bits a byte
    return p + 1;
  };
  let p = past(at + 4);
  const flags = b[p + 2];
  p += 3 + (flags & 0x80 ? 2 : 0);
  if (flags & 0x40) p += 1 + b[p];
  if (flags & 0x20) p += 2;
  const decoder = past(p);
  if (b[decoder] !== 0x40) return `${type}.${hex(b[decoder])}`;
  const config = past(decoder + 13);
  const object = b[config] >> 3;
  const escaped = 32 + (((b[config] & 7) << 3) | (b[config + 1] >> 5));
  return `${type}.40.${object === 31 ? escaped : object}`;
}

/** What is in it of the tracks, told by the picture if that is; null: nothing.
 * @param {Uint8Array} bytes @param {Track[]} tracks @returns {Chunk | null} */
function timed(bytes, tracks) {
  const moof = [...children(bytes, 0, bytes.length)].find(({ type }) => type === "moof");
  if (!moof) return null;
  hide(bytes, moof, tracks);
  const trafs = [...children(bytes, moof.body, moof.end)].filter(({ type }) => type === "traf");
  for (const { id, kind, timescale, flags } of tracks) {
    const traf = trafs.find((each) => trackOf(bytes, each) === id);
    const tfhd = traf && find(bytes, traf, "tfhd");
    const tfdt = traf && find(bytes, traf, "tfdt");
    if (!tfhd || !tfdt) continue;
    const data = view(bytes);
    const at = tfdt.body + 4;
    const ticks = bytes[tfdt.body] === 1 ? Number(data.getBigUint64(at)) : data.getUint32(at);
    const first = firstFlags(bytes, tfhd, find(bytes, traf, "trun")) ?? flags;
    return { bytes, kind, time: ticks / timescale, key: !(first & NON_SYNC) };
  }
  return null;
}

/** Flags of the first sample, where a chunk says them: ISO/IEC 14496-12 §8.8.7, §8.8.8.
 * @param {Uint8Array} bytes @param {Box} tfhd @param {Box | undefined} trun */
function firstFlags(bytes, tfhd, trun) {
  const data = view(bytes);
  if (trun) {
    const says = data.getUint32(trun.body);
    const first = trun.body + 8 + (says & 1 ? 4 : 0);
    if (says & 4) return data.getUint32(first);
    if (says & 0x400) return data.getUint32(first + (says & 0x100 ? 4 : 0) + (says & 0x200 ? 4 : 0));
  }
  const says = data.getUint32(tfhd.body);
  const before = (says & 1 ? 8 : 0) + (says & 2 ? 4 : 0) + (says & 8 ? 4 : 0) + (says & 16 ? 4 : 0);
  return says & 0x20 ? data.getUint32(tfhd.body + 8 + before) : null;
}

/** @param {Uint8Array[]} parts */
export function joined(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
