// How things stand with the user on the phone: what may still be sent and until when, what is open or dead, what is paused.

import { $, element } from "../shared/dom.js";
import { duration } from "../shared/format.js";
import { get } from "./api.js";
import { accounts, facts, here, isUnfollowed, lastRefusal } from "./chats.js";
import { codeMeaning, codeWords, t } from "./texts.js";
import { settleRefusals } from "./refusals.js";
import { showStanding } from "./trouble.js";

const SOON_MS = 300;
const EVERY_MS = 4000;
const NO_SENDS = [45015, 45047, 48001, 43004]; // codes that the next send would get too

let timer = null;
let tells = () => {};
let drawn = "";

/** `tell(faults)` hears how many faults stand. */
export function wireStanding(tell) {
  tells = tell;
  setInterval(() => { if (!document.hidden) ask(); }, EVERY_MS);
}

export function askStandingSoon() {
  timer ??= setTimeout(ask, SOON_MS);
}

async function ask() {
  clearTimeout(timer);
  timer = null;
  const chat = here.chat;
  if (!chat) return;
  let state = null;
  try {
    state = await get("/sandbox/state", { account: chat.account, user: chat.user }) ?? await older(chat);
  } catch {
    return; // the connection's state is shown on top
  }
  if (chat !== here.chat) return;
  const account = accounts.get(chat.account);
  if (account && typeof state.may_send === "boolean") account.may_send = state.may_send;
  showStanding(state);
  settleRefusals(state, chat.account);
  draw(state, account);
  tells(state.faults?.length ?? 0);
}

/** The same of a sandbox that can't tell it at once. */
async function older(chat) {
  const [right, report] = await Promise.all([get("/sandbox/right", { account: chat.account, user: chat.user }), get("/sandbox/report")]);
  return { right, faults: report?.faults ?? [], clock_ahead_s: report?.clock_ahead_s ?? 0 };
}

function draw(state, account) {
  const text = JSON.stringify([state, account?.may_send, lastRefusal(here.chat)?.seq]);
  if (text === drawn) return; // a screen reader isn't told the same again
  drawn = text;
  const fact = (name, tone, label, title) => element("span", { class: "fact number", title, data: { fact: name, tone } }, label);
  const facts_ = [rightFact(state, account, fact)];
  const held = state.held ?? 0;
  if (held) facts_.push(fact("held", "warn", t.right.held(held)));
  if (state.open > held) facts_.push(fact("open", "info", t.right.open(state.open - held)));
  if (state.dead) facts_.push(fact("dead", "bad", t.right.dead(state.dead)));
  if (state.clock_ahead_s > 0) facts_.push(fact("clock", "warn", t.right.ahead(duration(state.clock_ahead_s * 1000))));
  const fails = state.mark_fail;
  if (fails?.unanswered) facts_.push(fact("unanswered", "warn", t.right.unanswered(fails.unanswered)));
  $("standing").replaceChildren(...facts_);
  $("banners").replaceChildren(...banners(state));
}

/** In hours as long as it is more than one: WeChat's window is one of 48 hours, not of two days. */
const timeLeft = (seconds) => (seconds < 5400 ? duration(seconds * 1000) : t.right.hours(Math.round(seconds / 3600)));

/** What may be sent; first of all whatever keeps sends from going, since a number of them would promise that they go. */
function rightFact({ right, faults = [], pauses = [] }, account, fact) {
  const bad = (text, title) => fact("right", "bad", text, title);
  if (account?.answer_by === "push") return fact("right", "soft", t.right.byPush);
  if (account?.may_send === false) return bad(t.right.noRight);
  if (isUnfollowed(here.chat)) return bad(t.right.unfollowed);
  if (pauses.some((pause) => pause.account === here.chat.account && pause.interface === "send")) return bad(t.right.paused_);
  const refusal = lastRefusal(here.chat);
  if (refusal) {
    const says = NO_SENDS.includes(refusal.code) ? t.right.cannot : t.right.lastRefused;
    return bad(says(codeWords(refusal.code, refusal.reason)), codeMeaning(refusal.code, refusal.reason));
  }
  const ordered = faults.find(({ on, fault, account: of }) => on.includes("send") && fault.fault === "code" && (!of || of === here.chat.account));
  if (ordered) return fact("right", "warn", t.right.ordered(codeWords(ordered.fault.code)), codeMeaning(ordered.fault.code));
  if (!right) return fact("right", "soft", t.right.none);
  if (right.closes_in_s <= 0) return bad(t.right.over);
  const left = Math.max(0, right.of - right.sent);
  if (!left) return bad(t.right.used(right.of), t.right.by[right.by]);
  return fact("right", "good", `${t.right.left(left, right.of)} · ${t.right.until(timeLeft(right.closes_in_s))}`, t.right.by[right.by]);
}

function banners(state) {
  const now = Date.now();
  const left = (until) => (until ? t.right.until_(duration(Math.max(0, until - now))) : "");
  const made = (state.pauses ?? []).filter((pause) => !pause.account || pause.account === here.chat.account).map((pause) => element("p", { class: "banner", data: { tone: "warn", pause: pause.interface ?? "" } },
    `${t.right.paused([pause.interface, pause.code].filter((one) => one !== null && one !== undefined).join(" "), pause.reason ?? "")}${left(pause.until_ms)}${pause.remedy ? ` — ${pause.remedy}` : ""}`));
  const stopped = state.mark_fail?.stopped_until_ms;
  if (stopped && stopped > now) made.push(element("p", { class: "banner", data: { tone: "bad" } }, t.right.stopped(duration(stopped - now))));
  return made;
}
