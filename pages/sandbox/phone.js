// The phone: the name on top, the chat that stays at its end while you are there, and nothing that grows without bound.

import { $, element } from "../shared/dom.js";
import { accountName, here, nameOf } from "./chats.js";
import { typingRow } from "./bubbles.js";
import { t } from "./texts.js";

const MOST_ROWS = 1000;
const NEAR = 80; // pixels from the end that still count as being there
const TYPING_MS = 15_000; // WeChat's indicator goes off by itself

let typingTimer = null;
let isAtEnd = true; // noted when you scroll: to ask the browser for each row would make it lay out the whole chat each time
let lastTop = 0;
let isDue = false;
let stop = null; // the note that Tab comes to

const hidden = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight;

/** Adds a whole row: a part added later would be below the end that the chat is scrolled to here. */
export function append(row, isOwn = false) {
  const chat = $("chat");
  const typing = chat.querySelector(":scope > .typing");
  chat.insertBefore(row, typing);
  while (chat.children.length > MOST_ROWS) chat.firstChild.remove();
  $("empty").hidden = true;
  if (isAtEnd || isOwn) endSoon();
  else $("to-end").hidden = false;
  moveStop(row.querySelector("[data-roving]") ?? (stop?.isConnected ? stop : chat.querySelector("[data-roving]")));
}

function moveStop(note) {
  if (stop) stop.tabIndex = -1;
  stop = note;
  if (stop) stop.tabIndex = 0;
}

/** To the end, once for all rows that come before the next picture of the screen. */
function endSoon() {
  isAtEnd = true;
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    if (isAtEnd) toEnd();
  });
}

export function toEnd() {
  isAtEnd = true;
  $("scroll").scrollTop = $("scroll").scrollHeight;
  $("to-end").hidden = true;
}

/** A picture has got its size and made the chat longer: a reader at the end stays at the end. */
export function grown() {
  if (isAtEnd) endSoon();
}

export function clear() {
  setTyping(false);
  $("chat").replaceChildren();
  stop = null;
  isAtEnd = true;
  $("empty").hidden = false;
  $("to-end").hidden = true;
}

export function setTyping(on) {
  clearTimeout(typingTimer);
  $("chat").querySelector(":scope > .typing")?.remove();
  setTitle(on);
  if (!on) return;
  append(typingRow(here.chat.account));
  typingTimer = setTimeout(() => setTyping(false), TYPING_MS);
}

/** While typing is on, WeChat shows that in the name's place. */
export function setTitle(isTyping = false) {
  const chat = here.chat;
  const as = chat ? element("span", { class: "as soft" }, ` · ${nameOf(chat.user)}`) : ""; // the list of chats says it where there is room
  $("title").replaceChildren(isTyping ? t.typing : chat ? accountName(chat.account) : "", as);
  $("title").title = chat ? `${chat.account} · ${nameOf(chat.user)} (${chat.user})` : "";
}

/** Marks the rows of the message that the inspector shows. */
export function mark(msgId) {
  for (const row of $("chat").querySelectorAll(".chosen")) row.classList.remove("chosen");
  if (msgId) for (const row of $("chat").querySelectorAll(`:scope > [data-msg-id="${CSS.escape(msgId)}"]`)) row.classList.add("chosen");
}

export function wirePhone() {
  $("to-end").addEventListener("click", toEnd);
  $("scroll").addEventListener("scroll", () => {
    // Only going up leaves the end: that the chat has grown since it was scrolled is no wish of yours.
    const top = $("scroll").scrollTop;
    if (hidden() < NEAR) isAtEnd = true;
    else if (top < lastTop) isAtEnd = false;
    lastTop = top;
    if (isAtEnd) $("to-end").hidden = true;
  }, { passive: true });
  // Pictures get their size late, notes become longer, the + panel opens: if you are at the end, you stay there.
  const sizes = new ResizeObserver(grown);
  sizes.observe($("scroll"));
  sizes.observe($("chat"));
  // One stop for Tab; arrows go from note to note.
  $("chat").addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !event.target.matches("[data-roving]")) return;
    event.preventDefault();
    const notes = [...$("chat").querySelectorAll("[data-roving]")];
    const to = notes[Math.min(notes.length - 1, Math.max(0, notes.indexOf(event.target) + step))];
    moveStop(to);
    to.focus();
  });
}
