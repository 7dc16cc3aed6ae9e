// From one bit rate to another, without a gap: both come for a while.
// @ts-check

const SOUNDS = 64; // chunks kept: more than come between two of the stream that is played

/** @typedef {import("./stream.js").Stream} Stream */
/** @typedef {import("./boxes.js").Unit} Unit */

/**
 * A stream that is to take over. It does so at a key frame that is newer than any picture fed so
 * far: browsers do not go back to decode anew what they have decoded.
 */
export class Handover {
  stream;
  /** Its next key frame comes when that of the other one does, if they fall together. */
  ready = false;
  /** They do not: any will do. */
  late = false;

  /** @param {Stream} stream */
  constructor(stream) {
    this.stream = stream;
  }

  /** It takes long. */
  hurry() {
    if (this.late) this.stream.close(); // not even one comes
    this.late = true;
    this.ready = false;
  }

  /**
   * What to begin with: the init segment, sound that the other one has not brought, a key frame.
   * @param {() => {video: number, audio: number}} newest of the other one, in seconds
   * @returns {Promise<Unit[]>}
   */
  async begun(newest) {
    /** @type {Unit[]} */
    let before = [];
    for (;;) {
      const { done, value: unit } = await this.stream.units.next();
      if (done) throw new Error("it ended before it began");
      if ("init" in unit) {
        before = [unit];
      } else if (unit.chunk.kind === "audio") {
        before.push(unit);
        if (before.length > SOUNDS) before.splice(1, 1);
      } else if (unit.chunk.key && (this.late || unit.chunk.time > newest().video)) {
        const { audio } = newest();
        const missing = before.filter((each) => "init" in each || each.chunk.time > audio);
        return [...missing, unit];
      } else {
        this.ready = !this.late;
      }
    }
  }
}
