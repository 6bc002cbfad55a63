// The list of conversations: one for each account and user, the newest first.

import { ask } from "../shared/ask.js";
import { $, element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { avatar } from "./avatar.js";
import { accountName, accounts, addOwnUser, allChats, chatOf, here, nameOf } from "./chats.js";
import { saidLine } from "./events.js";
import { icon } from "./icons.js";
import { kindName, t } from "./texts.js";

const MOST_ROWS = 200;
const SOON_MS = 100;

let open = () => {};
let isWaiting = false;

/** `show(chat)` makes a chat the one on the phone. */
export function wireConversations(show) {
  open = show;
  $("add-user").append(icon("add"));
  $("add-user").addEventListener("click", addUser);
  $("chats").addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...$("chats").querySelectorAll("button")];
    rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(event.target) + step))].focus();
  });
}

/** Notes what the list shows of a chat's newest entry. */
export function noteLine(chat, entry, live) {
  const line = lineOf(entry);
  if (line === null) return;
  chat.line = line;
  chat.atMs = entry.at_ms;
  if (live && chat !== here.chat && ["sent", "replied"].includes(entry.what)) chat.unread += 1;
}

function lineOf(entry) {
  if (entry.what === "said") return saidLine(entry);
  if (entry.what === "sent" || entry.what === "replied") return entry.text ?? `[${kindName(entry.kind)}]`;
  return null;
}

/** Draws the list, a few times a second at most. */
export function redrawList() {
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(() => {
    isWaiting = false;
    const focused = document.activeElement?.dataset.key;
    $("chats").replaceChildren(...allChats().slice(0, MOST_ROWS).map(row));
    if (focused) [...$("chats").querySelectorAll("button")].find((one) => one.dataset.key === focused)?.focus();
  }, SOON_MS);
}

function row(chat) {
  const isHere = chat === here.chat;
  const name = nameOf(chat.user);
  const account = accountName(chat.account);
  const words = element("span", { class: "chat-words" },
    element("span", { class: "chat-name" }, element("b", {}, name), accounts.size > 1 ? element("span", { class: "soft small" }, account) : null),
    element("span", { class: "chat-line" }, chat.line === null ? t.noMessages : plain(chat.line)));
  const side = element("span", { class: "chat-side" },
    element("span", { class: "number" }, chat.atMs ? time(chat.atMs).replace(/:\d\d$/, "") : ""),
    chat.unread ? element("span", { class: "unread number" }, chat.unread > 99 ? "99+" : String(chat.unread)) : null);
  const pick = element("button", { type: "button", class: "chat-row", title: `${account} · ${name} (${chat.user})`, "aria-current": isHere ? "true" : null, tabindex: isHere ? "0" : "-1", data: { key: chat.key, roving: "" } }, avatar(chat.user, name), words, side);
  pick.addEventListener("click", () => open(chat));
  return element("li", {}, pick);
}

/** A line without the markup of links. */
const plain = (text) => text.slice(0, 400).replace(/<\/?a\b[^>]*>/g, "").replace(/\s+/g, " ");

async function addUser() {
  const given = await ask({ title: t.addUser, yes: t.add, no: t.cancel, fields: [
    { name: "name", label: t.userName, required: true, max: 40 },
    { name: "openid", label: t.userId, max: 128 },
  ] });
  if (!given?.name.trim()) return;
  const user = addOwnUser(given.name.trim(), given.openid.trim());
  open(chatOf(here.chat.account, user.openid));
}
