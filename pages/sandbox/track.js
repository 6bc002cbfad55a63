// A message's way on an axis of time: pushed, stored, queued, handled, recorded, refused, sent. The dashed line at five seconds
// is where WeChat gives up; what lies beyond it is what Huixin is for.
//
// The axis is of square roots: on an even one, the milliseconds before and the seconds of an answer can't both be seen.

import { element } from "../shared/dom.js";
import { duration } from "../shared/format.js";
import { callFailure, t, tryFailure } from "./texts.js";

const LIMIT_MS = 5000;
const SHORTEST_MS = 6000; // so that the line is always on the axis
const BROKEN_MS = 1000; // a shorter life fills the axis, and the line stands at its edge, behind a break
const EDGE = 92;
const TICKS = [0.002, 0.01, 0.05, 0.2, 0.5, 1, 2, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 172_800].map((s) => s * 1000);
const narrow = matchMedia("(max-width: 480px)");

export function track(life, now) {
  // While a message only waits for its next attempt, the axis stands still, with room for that wait.
  const isPending = life.isRunning && Boolean(life.letGo);
  const end = Math.max(life.lastMs, life.isRunning && !isPending ? now : 0);
  const lastedMs = end - life.originMs;
  const isBroken = lastedMs < BROKEN_MS;
  const room = isPending ? 0.6 : isBroken ? 0.2 : 0.08;
  const span = isBroken ? Math.max(10, lastedMs * (1.1 + room)) : Math.max(SHORTEST_MS, lastedMs * (1 + room));
  const at = (ms) => Math.min(100, Math.sqrt(Math.max(0, ms - life.originMs) / span) * 100);
  const rows = [...pushRows(life, now, at), ...workerRows(life, now, at), ...callRows(life, at), ...endRows(life, at, isPending)];
  const whole = element("div", { class: "track" }, axis(life, span, at, isBroken), element("ol", { class: "track-rows" }, rows));
  const limit = isBroken ? EDGE : at(life.originMs + LIMIT_MS);
  whole.style.setProperty("--limit", `${limit}%`);
  whole.style.setProperty("--share", String(limit / 100));
  return whole;
}

function axis(life, span, at, isBroken) {
  const apart = narrow.matches ? 21 : 12;
  const most = isBroken ? EDGE - apart : 100 - apart / 2;
  // From the end, where ticks are closest. The limit's own label says five seconds.
  const places = [{ ms: 0, place: 0 }, ...(isBroken ? [] : [{ ms: null, place: at(life.originMs + LIMIT_MS) }])];
  for (const ms of TICKS.toReversed()) {
    const place = at(life.originMs + ms);
    if (ms <= span && place <= most && places.every((other) => Math.abs(other.place - place) >= apart)) places.push({ ms, place });
  }
  const ticks = places.filter(({ ms }) => ms !== null).map(({ ms, place }) => {
    const tick = element("span", { class: "tick number" }, ms === 0 ? "0" : duration(ms).replace(/\.0 /, " "));
    tick.style.insetInlineStart = `${place}%`;
    return tick;
  });
  const isLate = isBroken || at(life.originMs + LIMIT_MS) > 55;
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

/** Marks that say what they are; those that would lie over each other become one, with their number. */
function codeMarks(marks) {
  const groups = [];
  for (const mark of marks) {
    const last = groups.at(-1);
    if (last && mark.place - last[0].place < (narrow.matches ? 30 : 17)) last.push(mark);
    else groups.push([mark]);
  }
  return groups.map((inside) => {
    const labels = [...Map.groupBy(inside, ({ label }) => label)].map(([label, { length }]) => (length > 1 ? `${label} ×${length}` : label));
    const made = element("span", { class: "code-mark number", title: inside.map(({ title }) => title).join("\n") }, labels.join(", "));
    // Its middle is at the place, but it never leaves the lane.
    const place = (inside[0].place + inside.at(-1).place) / 2;
    const back = place < 15 ? (place / 15) * 50 : place > 85 ? 100 - ((100 - place) / 15) * 50 : 50;
    made.style.insetInlineStart = `${place}%`;
    made.style.translate = `-${back}% -50%`;
    return made;
  });
}

const tones = { acked: "good", passive_reply: "good" };

function pushRows(life, now, at) {
  const bars = life.pushes.map((one) => bar(at(one.at_ms), at(one.at_ms + one.took_ms), tones[one.result] ?? "bad", `${t.tryLine(one.n)}: ${tryFailure(one)}, ${duration(one.took_ms)}`));
  if (life.open) bars.push(bar(at(life.open.since_ms), at(now), "open", `${t.tryLine(life.open.n)}: ${t.openLine}`));
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
  const detail = [route, attempt > 1 ? t.times(attempt) : ""].filter(Boolean).join(" · ");
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
  const wait = bar(at(since), 100, "soft", t.ended[life.letGo.end]);
  wait.classList.add("endless");
  return [row("pending", "soft", t.stages.pending, t.ended[life.letGo.end] ?? life.letGo.end, [wait], value)];
}

/** The same in a sentence or two, as badges. */
export function verdict(life, now) {
  const badge = (tone, text) => element("span", { class: "badge", data: { tone } }, text);
  const badges = [];
  const late = (ms) => ms > LIMIT_MS;
  if (life.tookMs !== null) badges.push(badge("good", t.ackedIn(duration(life.tookMs))));
  else if (life.open) badges.push(badge("warn", t.openTry(life.open.n, Math.floor(Math.max(0, now - life.open.since_ms) / 1000))));
  for (const one of life.pushes.filter(({ result }) => !tones[result]).slice(0, 3)) badges.push(badge("bad", `${t.tryLine(one.n)}: ${tryFailure(one)}`));
  if (life.answeredMs !== null) {
    const ms = life.answeredMs - life.saidMs;
    badges.push(badge("info", t.answeredIn(duration(ms))), badge(late(ms) ? "info" : "good", late(ms) ? t.beyond(duration(ms - LIMIT_MS)) : t.within));
  }
  if (life.letGo && !life.ended) badges.push(badge("warn", t.ended[life.letGo.end] ?? life.letGo.end));
  else if (life.ended && (life.answeredMs === null || life.ended.end === "dead")) badges.push(badge(life.ended.end === "dead" ? "bad" : "info", t.ended[life.ended.end] ?? life.ended.end));
  else if (life.isRunning && life.storedMs !== null && life.answeredMs === null) badges.push(badge("warn", t.waitingFor));
  return badges;
}
