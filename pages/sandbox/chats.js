// What the page remembers: accounts, users, and what happened between them, newest last.
//
// Everything is bounded, since a flood makes thousands of entries a second for thousands of users: entries of a chat, chats,
// and entries in all. What is forgotten is still in the sandbox's transcript.

import { t } from "./texts.js";

const KEPT = 1000; // entries of one chat
const MOST_CHATS = 200;
const MOST_ENTRIES = 50_000;

/** Accounts by name, as `/sandbox/accounts` tells of them. */
export const accounts = new Map();
/** Names of users by OpenID. */
export const names = new Map();
/** What the sandbox can do besides. */
export const facts = { inside: false, mayKillWorker: false, examples: [] };
/** The chat that is shown. */
export const here = { chat: null };

const chats = new Map(); // key → chat, the one that was touched last at the end
let entriesInAll = 0;

export const nameOf = (user) => names.get(user) ?? user;

/** An account as it is called here: `main` is what one is called that nobody has named. */
export const accountName = (name) => (name === "main" ? t.mainAccount : name);

const keyOf = (account, user) => `${account} ${user}`;

/** The chat of an account and a user, made if there is none. */
export function chatOf(account, user) {
  const key = keyOf(account, user);
  let chat = chats.get(key);
  if (!chat) {
    chat = { key, account, user, entries: [], unread: 0, line: null, atMs: 0 };
    chats.set(key, chat);
    forgetSome();
  }
  return chat;
}

/** All chats, those with the newest entry first; those without one in the order they were made. */
export const allChats = () => [...chats.values()].sort((one, other) => other.atMs - one.atMs);

/** Adds an entry to its chat; says which that is. Null when it is about no user whom one can play. */
export function keep(entry) {
  if (!entry.user) return null;
  const isKnown = chats.has(keyOf(entry.account, entry.user));
  // A refused call may name anyone.
  if (!isKnown && ["refused", "call_refused", "faulted"].includes(entry.what)) return null;
  const chat = chatOf(entry.account, entry.user);
  chat.entries.push(entry);
  entriesInAll += 1;
  if (chat.entries.length > KEPT + 200) entriesInAll -= chat.entries.splice(0, 200).length; // in steps: cheap
  chats.delete(chat.key);
  chats.set(chat.key, chat);
  forgetSome();
  return chat;
}

/** Forgets every entry: the sandbox was started anew. */
export function forgetAll() {
  for (const chat of chats.values()) Object.assign(chat, { entries: [], unread: 0, line: null, atMs: 0 });
  entriesInAll = 0;
}

function forgetSome() {
  for (const [key, chat] of chats) {
    if (chats.size <= MOST_CHATS && entriesInAll <= MOST_ENTRIES) return;
    if (chat === here.chat) continue;
    entriesInAll -= chat.entries.length;
    chats.delete(key);
  }
}

/** What a user said by this push, if it is remembered. */
export const saidBy = (chat, msgId) => chat?.entries.findLast((entry) => entry.what === "said" && entry.msg_id === msgId) ?? null;

/** The refusal of the newest send, unless the user has done something since. */
export function lastRefusal(chat) {
  const last = chat?.entries.findLast(({ what }) => ["refused", "sent", "said"].includes(what));
  return last?.what === "refused" ? last : null;
}

/** Whether the user has left the account. */
export const isUnfollowed = (chat) => chat?.entries.findLast(({ what, kind }) => what === "said" && (kind === "subscribe" || kind === "unsubscribe"))?.kind === "unsubscribe";

/** The newest push of a chat. */
export const newestSaid = (chat) => chat?.entries.findLast((entry) => entry.what === "said") ?? null;

// ---- users of one's own, which stay in the browser -------------------------------------------------------------------

export function ownUsers() {
  try {
    const list = JSON.parse(localStorage.getItem("users") ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return []; // storage is switched off, or holds something else
  }
}

export function addOwnUser(name, openid) {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(21)), (byte) => (byte % 36).toString(36)).join("");
  const user = { name, openid: openid || `oHuixin${random}` };
  try {
    localStorage.setItem("users", JSON.stringify([...ownUsers().filter((own) => own.openid !== user.openid), user].slice(-50)));
  } catch { /* a private window: the user lives as long as the page */ }
  names.set(user.openid, user.name);
  return user;
}
