// A picture for everybody who has none: the first letter on one of a few colours, the same each time.

import { element } from "../shared/dom.js";

const COLOURS = 8; // as many as chat.css has

/** `of` decides the colour, `name` gives the letter. */
export function avatar(of, name) {
  let sum = 0;
  for (const letter of of) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  const first = [...name.trim()][0] ?? "?"; // a whole character, also beyond the first plane
  return element("span", { class: "avatar", "aria-hidden": "true", data: { colour: sum % COLOURS } }, first.toUpperCase());
}
