// Numbers in words, and elements for them: as the reports of the command line write them.

/** 1234567 as 1,234,567. */
export function thousands(number) {
  return Math.round(number).toLocaleString("en");
}

/** "1 image", "2,000 images". */
export function counted(count, noun) {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A share as a percentage with two digits, such as 98.76 %. */
export function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}

/** A time such as 4.2 s, 31 s or 2 min 5 s. */
export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Several words as they stand in a sentence: "a, b and c". */
export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** A number with three digits that matter, such as 0.0123, 4.56 or 1.2e-7. */
export function significant(number) {
  if (!Number.isFinite(number)) return `${number}`;
  if (number === 0) return "0";
  const size = Math.abs(number);
  return size < 1e-4 || size >= 1e5 ? number.toExponential(1) : number.toPrecision(3);
}

/** An element with attributes and children: texts or elements. A key that begins with "on" is an event. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** An element of a drawing. */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Let a screen reader say a sentence. */
export function say(sentence) {
  document.getElementById("spoken").textContent = sentence;
}
