// What is wrong, worst first, each with what to do: out of what the API says, without asking anything.

import { time } from "../shared/format.js";
import { codeMeaning } from "./codes.js";
import { overviewTexts as t } from "./texts-overview.js";
import { t as common } from "./texts.js";
import { to } from "./routes.js";
import { refusalMeaning } from "./refusals.js";

/** A process that has not been heard of for so long is silent. */
export const SILENT_MS = 20_000;
const WAITED_MS = 60_000;
const TEN_MINUTES_MS = 600_000;
const HOUR_MS = 3_600_000;
const ORDER = ["bad", "warn", "info"];

/** A list of `{ tone, what, more, remedy, href, label }`. */
export function troubles({ status, processes, charts, refused }) {
  const found = [...ofPauses(status), ...ofProcesses(processes), ...ofDead(status, charts), ...ofWaiting(status), ...ofDoor(refused)];
  return found.sort((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
}

/** What one account can't do, and why. */
export function cannotSend(one) {
  const known = codeMeaning(one.code);
  return {
    tone: one.interface === "send" ? "bad" : "warn",
    what: `${one.account} ${common.interfaces[one.interface] ?? one.interface}: ${one.code}${known ? `, ${known.meaning}` : ""}`,
    more: one.reason,
    remedy: [known?.remedy || one.remedy || t.byItself, t.until(time(one.until))].join(" · "),
    href: to("accounts"),
    label: common.accounts,
  };
}

function ofPauses(status) {
  const paused = status.paused.map((one) => ({
    tone: one.what.includes("/") ? "info" : "warn",
    what: one.what === "everything" ? t.pausedAll : t.paused(one.what),
    more: t.since(time(one.since), one.reason),
    remedy: t.resumeIt,
    href: to("accounts"),
    label: common.accounts,
  }));
  return [...paused, ...status.cannot_send.map(cannotSend)];
}

function ofProcesses(processes) {
  if (!processes) return [];
  const here = { href: to("processes"), label: common.processes };
  const found = [];
  const has = (roles) => processes.some((one) => roles.includes(one.role));
  if (!has(["worker", "run", "dev"])) found.push({ tone: "bad", what: t.noWorker, remedy: t.noWorkerDo, ...here });
  if (!has(["receiver", "run", "dev"])) found.push({ tone: "bad", what: t.noReceiver, remedy: t.noReceiverDo, ...here });
  for (const one of processes) {
    const silentMs = Date.now() - Date.parse(one.seen_at);
    if (silentMs > SILENT_MS) {
      found.push({ tone: "bad", what: t.silent(one.name, silentMs), remedy: t.silentDo, ...here });
      continue; // what it said last is old
    }
    for (const problem of one.problems) found.push({ tone: "bad", what: t.problem(one.name), more: problem, ...here });
    for (const warning of one.warnings) found.push({ tone: "warn", what: t.warning(one.name), more: warning, ...here });
    found.push(...ofSpool(one));
  }
  if (new Set(processes.map((one) => one.version)).size > 1) found.push({ tone: "info", what: t.versions, remedy: t.versionsDo, ...here });
  return found;
}

function ofSpool({ spool, host }) {
  if (!spool) return [];
  const here = { href: to("spool"), label: common.spool };
  const found = [];
  if (spool.entries > 0 && spool.state !== "idle") found.push({ tone: "warn", what: t.spooled(spool.entries, host), remedy: t.spooledDo, ...here });
  if (spool.quarantined > 0) found.push({ tone: "bad", what: t.quarantined(spool.quarantined, host), remedy: t.quarantinedDo, ...here });
  if (spool.problem) found.push({ tone: "bad", what: t.problem(host), more: spool.problem, ...here });
  return found;
}

function ofDead(status, charts) {
  const here = { href: to("dead"), label: common.dead };
  const found = [];
  const dying = charts ? sum(charts.series.dead ?? [], TEN_MINUTES_MS / (charts.step_s * 1000)) : 0;
  if (dying > 0 && status.dead > 0) found.push({ tone: "bad", what: t.dying(dying), remedy: t.dyingDo, ...here });
  if (status.dead_uncounted > 0) found.push({ tone: "warn", what: t.uncounted(status.dead_uncounted), remedy: t.uncountedDo, ...here });
  return found;
}

function ofWaiting(status) {
  const waited = status.next_age_ms ?? 0;
  return waited > WAITED_MS ? [{ tone: "warn", what: t.waits(waited), remedy: t.waitsDo, href: to("processes"), label: common.processes }] : [];
}

function ofDoor(refused) {
  const lately = (refused ?? []).filter((one) => Date.now() - Date.parse(one.last_at) < HOUR_MS && one.account);
  return lately.map((one) => {
    const { problem, remedy } = refusalMeaning(one.reason);
    const isNow = Date.now() - Date.parse(one.last_at) < TEN_MINUTES_MS;
    return { tone: isNow ? "bad" : "info", what: t.door(one.count, problem), more: one.account, remedy, href: to("journal"), label: common.journal };
  });
}

/** The sum of the last of them, as far as they are known. */
export const sum = (numbers, last) => numbers.slice(-Math.max(1, Math.round(last))).reduce((all, one) => all + (one ?? 0), 0);
