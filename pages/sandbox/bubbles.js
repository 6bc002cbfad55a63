// The rows of the chat: bubbles with a tail, what is known of their delivery below them, dividers and notices between.

import { element } from "../shared/dom.js";
import { accountAvatar, avatar } from "./avatar.js";
import { nameOf } from "./chats.js";
import { t } from "./texts.js";

const FEW = 20; // characters of a quotation

/** A row with a bubble. `mine`: the user's own, on the right. */
export function bubbleRow({ mine, account, user, type, bare }, ...content) {
  const bubble = element("div", { class: `bubble ${mine ? "mine" : "theirs"}${bare ? " bare" : ""}`, data: type ? { type } : {} }, content);
  const who = mine ? avatar(user, nameOf(user)) : accountAvatar(account);
  const row = element("li", { class: `turn ${mine ? "right" : "left"}` }, who, element("div", { class: "said-by" }, bubble));
  return { row, bubble };
}

/** What is known of a message, below its bubble. Pressed, it shows the message in the inspector. */
export function noteButton(className, text, msgId, choose) {
  const note = element("button", { class: `note ${className}`, type: "button", title: t.showMessage, tabindex: "-1", data: { roving: "" } }, text);
  note.addEventListener("click", () => choose(msgId));
  return note;
}

/** What the user did that makes no bubble: a line, with what is known of its delivery beside it. */
export function eventRow(text, type) {
  return element("li", { class: "event", data: { type } }, element("div", { class: "event-line" }, element("span", { class: "event-text" }, text)));
}

/** A line between the bubbles. */
export const systemRow = (className, text) => element("li", { class: `system ${className}` }, element("span", {}, text));

/** The bubble with three dots. */
export function typingRow(account) {
  const { row } = bubbleRow({ mine: false, account }, element("i"), element("i"), element("i"));
  row.classList.add("typing");
  return row;
}

/** WeChat's `<a href="…">…</a>` becomes a link, one to `bizmsgmenu` what the user says by it; everything else stays text. */
export function richText(parent, text, say) {
  const link = /<a\s+href="(https?:\/\/[^"]*|weixin:\/\/bizmsgmenu\?[^"]*)"[^>]*>([^<]*)<\/a>/g;
  let place = 0;
  for (const found of text.matchAll(link)) {
    parent.append(text.slice(place, found.index));
    parent.append(found[1].startsWith("weixin:") ? tappable(found[1], found[2], say) : outward(found[1], found[2]));
    place = found.index + found[0].length;
  }
  parent.append(text.slice(place));
}

const outward = (href, label) => element("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);

/** A tap is a text of the user with the link's content, and carries its id. */
function tappable(address, label, say) {
  const query = address.slice(address.indexOf("?") + 1).replaceAll("&amp;", "&").replaceAll("+", "%2B");
  const asked = new URLSearchParams(query);
  const said = { kind: "text", content: asked.get("msgmenucontent") ?? label, menu_id: asked.get("msgmenuid") };
  const tap = (event) => {
    event.preventDefault();
    say(said);
  };
  return element("a", { href: "#", class: "tap", data: { menuId: said.menu_id ?? "" }, onclick: tap }, label);
}

/** The beginning of a text, for a quotation. */
export function few(text) {
  const letters = [...text.replace(/\s+/g, " ").trim()];
  return letters.length > FEW ? `${letters.slice(0, FEW).join("")}…` : letters.join("");
}
