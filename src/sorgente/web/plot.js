// A small plot of the last half minute of one number.
// @ts-check

const KEPT = 120; // values: half a minute, four a second
const LINE = 1.5; // pixels
const SHADE = 0.12; // of the colour, under the line

export class Plot {
  element = document.createElement("figure");
  #canvas = document.createElement("canvas");
  #value = document.createElement("output");
  /** @type {number[]} */
  #values = [];
  #format;
  #least;

  /**
   * @param {string} title
   * @param {(value: number) => string} format
   * @param {number} least the top of the plot is this at least: noise is not to look like news
   */
  constructor(title, format, least) {
    this.#format = format;
    this.#least = least;
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    this.element.append(caption, this.#value, this.#canvas);
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#value.setAttribute("aria-live", "off"); // nobody wants to hear it four times a second
  }

  /** @param {number | null} value null: not known */
  add(value) {
    this.#values.push(value ?? NaN);
    if (this.#values.length > KEPT) this.#values.shift();
    this.#value.textContent = value === null || Number.isNaN(value) ? "–" : this.#format(value);
    this.#draw();
  }

  #draw() {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = devicePixelRatio;
    const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
    const context = this.#canvas.getContext("2d");
    if (!context || !width) return;
    this.#canvas.width = width; // which empties it
    this.#canvas.height = height;
    const top = Math.max(this.#least, ...this.#values.filter((value) => !Number.isNaN(value)));
    const style = getComputedStyle(this.#canvas);
    context.strokeStyle = style.color;
    context.fillStyle = style.color;
    context.lineWidth = LINE * scale;
    context.lineJoin = "round";
    for (const run of this.#runs()) {
      const x = (/** @type {number} */ at) => ((at + KEPT - this.#values.length) / (KEPT - 1)) * width;
      const y = (/** @type {number} */ value) => height - (value / top) * (height - LINE * scale);
      context.beginPath();
      run.forEach(({ at, value }) => context.lineTo(x(at), y(value)));
      context.stroke();
      context.globalAlpha = SHADE;
      context.lineTo(x(run[run.length - 1].at), height);
      context.lineTo(x(run[0].at), height);
      context.fill();
      context.globalAlpha = 1;
    }
  }

  /** Values that follow each other, without what is not known between them. */
  #runs() {
    /** @type {{at: number, value: number}[][]} */
    const runs = [[]];
    this.#values.forEach((value, at) => {
      if (!Number.isNaN(value)) runs[runs.length - 1].push({ at, value });
      else if (runs[runs.length - 1].length) runs.push([]);
    });
    return runs.filter((run) => run.length);
  }
}
