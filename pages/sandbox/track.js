// A message's way on an axis of time: pushed, stored, queued, handled, recorded, refused, sent. The dashed line is where WeChat
// stops waiting for the response; what lies beyond it is what Huixin is for.

import { element } from "../shared/dom.js";
import { duration, units } from "../shared/format.js";
import { endName, endTone } from "./ends.js";
import { callFailure, t, tryFailure } from "./texts.js";

const LIMIT_MS = 5000;
const STEPS = [1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200, 14_400, 28_800, 86_400]; // seconds between two ticks
const narrow = matchMedia("(max-width: 480px)");

export function track(life, now) {
  // While a message only waits for its next attempt, the axis stands still, with room for that wait.
  const isPending = life.isRunning && Boolean(life.letGo);
  const end = Math.max(life.lastMs, life.isRunning && !isPending ? now : 0);
  const span = Math.max(LIMIT_MS, (end - life.originMs) * (isPending ? 1.25 : 1));
  const at = (ms) => Math.min(100, (Math.max(0, ms - life.originMs) / span) * 100);
  const rows = [...pushRows(life, now, at), ...workerRows(life, now, at), ...callRows(life, at), ...endRows(life, at, isPending)];
  const whole = element("div", { class: "track", data: { limit: isLate(life, end) ? "missed" : "kept" } }, axis(span), element("ol", { class: "track-rows" }, rows));
  whole.style.setProperty("--share", String(LIMIT_MS / span));
  return whole;
}

/** Whether WeChat has waited in vain for the response. */
const isLate = (life, end) => (life.tookMs ?? end - life.originMs) > LIMIT_MS;

function axis(span) {
  const limit = (LIMIT_MS / span) * 100;
  const step = STEPS.find((seconds) => (seconds * 1000 / span) * 100 >= (narrow.matches ? 20 : 14)) ?? STEPS.at(-1);
  const [unit, name] = step < 60 ? [1, units.s] : step < 3600 ? [60, units.min] : step < 86_400 ? [3600, units.h] : [86_400, units.d];
  const label = inside(element("span", { class: "limit", title: t.limitLong }, t.limit), limit);
  const [width, apart] = narrow.matches ? [27, 23] : [17, 15];
  const middle = middleOf(limit, width);
  const ticks = [];
  for (let seconds = 0; seconds * 1000 <= span; seconds += step) {
    const place = (seconds * 1000 / span) * 100;
    // The limit's own label says five seconds.
    if (Math.abs(place - middle) < apart) continue;
    ticks.push(inside(element("span", { class: "tick number" }, seconds ? `${seconds / unit} ${name}` : "0"), place));
  }
  return element("div", { class: "axis" }, element("div", { class: "axis-line" }, ticks, label));
}

/** Puts the middle of a mark at a place, but so that it never leaves the lane. */
function inside(mark, place) {
  mark.style.insetInlineStart = `${place}%`;
  mark.style.setProperty("--back", `-${backOf(place)}%`);
  return mark;
}

/** How much of a mark is before its place: at the ends of the lane none, or all of it. */
const backOf = (place) => (place < 15 ? (place / 15) * 50 : place > 85 ? 100 - ((100 - place) / 15) * 50 : 50);

/** Where the middle of a mark of this width comes to be. */
const middleOf = (place, width) => place - ((backOf(place) - 50) / 100) * width;

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

/** Marks that say what they are; those that would lie over each other become one, with their number. */
function codeMarks(marks) {
  const groups = [];
  const width = narrow.matches ? 30 : 20;
  for (const mark of marks) {
    const last = groups.at(-1);
    if (last && middleOf(mark.place, width) - middleOf(last[0].place, width) < width) last.push(mark);
    else groups.push([mark]);
  }
  return groups.map((near) => {
    const labels = [...Map.groupBy(near, ({ label }) => label)].map(([label, { length }]) => (length > 1 ? `${label} ×${length}` : label));
    const made = element("span", { class: "code-mark number", title: near.map(({ title }) => title).join("\n") }, labels.join(", "));
    return inside(made, (near[0].place + near.at(-1).place) / 2);
  });
}

const tones = { acked: "good", passive_reply: "good" };

function pushRows(life, now, at) {
  const bars = life.pushes.map((one) => bar(at(one.at_ms), at(one.at_ms + one.took_ms), tones[one.result] ?? "bad", `${t.pair(t.tryLine(one.n), tryFailure(one))} · ${duration(one.took_ms)}`));
  if (life.open) bars.push(bar(at(life.open.since_ms), at(now), "open", t.pair(t.tryLine(life.open.n), t.openLine)));
  const count = life.pushes.length + (life.open ? 1 : 0);
  const last = life.pushes.at(-1);
  const failed = last && !tones[last.result] && !life.open;
  const detail = [count > 1 ? t.times(count) : "", failed ? tryFailure(last) : ""].filter(Boolean).join(" · ");
  const value = life.open ? duration(Math.max(0, now - life.open.since_ms)) : life.tookMs !== null ? duration(life.tookMs) : last ? duration(last.at_ms + last.took_ms - life.saidMs) : "";
  const rows = [row("pushed", life.open ? "open" : failed ? "bad" : "good", t.stages.pushed, detail, bars, value)];
  // A response that carries the answer comes after the message was stored.
  const isAck = life.pushes.at(-1)?.result === "acked";
  if (life.storedMs !== null) rows.push(row("stored", "good", t.stages.stored, "", [point(at(life.storedMs), "good")], isAck && life.tookMs !== null ? `+${duration(life.tookMs)}` : `+${duration(Math.max(0, life.storedMs - life.saidMs))}`));
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
  if (first) rows.push(handlingRow(life, now, at));
  if (life.recordedMs !== null) rows.push(row("recorded", "info", t.stages.recorded, "", [point(at(life.recordedMs), "info")], `+${duration(Math.max(0, life.recordedMs - life.saidMs))}`));
  return rows;
}

/** All attempts, since each begins where the one before has ended; the number is the last one's. */
function handlingRow(life, now, at) {
  const bars = life.runs.map((run) => {
    const end = run.endMs ?? (life.ended ? life.ended.at_ms : now);
    const tone = run.error || run.isBroken ? "bad" : run.endMs === null && !life.ended ? "open" : "info";
    const title = [run.route, t.attempt(run.attempt), run.isBroken ? t.brokenOff : run.error].filter(Boolean).join(" · ");
    return { tone, tookMs: run.ms ?? Math.max(0, end - run.startMs), made: bar(at(run.startMs), at(end), tone, title) };
  });
  const last = bars.at(-1);
  const { route, attempt } = life.runs.at(-1);
  const detail = [life.isUnmatched ? t.ended.unmatched : route, attempt > 1 ? t.times(attempt) : ""].filter(Boolean).join(" · ");
  return row("handling", last.tone, t.stages.handling, detail, bars.map(({ made }) => made), duration(last.tookMs));
}

/** The calls of the API: what WeChat refused, and what it sent. */
function callRows(life, at) {
  const rows = [];
  if (life.refused.length) {
    const marks = life.refused.map((call) => ({ place: at(call.at_ms), label: call.errcode === null ? t.lost : String(call.errcode), title: `+${duration(Math.max(0, call.at_ms - life.saidMs))} · ${callFailure(call)}` }));
    const count = life.refused.length;
    rows.push(row("refused", "bad", t.stages.refused, count > 1 ? t.times(count) : "", codeMarks(marks), `+${duration(Math.max(0, life.refused.at(-1).at_ms - life.saidMs))}`));
  }
  if (life.sent.length) {
    const last = life.sent.at(-1);
    const of = last.of ?? life.sent.length;
    const lastMs = life.sent.length === 1 ? life.answeredMs : last.at_ms;
    const points = life.sent.map((one) => point(at(one.at_ms), "good", `${one.part ?? ""}/${of}`));
    rows.push(row("sent", "good", t.stages.sent, of > 1 ? `${life.sent.length}/${of}` : "", points, `+${duration(Math.max(0, lastMs - life.saidMs))}`));
  }
  return rows;
}

/** What it waits for, or that nothing will come of it any more. */
function endRows(life, at, isPending) {
  if (!life.letGo || (!isPending && life.letGo.end !== "dead")) return [];
  const since = life.letGo.at_ms;
  const value = `+${duration(Math.max(0, since - life.saidMs))}`;
  if (!isPending) return [row("dead", "bad", t.stages.dead, "", [point(at(since), "bad")], value)];
  const wait = bar(at(since), 100, "open", endName(life));
  wait.classList.add("endless");
  return [row("pending", "open", endName(life), "", [wait], value)];
}

/** The same in a sentence or two, as badges. */
export function verdict(life, now) {
  const badge = (tone, text) => element("span", { class: "badge", data: { tone } }, text);
  const badges = [ackBadge(life, now, badge)].filter(Boolean);
  for (const one of life.pushes.filter(({ result }) => !tones[result]).slice(0, 3)) badges.push(badge("bad", t.pair(t.tryLine(one.n), tryFailure(one))));
  const answeredAfter = life.answeredMs === null ? null : life.answeredMs - life.saidMs;
  if (answeredAfter > LIMIT_MS) badges.push(badge("info", t.beyond(duration(answeredAfter - LIMIT_MS))));
  if (life.letGo && (life.answeredMs === null || life.letGo.end === "dead" || !life.ended)) badges.push(badge(endTone(life), endName(life)));
  else if (life.isRunning && life.storedMs !== null && life.answeredMs === null) badges.push(badge("info", t.waitingFor));
  return badges;
}

/** How the push was acknowledged, and what came of it by another way. */
function ackBadge(life, now, badge) {
  const answer = life.answeredMs === null ? null : duration(life.answeredMs - life.saidMs);
  if (life.tookMs === null) {
    if (life.open) return badge("warn", t.openTry(life.open.n, Math.floor(Math.max(0, now - life.open.since_ms) / 1000)));
    return answer && badge("good", t.answeredIn(answer));
  }
  const ack = duration(life.tookMs);
  if (answer) return badge("good", life.pushes.at(-1).result === "passive_reply" ? t.answeredIn(answer) : t.ackedAndAnswered(ack, answer));
  return badge("good", life.isRunning && !life.letGo && now - life.originMs > LIMIT_MS ? t.noLonger : t.ackedIn(ack));
}
