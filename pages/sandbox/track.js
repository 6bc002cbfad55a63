// A message's way on an axis of time: pushed, stored, waiting, handling, recorded, sent. The dashed line at five seconds is
// where WeChat gives up; what lies beyond it is what Huixin is for.

import { element } from "../shared/dom.js";
import { duration } from "../shared/format.js";
import { t } from "./texts.js";

const LIMIT_MS = 5000;
const SHORTEST_MS = 6000; // so that the line is always on the axis
const BROKEN_MS = 2000; // a shorter life fills the axis, and the line stands at its edge, behind a break
const EDGE = 92;
const MOST_RUNS = 6;
const STEPS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 172_800].map((s) => s * 1000);

export function track(life, now) {
  // While a message only waits for its next attempt, the axis stands still.
  const end = Math.max(life.lastMs, life.isRunning && !life.letGo ? now : 0);
  const lastedMs = end - life.saidMs;
  const isBroken = lastedMs < BROKEN_MS;
  const span = isBroken ? Math.max(10, lastedMs * 1.3) : Math.max(SHORTEST_MS, lastedMs * 1.08);
  const at = (ms) => Math.min(100, Math.max(0, ((ms - life.saidMs) / span) * 100));
  const rows = [...pushRows(life, now, at), ...workerRows(life, now, at), ...sentRows(life, at)];
  const whole = element("div", { class: "track" }, axis(life, span, at, isBroken), element("ol", { class: "track-rows" }, rows));
  const limit = isBroken ? EDGE : at(life.saidMs + LIMIT_MS);
  whole.style.setProperty("--limit", `${limit}%`);
  whole.style.setProperty("--share", String(limit / 100));
  return whole;
}

function axis(life, span, at, isBroken) {
  const step = STEPS.find((one) => span / one <= 6) ?? STEPS.at(-1);
  const ticks = [];
  for (let ms = 0; ms <= span && ticks.length < 12; ms += step) {
    const tick = element("span", { class: "tick number" }, ms === 0 ? "0" : duration(ms).replace(/\.0 /, " "));
    tick.style.insetInlineStart = `${at(life.saidMs + ms)}%`;
    if (at(life.saidMs + ms) < (isBroken ? 84 : 94)) ticks.push(tick);
  }
  const isLate = isBroken || at(life.saidMs + LIMIT_MS) > 55;
  const limit = element("span", { class: `limit ${isLate ? "before" : ""}` }, t.givesUp);
  return element("div", { class: "axis" }, element("div", { class: `axis-line ${isBroken ? "broken" : ""}` }, ticks), element("div", { class: "axis-limit" }, limit));
}

/** A line of the track. `parts`: bars and points on it. */
function row(name, tone, label, detail, parts, value) {
  return element("li", { class: "track-row", data: { stage: name, tone } },
    element("span", { class: "stage" }, element("b", {}, label), detail ? element("span", { class: "detail", title: detail }, detail) : null),
    element("span", { class: "lane" }, parts),
    element("span", { class: "value number" }, value));
}

function bar(from, to, tone, title) {
  const made = element("span", { class: "span", title, data: { tone } });
  made.style.insetInlineStart = `${from}%`;
  made.style.inlineSize = `${Math.max(0, to - from)}%`;
  return made;
}

function point(place, tone, title) {
  const made = element("span", { class: "point", title, data: { tone } });
  made.style.insetInlineStart = `${place}%`;
  return made;
}

const tones = { acked: "good", passive_reply: "good" };

function pushRows(life, now, at) {
  const bars = life.pushes.map((one) => bar(at(one.at_ms), at(one.at_ms + one.took_ms), tones[one.result] ?? "bad", `${t.tryLine(one.n)}: ${t.why[one.result] ?? one.result}, ${duration(one.took_ms)}`));
  if (life.open) bars.push(bar(at(life.open.since_ms), at(now), "open", `${t.tryLine(life.open.n)}: ${t.openLine}`));
  const count = life.pushes.length + (life.open ? 1 : 0);
  const detail = count > 1 ? t.times(count) : "";
  const last = life.pushes.at(-1);
  const value = life.open ? duration(Math.max(0, now - life.open.since_ms)) : last ? duration(last.at_ms + last.took_ms - life.saidMs) : "";
  const rows = [row("pushed", life.open ? "open" : "good", t.stages.pushed, detail, bars, value)];
  if (life.storedMs !== null) rows.push(row("stored", "good", t.stages.stored, "", [point(at(life.storedMs), "good")], duration(Math.max(0, life.storedMs - life.saidMs))));
  return rows;
}

function workerRows(life, now, at) {
  if (life.storedMs === null) return [];
  if (!life.inside) {
    if (life.pushes.some((one) => one.result === "passive_reply")) return [];
    const until = life.answeredMs ?? (life.isRunning ? now : life.lastMs);
    return [row("behind", "open", t.stages.behind, "", [bar(at(life.storedMs), at(until), life.answeredMs === null && life.isRunning ? "open" : "info")], duration(Math.max(0, until - life.storedMs)))];
  }
  const [first] = life.runs;
  const isEnded = life.ended !== null;
  const until = first?.startMs ?? (isEnded ? life.ended.at_ms : now);
  const rows = [row("waiting", "soft", t.stages.waiting, "", [bar(at(life.storedMs), at(until), "soft")], duration(Math.max(0, until - life.storedMs)))];
  for (const run of life.runs.slice(-MOST_RUNS)) {
    const end = run.endMs ?? (isEnded ? life.ended.at_ms : now);
    const tone = run.error || run.isBroken ? "bad" : run.endMs === null && !isEnded ? "open" : "info";
    const detail = [run.route, run.attempt > 1 ? t.attempt(run.attempt) : "", run.isBroken ? t.brokenOff : ""].filter(Boolean).join(" · ");
    rows.push(row("handling", tone, t.stages.handling, detail, [bar(at(run.startMs), at(end), tone, run.error ?? detail)], duration(Math.max(0, end - run.startMs))));
  }
  if (life.recordedMs !== null) rows.push(row("recorded", "info", t.stages.recorded, "", [point(at(life.recordedMs), "info")], `+${duration(Math.max(0, life.recordedMs - life.saidMs))}`));
  return rows;
}

function sentRows(life, at) {
  if (!life.sent.length) return [];
  const last = life.sent.at(-1);
  const of = last.of ?? life.sent.length;
  const points = life.sent.map((one) => point(at(one.at_ms), "good", `${one.part ?? ""}/${of}`));
  return [row("sent", "good", t.stages.sent, `${life.sent.length}/${of}`, points, `+${duration(Math.max(0, last.at_ms - life.saidMs))}`)];
}

/** The same in a sentence or two, as badges. */
export function verdict(life, now) {
  const badge = (tone, text) => element("span", { class: "badge", data: { tone } }, text);
  const badges = [];
  const late = (ms) => ms > LIMIT_MS;
  if (life.ackedMs !== null) badges.push(badge("good", t.ackedIn(duration(Math.max(0, life.ackedMs - life.saidMs)))));
  else if (life.open) badges.push(badge("warn", t.openTry(life.open.n, Math.floor(Math.max(0, now - life.open.since_ms) / 1000))));
  for (const one of life.pushes.filter(({ result }) => !tones[result]).slice(0, 3)) badges.push(badge("bad", `${t.tryLine(one.n)}: ${t.why[one.result] ?? one.result}`));
  if (life.answeredMs !== null) {
    const ms = life.answeredMs - life.saidMs;
    badges.push(badge("info", t.answeredIn(duration(ms))), badge(late(ms) ? "info" : "good", late(ms) ? t.beyond(duration(ms - LIMIT_MS)) : t.within));
  }
  if (life.letGo && !life.ended) badges.push(badge("warn", t.ended[life.letGo.end] ?? life.letGo.end));
  else if (life.ended && (life.answeredMs === null || life.ended.end === "dead")) badges.push(badge(life.ended.end === "dead" ? "bad" : "info", t.ended[life.ended.end] ?? life.ended.end));
  else if (life.isRunning && life.storedMs !== null && life.answeredMs === null) badges.push(badge("warn", t.waitingFor));
  return badges;
}
