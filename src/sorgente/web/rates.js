// The choice of a bit rate, where there is one.
// @ts-check

/** @typedef {import("./stream.js").Picture} Picture */

/** @param {Picture} picture */
function label({ height, bandwidth }) {
  return bandwidth ? `${height}p · ${(bandwidth / 1e6).toFixed(1)} Mbit/s` : `${height}p`;
}

export class RateMenu {
  #select;
  #shown = "";

  /** @param {HTMLSelectElement} select @param {(name: string) => void} choose empty: by itself */
  constructor(select, choose) {
    this.#select = select;
    select.addEventListener("change", () => choose(select.value));
  }

  /** @param {readonly Picture[]} pictures none: there is no choice */
  show(pictures) {
    const shown = JSON.stringify(pictures);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { value } = this.#select;
    const playing = pictures.find((picture) => picture.playing);
    const auto = new Option(playing ? `Auto (${playing.height}p)` : "Auto", "");
    this.#select.replaceChildren(auto,
      ...pictures.map((picture) => new Option(label(picture), picture.name)));
    this.#select.value = pictures.some(({ name }) => name === value) ? value : "";
    this.#select.hidden = pictures.length < 2;
  }
}
