// Draws what happened, entry by entry, as the user would see it, and below it what only a developer sees.
//
// An answer names the push that it answers (`for`), and its time counts from there: with two messages under way the newest of
// them is the wrong one to measure from.

import { $, element } from "../shared/dom.js";
import { duration, time } from "../shared/format.js";
import { bubbleRow, eventRow, few, noteButton, richText, systemRow } from "./bubbles.js";
import { answerCard, saidCard } from "./cards.js";
import { here, saidBy } from "./chats.js";
import { isEvent, saidLine } from "./events.js";
import { append, clear, grown, mark, setTitle, setTyping, toEnd } from "./phone.js";
import { cameBehind, forgetRefusals, wasRefused, wasSent } from "./refusals.js";
import { FAULT_NOTICE, codeMeaning, faultName, t, tryFailure } from "./texts.js";

const QUIET_MS = 5 * 60_000; // after so long the time stands above the next row
const FRESH_MS = 15_000;
const MOST_TURNS = 1200;

const turns = new Map(); // msg_id → { note, said, tries, why, isOpen, tryMs }
let newest = null; // the last push that was drawn
let injected = null; // an injected refusal whose own line is still to come: one line says both
let lastAtMs = 0;
let does = { say: () => {}, choose: () => {} };
let chosen = null;

/** `say(push)` plays the user; `choose(msgId)` shows a message in the inspector. */
export function wireTranscript(what) {
  does = what;
  setInterval(countOn, 500);
}

/** Draws the chat that is shown from the beginning. */
export function redraw() {
  clear();
  turns.clear();
  forgetRefusals();
  newest = injected = null;
  lastAtMs = 0;
  for (const entry of here.chat?.entries ?? []) drawEntry(entry, false);
  setTitle();
  toEnd();
}

/** Draws one entry of the chat that is shown. `live`: it has just happened. */
export function drawEntry(entry, live) {
  draw[entry.what]?.(entry, live);
}

export function markChosen(msgId) {
  chosen = msgId;
  mark(msgId);
}

const draw = {
  said(entry) {
    const row = isEvent(entry.kind) ? eventRow(saidLine(entry), entry.kind) : saidRow(entry);
    const note = noteButton("ack", t.sending, entry.msg_id, does.choose);
    place(row, entry, true, note);
    turns.set(entry.msg_id, { note, said: entry, tries: 0, why: "", isOpen: true, tryMs: entry.at_ms });
    if (turns.size > MOST_TURNS) turns.delete(turns.keys().next().value);
    cameBehind(entry.msg_id, turns.get(entry.msg_id));
    newest = entry;
  },
  tried(entry) {
    const { result, detail } = entry.outcome;
    const turn = turns.get(entry.msg_id);
    if (!turn) return;
    turn.tries = Math.max(turn.tries + 1, entry.n);
    turn.tryMs = entry.at_ms;
    if (result === "acked" || result === "passive_reply") return;
    turn.why = tryFailure(entry.outcome);
    if (turn.isOpen) turn.note.textContent = t.retrying(turn.tries, turn.why);
    if (result === "bad_reply") system(entry, "bad wrong", t.pair(t.badReply, detail));
  },
  acked(entry) {
    settle(entry, t.acked(duration(entry.ms), entry.tries), "good", { ackMs: entry.ms.toFixed(3), tries: entry.tries });
  },
  fault_notice(entry) {
    const { tries, why } = turns.get(entry.msg_id) ?? { tries: 0, why: "" };
    settle(entry, t.failed(tries, why), "bad", { tries });
    place(element("li", { class: "fault", lang: "zh-CN" }, element("span", {}, FAULT_NOTICE)), entry);
  },
  given_up(entry) {
    const { tries, why } = turns.get(entry.msg_id) ?? { tries: 0, why: "" };
    settle(entry, t.silent(why), "bad", { tries });
  },
  withheld(entry) {
    settle(entry, t.withheld, "bad", {});
    system(entry, "bad withheld", t.withheld);
  },
  unmatched(entry) {
    system(entry, "unmatched", t.unmatched(few(saidLine(entry))));
  },
  sent: answer,
  replied: answer,
  alarmed: (entry) => system(entry, "bad alarmed", t.alarmed(entry.unanswered)),
  stopped: (entry) => system(entry, "bad stopped", t.stopped(entry.unanswered, Math.round(entry.for_s))),
  refused(entry) {
    const about = entry.for && entry.for !== newest?.msg_id ? saidBy(here.chat, entry.for) : null;
    const notice = system(entry, "bad refused", t.refused(codeMeaning(entry.code, entry.reason), about && few(saidLine(about))) + byOrder(entry, "send"), entry.reason);
    const turn = turns.get(entry.for);
    if (turn) wasRefused(entry.for, turn, notice);
  },
  call_refused: (entry) => system(entry, "bad refused", t.callRefused(t.endpoints[entry.on] ?? entry.on, codeMeaning(entry.code, entry.reason)) + byOrder(entry, entry.on), entry.reason),
  faulted(entry) {
    if (entry.fault === "code") injected = entry;
    else system(entry, "faulted", t.injected(faultName(entry), t.endpoints[entry.on] ?? entry.on));
  },
  replayed: (entry) => system(entry, "replayed", t.replayed),
  worker_killed: (entry) => system(entry, "faulted", t.workerKilled),
  /** A line of the page's own: what you have just injected. */
  ordered: (entry) => system(entry, "ordered", entry.text),
  typing(entry) {
    setTyping(entry.on && Date.now() - entry.at_ms < FRESH_MS);
  },
};

/** A bubble of the user's. */
function saidRow(entry) {
  const isBare = ["image", "video", "shortvideo"].includes(entry.kind);
  const { row, bubble } = bubbleRow({ mine: true, account: entry.account, user: entry.user, type: entry.kind, bare: isBare }, entry.kind === "text" ? entry.content : saidCard(entry, grown));
  bubble.dataset.msgId = entry.msg_id;
  return row;
}

/** Says of a refusal that it was injected, if it was. */
function byOrder({ code }, on) {
  const isIt = injected?.on === on && injected.code === code;
  if (isIt) injected = null;
  return isIt ? t.refusedByOrder : "";
}

function answer(entry, live) {
  setTyping(false);
  const { message } = entry;
  const kind = String(message?.msgtype ?? entry.kind);
  const content = message?.[kind] ?? {};
  const isBare = ["image", "video"].includes(kind) && !content.title;
  const { row, bubble } = bubbleRow({ mine: false, account: entry.account, user: entry.user, type: kind, bare: isBare });
  if (kind === "text") richText(bubble, String(content.content ?? ""), does.say);
  else bubble.append(answerCard(kind, content, { account: entry.account, say: does.say, ready: grown }));
  const agent = message?.customservice?.kf_account;
  if (agent) row.lastChild.prepend(element("div", { class: "agent" }, `${t.person} ${agent}`));
  if (message?.aimsgcontext?.is_ai_msg === 1) row.lastChild.append(element("div", { class: "ai note" }, t.byAi));
  wasSent(entry.what === "replied" ? entry.msg_id : entry.for);
  place(row, entry, false, afterNote(row, entry));
  if (live) $("live").textContent = bubble.textContent;
}

/** How long after which message it came, and by which way. */
function afterNote(row, entry) {
  const isPassive = entry.what === "replied";
  const forId = isPassive ? entry.msg_id : entry.for;
  const said = forId === undefined ? newest : forId === null ? null : turns.get(forId)?.said ?? saidBy(here.chat, forId);
  const parts = [];
  if (said) {
    const ms = Math.max(0, entry.at_ms - said.at_ms);
    parts.push(t.after(duration(ms)));
    if (said !== newest) parts.push(t.answers(few(saidLine(said))));
    row.dataset.msgId = said.msg_id;
  } else if (!forId) {
    parts.push(t.unasked);
  }
  parts.push(isPassive ? t.byTry(entry.n) : t.byApi);
  if (entry.attempt > 1) parts.push(t.sendTry(entry.attempt));
  const note = said ? noteButton("after", parts.join(" · "), said.msg_id, does.choose) : element("div", { class: "note after" }, parts.join(" · "));
  note.dataset.how = isPassive ? "passive" : "api";
  if (said) Object.assign(note.dataset, { for: said.msg_id, afterMs: Math.max(0, entry.at_ms - said.at_ms) });
  if (isPassive) note.dataset.n = entry.n;
  if (entry.attempt) Object.assign(note.dataset, { nth: entry.nth, attempt: entry.attempt });
  return note;
}

/** Puts a row into the chat, with the time above it after a pause. */
function place(row, entry, isOwn, note) {
  if (entry.at_ms - lastAtMs > QUIET_MS) append(element("li", { class: "when" }, element("time", { datetime: new Date(entry.at_ms).toISOString() }, time(entry.at_ms).replace(/:\d\d$/, ""))));
  lastAtMs = entry.at_ms;
  if (note) row.lastChild.append(note);
  row.dataset.msgId ??= entry.msg_id ?? "";
  row.classList.toggle("chosen", chosen !== null && row.dataset.msgId === chosen);
  append(row, isOwn);
}

/** A line that stands already since the last bubble is counted there: retries would fill the screen. */
function system(entry, className, text, title) {
  for (let one = $("chat").lastElementChild; one?.classList.contains("system"); one = one.previousElementSibling) {
    if (one.dataset.text !== text) continue;
    one.dataset.times = Number(one.dataset.times ?? 1) + 1;
    one.firstChild.textContent = `${text} ×${one.dataset.times}`;
    return one;
  }
  const row = systemRow(className, text);
  row.dataset.text = text;
  if (title) row.title = title;
  place(row, entry);
  return row;
}

function settle(entry, text, tone, data) {
  const turn = turns.get(entry.msg_id);
  if (!turn?.isOpen) return; // a replay changes nothing of how it went
  turn.isOpen = false;
  turn.note.textContent = text;
  grown(); // a longer line may take two
  turn.note.classList.add(tone);
  Object.assign(turn.note.dataset, data);
}

/** A push that is not answered yet shows which of its tries is open, and since when. */
function countOn() {
  const now = Date.now();
  for (const turn of turns.values()) {
    const waited = now - turn.tryMs;
    if (turn.isOpen && waited > 1000 && waited < 60_000) turn.note.textContent = t.openTry(turn.tries + 1, Math.floor(waited / 1000));
  }
}
