// What becomes of an answer that WeChat has refused, below its message and in the notice about it.

import { element } from "../shared/dom.js";
import { t } from "./texts.js";

const waiting = new Map(); // msg_id → { turn, notice } of refused answers that haven't been sent since, and of what came behind them

export function forgetRefusals() {
  waiting.clear();
}

/** Its answer may be held without a send of its own. */
export function cameBehind(msgId, turn) {
  if (waiting.size) waiting.set(msgId, { turn, notice: null });
}

export function wasRefused(msgId, turn, notice) {
  const old = waiting.get(msgId)?.notice;
  if (old && old !== notice) put(old, "", "");
  waiting.set(msgId, { turn, notice });
  show(waiting.get(msgId), "bad", t.notSent, "");
}

/** It has been sent after all. */
export function wasSent(msgId) {
  const one = waiting.get(msgId);
  if (one) show(one, "", "", "");
  waiting.delete(msgId);
}

/** How they stand: of a user's messages, the oldest are held, and those that aren't open any more are over. */
export function settleRefusals({ open, held, pauses = [] }, account) {
  if (open === undefined || open === null) return; // the worker is elsewhere
  const all = [...waiting.values()];
  const over = Math.max(0, all.filter(({ notice }) => notice).length - open);
  const isPaused = pauses.some((pause) => pause.account === account && pause.interface === "send");
  all.forEach((one, n) => {
    if (n < over) show(one, "bad", t.unsent, t.release.never);
    else if (n < over + held) show(one, "warn", t.onHold, t.release.write);
    else if (!one.notice) show(one, "", "", "");
    else show(one, "warn", t.resend, isPaused ? t.release.pause : t.release.soon);
  });
}

function show({ turn, notice }, tone, state, sentence) {
  if (!turn.isOpen) put(turn.note, tone, state && ` · ${state}`);
  if (notice) put(notice, "", sentence);
}

function put(place, tone, text) {
  const old = place.querySelector(".then");
  if ((old?.textContent ?? "") === text) return;
  old?.remove();
  if (text) place.append(element("span", { class: "then", data: { tone } }, text));
}
