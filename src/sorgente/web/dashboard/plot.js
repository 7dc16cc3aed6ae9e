// A small curve of what a number has been lately.

import { element, seconds } from "./element.js";

const KEPT = 90; // values: one a second
const SVG = "http://www.w3.org/2000/svg";

export class Plot {
  constructor(label) {
    this.values = [];
    this.line = document.createElementNS(SVG, "polyline");
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${KEPT - 1} 22`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.line);
    this.now = element("span");
    this.element = element("div", {}, element("div", { className: "plot" },
      element("span", {}, label), this.now), svg);
  }

  /** One more value, in seconds; null is none. */
  add(value) {
    this.now.textContent = seconds(value);
    if (value === null) return;
    this.values = [...this.values, value].slice(-KEPT);
    const top = Math.max(...this.values) * 1.15 || 1;
    const first = KEPT - this.values.length;
    const points = this.values.map((each, at) => `${first + at},${(21 - each / top * 20).toFixed(1)}`);
    this.line.setAttribute("points", points.join(" "));
  }
}
