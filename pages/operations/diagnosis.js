// "The bot did not answer at 14:03": why, in sentences, out of what the journal and the counts at the door say. docs/trace.md has
// the same as a table for the command.

import { duration, time } from "../shared/format.js";
import { codeMeaning } from "./codes.js";
import { refusalMeaning } from "./refusals.js";
import { findingTexts as t } from "./texts-journal.js";
import { t as common } from "./texts.js";
import { to, toMessage, toUser } from "./routes.js";

/** What counts as late. */
const LATE_MS = 60_000;
/** A receiver names at most so many users of one reason and hour. */
const NAMED_MAX = 50;
const ORDER = ["bad", "warn", "info", "good"];

/**
 * `found`: `{ ended, lanes: [{ account, lane }], refused, journal_since }`; `asked`: `{ account?, user?, id?, since? }`. Gives
 * `[{ tone, what, more?, remedy?, href?, label? }]`, what matters most first.
 */
export function diagnosis(found, asked) {
  const named = asked.user ? found.refused.filter((one) => one.users.includes(asked.user.slice(-4))) : [];
  const findings = [...ofDoor(named), ...ofEnds(found.ended, Boolean(asked.user || asked.id)), ...found.lanes.flatMap(ofLane)];
  const isEmpty = found.ended.length === 0 && found.lanes.length === 0 && named.length === 0;
  if (isEmpty && asked.id) findings.push({ tone: "warn", what: t.idUnknown, remedy: t.idUnknownDo, href: toMessage(asked.id), label: common.id });
  else if (isEmpty && asked.user) findings.push(...ofNothing(found, asked));
  return findings.sort((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
}

/** The refusals that may have been this user's: those that name them, and those that name nobody, or too many to name all. */
export function perhapsTheirs(refused, user) {
  return user ? refused.filter((one) => one.users.includes(user.slice(-4)) || one.users.length === 0 || one.users.length >= NAMED_MAX) : refused;
}

function ofNothing(found, asked) {
  const findings = [];
  const since = found.journal_since;
  if (asked.since > Date.now()) return [{ tone: "warn", what: t.ahead }];
  const isKnown = !(since && asked.since < Date.parse(since));
  if (!isKnown) findings.push({ tone: "warn", what: t.tooOld(time(since)), remedy: t.tooOldDo });
  findings.push({ tone: "warn", what: isKnown ? t.never : t.neverSince, more: t.neverMore(asked.account), remedy: t.neverDo });
  for (const one of perhapsTheirs(found.refused, asked.user)) {
    const { problem, remedy } = refusalMeaning(one.reason);
    // What names none of our accounts is a stray visitor more often than a user.
    findings.push({ tone: one.account ? "warn" : "info", what: t.perhaps(one.count), more: problem, remedy });
  }
  return findings;
}

function ofDoor(named) {
  return named.map((one) => {
    const { problem, remedy } = refusalMeaning(one.reason);
    return { tone: "bad", what: t.turned(one.count), more: `${time(one.first_at)} – ${time(one.last_at)}: ${problem}`, remedy };
  });
}

function ofEnds(ended, isOfOne) {
  const dead = ended.filter((one) => one.end === "dead");
  const findings = [
    ...groups(dead.filter((one) => one.code !== null), (one) => one.code).map(([first, n]) => refusedByWechat(first, n)),
    ...groups(dead.filter((one) => one.code === null), (one) => plain(one.reason)).map(([first, n]) => ({
      tone: "bad", what: first.handling_ms === null ? `${common.kindSaid.dead} (${n})` : t.failed(n), more: first.reason, remedy: t.failedDo, ...deadOf(first, n),
    })),
  ];
  const unmatched = ended.filter((one) => one.end === "unmatched").length;
  if (unmatched) findings.push({ tone: "warn", what: t.unmatched(unmatched), remedy: t.unmatchedDo });
  if (!isOfOne) return findings;
  const answered = ended.filter((one) => one.end.startsWith("answered"));
  for (const [first, n] of groups(answered.filter((one) => one.code !== null), (one) => one.code)) {
    findings.push({ tone: "info", what: t.again(n, first.code, codeMeaning(first.code)?.meaning), remedy: t.againDo });
  }
  const late = answered.map((one) => Date.parse(one.ended_at) - Date.parse(one.accepted_at)).filter((ms) => ms > LATE_MS);
  if (late.length) findings.push({ tone: "warn", what: t.late(late.length, Math.max(...late)), remedy: t.lateDo });
  const silent = ended.filter((one) => one.end === "no_reply").length;
  if (silent) findings.push({ tone: "info", what: t.silent(silent), remedy: t.silentDo });
  if (answered.length) findings.push({ tone: "good", what: t.fine(answered.length) });
  return findings;
}

/** Where it is retried: on its page, or if there are several among the dead letters. */
const deadOf = (first, n) => (n === 1 ? { href: toMessage(first.id, first.account, first.user), label: common.dead } : { href: to("dead"), label: common.dead });

function refusedByWechat(first, n) {
  const { code, reason, rid } = first;
  const known = codeMeaning(code);
  const more = [reason, rid && t.rid(rid)].filter(Boolean).join(" · ");
  return { tone: "bad", what: t.refusedBy(n, code, known?.meaning), more, remedy: known?.remedy, ...deadOf(first, n) };
}

function ofLane({ account, user, lane }) {
  const here = { href: toUser(account, user), label: common.user };
  const findings = [];
  const more = [lane.last_error, lane.due_at && `${time(lane.due_at)} (${duration(Math.max(0, Date.parse(lane.due_at) - Date.now()))})`].filter(Boolean).join(" · ");
  if (lane.waiting.length) findings.push({ tone: "warn", what: t.open(lane.waiting.length, common.states[lane.state] ?? common.newerState), more, ...here });
  if (lane.held.length) findings.push({ tone: "warn", what: t.held(lane.held.length), remedy: t.heldDo, ...here });
  if (lane.paused) findings.push({ tone: "warn", what: t.paused, remedy: t.pausedDo, ...here });
  return findings;
}

/** `[first, count]` of each group, the largest first. */
function groups(list, keyOf) {
  const found = new Map();
  for (const one of list) {
    const group = found.get(keyOf(one)) ?? [one, 0];
    group[1] += 1;
    found.set(keyOf(one), group);
  }
  return [...found.values()].sort((a, b) => b[1] - a[1]);
}

/** A reason without its longer numbers. A status stays: 400 and 503 are two causes. */
const plain = (reason) => (reason ?? "").replace(/\d{4,}/g, "…");
