// What the page says, in Chinese and English. The words of messages themselves are never translated, and neither is what WeChat
// shows its users: a person who tests sees what a user would see.

import { language } from "../shared/language.js";
import { en } from "./texts_en.js";
import { zh } from "./texts_zh.js";

export const TEXTS = { zh, en };
export const t = TEXTS[language];

/** What WeChat shows when a push has failed. */
export const FAULT_NOTICE = "该公众号提供的服务出现故障，请稍后再试";

/** A kind of message or event as a word; one that is not known is shown as it is. */
export const kindName = (kind) => t.kinds[kind] ?? kind;

/** Why a try of a push failed. */
export function tryFailure({ result, detail }) {
  const why = t.why[result] ?? result;
  const [status] = result === "status" ? String(detail).match(/\d{3}/) ?? [] : [];
  return status ? `${why} ${status}` : why;
}

/** What an `errcode` means; one that is not known as itself. */
export const codeWords = (code, words) => t.codes[code] ?? codeMeaning(code, words);

/** An `errcode` with what it means; with WeChat's own words when it is a rare one. */
export function codeMeaning(code, words) {
  return `${code}\u00a0${t.codes[code] ?? words ?? ""}`.trim(); // the code is never alone on a line
}

/** A fault as ordered or met: its name as `fault`, its numbers beside it. */
export function faultName(one) {
  const text = t.faults[one.fault];
  return typeof text === "function" ? text(one) : text ?? String(one.fault);
}

/** Why a call of the API failed; one without a code met a fault on the way. */
export function callFailure(call) {
  if (call.errcode !== null) return codeMeaning(call.errcode, call.errmsg);
  return call.fault ? faultName(call.fault) : t.noAnswer;
}
