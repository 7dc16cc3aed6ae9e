// Elements and numbers. Text is always text: what encoders say of themselves is never markup.

/** An element with these properties and children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function rate(bits) {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

export function bytes(count) {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} MB`;
  return `${Math.round(count / 1e3)} KB`;
}

export const UNKNOWN = "–";

/** Seconds, or a dash where they are not known. */
export function seconds(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const size = Math.abs(value);
  return size < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(size < 10 ? 2 : 1)} s`;
}
