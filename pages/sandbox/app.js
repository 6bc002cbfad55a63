// The sandbox's page: a pretend WeChat to look at. It talks to the control API alone: it posts what the user does, and draws the
// transcript as it comes. Everything that came from outside is written as text, never as markup.
//
// This file puts the parts together: conversations | the phone | the inspector.

import { $ } from "../shared/dom.js";
import { speak, switchBy } from "../shared/language.js";
import { fail, toast } from "../shared/toast.js";
import { get, post, upload } from "./api.js";
import { accounts, allChats, chatOf, facts, forgetAll, here, keep, names, ownUsers } from "./chats.js";
import { redrawComposer, wireComposer } from "./composer.js";
import { noteLine, redrawList, wireConversations } from "./conversations.js";
import { choose, follow, noticed, showFaults, wireInspector } from "./inspector.js";
import { wirePhone } from "./phone.js";
import { closeSheets, showInspector, wireSheets } from "./sheets.js";
import { askStandingSoon, wireStanding } from "./standing.js";
import { listen } from "./stream.js";
import { TEXTS, t } from "./texts.js";
import { drawEntry, redraw, wireTranscript } from "./transcript.js";
import { wireTrouble } from "./trouble.js";

const HISTORY = 2000; // entries asked for at the start
const RETRY_MS = 1000;
const MOST_PAIRS = 40; // conversations that are offered before anything was said in them

let newest = 0; // the last entry's seq
let liveAfter = 0; // entries up to this seq are history, and not announced

function receive(entry) {
  if (entry.seq <= newest) { // the sandbox was started anew
    forgetAll();
    liveAfter = 0;
    redraw();
    follow();
    learn();
  }
  newest = entry.seq;
  const chat = keep(entry);
  if (!chat) return;
  const live = entry.seq > liveAfter;
  noteLine(chat, entry, live);
  redrawList();
  if (chat !== here.chat) return;
  drawEntry(entry, live);
  noticed(entry);
  if (live) askStandingSoon();
}

/** A line of the page's own in the chat. */
function note(text) {
  const entry = { what: "ordered", at_ms: Date.now(), account: here.chat.account, user: here.chat.user, text };
  keep(entry);
  drawEntry(entry, true);
}

/** Plays the user; says whether that worked. */
async function say(push) {
  const { account, user } = here.chat;
  try {
    await post("/sandbox/push", { account, user, ...push });
    follow();
    return true;
  } catch (error) {
    fail(t.failedToSend(error.message));
    return false;
  }
}

/** Sends a file as the user. */
async function sendFile(kind, file) {
  const { account } = here.chat;
  let uploaded = null;
  try {
    uploaded = await upload("/sandbox/upload", { account, kind }, file);
  } catch (error) {
    if (error.status !== 404) {
      fail([400, 413].includes(error.status) ? t.plus.badFile[kind] : t.failedToSend(error.message));
      return;
    }
    toast(t.plus.needsUpload);
  }
  const media = uploaded ? { media_id: uploaded.media_id, ...(kind === "image" ? { pic_url: uploaded.pic_url } : {}) } : {};
  say({ kind, ...media });
}

function show(chat) {
  here.chat = chat;
  chat.unread = 0;
  redraw();
  redrawComposer();
  redrawList();
  follow();
  askStandingSoon();
  closeSheets();
  if (matchMedia("(pointer: fine)").matches) $("text").focus(); // elsewhere it would open the keyboard over the chat
}

function setOnline(isOnline) {
  $("status").dataset.online = isOnline;
  $("status").textContent = isOnline ? t.online : t.offline;
}

/** Asks for accounts and users until there is an answer. */
async function learn() {
  for (;;) {
    try {
      const info = await get("/sandbox/accounts");
      for (const account of info.accounts) accounts.set(account.name, { menu: (info.menu ?? []).map(({ label, key }) => ({ name: label, type: "click", key })), ...account });
      for (const { openid, name } of [...info.users, ...ownUsers()]) names.set(openid, name);
      Object.assign(facts, { inside: info.inside === true, mayKillWorker: info.may_kill_worker === true, examples: info.examples.map(example) });
      return info;
    } catch {
      await new Promise((wake) => setTimeout(wake, RETRY_MS));
    }
  }
}

/** An older sandbox has texts alone. */
const example = (one) => (typeof one === "string" ? { account: null, label: one, push: { kind: "text", content: one } } : one);

function pairUp(info) {
  for (const { openid } of [...info.users, ...ownUsers()].slice(0, MOST_PAIRS)) {
    for (const { name } of info.accounts.slice(0, Math.max(1, Math.floor(MOST_PAIRS / (info.users.length || 1))))) chatOf(name, openid);
  }
}

async function start() {
  speak(TEXTS);
  document.title = t.title;
  switchBy($("language"));
  setOnline(false);
  const info = await learn();
  wireSheets();
  wirePhone();
  wireTranscript({ say, choose: (msgId) => { choose(msgId); showInspector(); } });
  wireComposer({ say, upload: sendFile });
  wireConversations(show);
  wireTrouble(note, askStandingSoon);
  pairUp(info);
  here.chat = allChats()[0] ?? chatOf(info.accounts[0].name, "oHuixinXiaoming0000000000001");
  wireInspector();
  wireStanding(showFaults);
  liveAfter = info.newest;
  newest = Math.max(0, info.newest - HISTORY);
  show(here.chat);
  listen(() => newest, receive, setOnline);
}

start();
