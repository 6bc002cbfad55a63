// A picture for everybody who has none: a letter on one of a few colours, the same each time. It is the first letter, but of a
// Chinese name the last, since 小明 and 小红 begin alike.

import { element } from "../shared/dom.js";
import { accountName } from "./chats.js";
import { icon } from "./icons.js";

const COLOURS = 8; // as many as chat.css has

/** `of` decides the colour, `name` gives the letter. */
export function avatar(of, name) {
  let sum = 0;
  for (const letter of of) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  const letters = [...name.trim()]; // whole characters, also beyond the first plane
  const letter = (/^\p{Script=Han}{2,4}$/u.test(name.trim()) ? letters.at(-1) : letters[0]) ?? "?";
  return element("span", { class: "avatar", "aria-hidden": "true", data: { colour: sum % COLOURS } }, letter.toUpperCase());
}

/** The account's: the mark of the page for the one that has no name of its own. */
export function accountAvatar(account) {
  if (account !== "main") return avatar(account, accountName(account));
  return element("span", { class: "avatar brand", "aria-hidden": "true" }, icon("brand"));
}
