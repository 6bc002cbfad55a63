// The phone: the name on top, the chat that stays at its end while you are there, and nothing that grows without bound.

import { $ } from "../shared/dom.js";
import { accounts, here, nameOf } from "./chats.js";
import { typingRow } from "./bubbles.js";
import { t } from "./texts.js";

const MOST_ROWS = 1000;
const NEAR = 80; // pixels from the end that still count as being there
const TYPING_MS = 15_000; // WeChat's indicator goes off by itself

let typingTimer = null;

const hidden = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight;

/** Adds a whole row: a part added later would be below the end that the chat is scrolled to here. */
export function append(row, isOwn = false) {
  const chat = $("chat");
  const atEnd = hidden() < NEAR || isOwn;
  const typing = chat.querySelector(":scope > .typing");
  chat.insertBefore(row, typing);
  while (chat.children.length > MOST_ROWS) chat.firstChild.remove();
  $("empty").hidden = true;
  if (atEnd) toEnd();
  else $("to-end").hidden = false;
  for (const note of chat.querySelectorAll("[data-roving][tabindex='0']")) note.tabIndex = -1;
  const last = [...row.querySelectorAll("[data-roving]")].at(-1) ?? [...chat.querySelectorAll("[data-roving]")].at(-1);
  if (last) last.tabIndex = 0;
}

export function toEnd() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
  $("to-end").hidden = true;
}

/** A picture has got its size and made the chat longer: a reader at the end stays at the end. */
export function grown(image) {
  if (hidden() < (image?.height ?? 240) + NEAR) toEnd();
}

/** Does something that may change heights, and stays at the end if the chat was there. */
export function keepingEnd(change) {
  const atEnd = hidden() < NEAR;
  change();
  if (atEnd) toEnd();
}

export function clear() {
  setTyping(false);
  $("chat").replaceChildren();
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
  const name = chat ? accounts.get(chat.account)?.name ?? chat.account : "";
  $("title").textContent = isTyping ? t.typing : name;
  $("title").title = chat ? `${name} · ${nameOf(chat.user)} (${chat.user})` : "";
}

/** Marks the rows of the message that the inspector shows. */
export function mark(msgId) {
  for (const row of $("chat").children) row.classList.toggle("chosen", msgId !== null && row.dataset.msgId === msgId);
}

export function wirePhone() {
  $("to-end").addEventListener("click", toEnd);
  $("scroll").addEventListener("scroll", () => { if (hidden() < NEAR) $("to-end").hidden = true; }, { passive: true });
  // One stop for Tab; arrows go from note to note.
  $("chat").addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !event.target.matches("[data-roving]")) return;
    event.preventDefault();
    const notes = [...$("chat").querySelectorAll("[data-roving]")];
    const to = notes[Math.min(notes.length - 1, Math.max(0, notes.indexOf(event.target) + step))];
    event.target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });
}
