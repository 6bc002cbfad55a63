// The state at one glance: what is wrong with what to do, the numbers, the last hour as lines, and who was turned away.

import { element } from "../shared/dom.js";
import { duration, number } from "../shared/format.js";
import { get } from "./api.js";
import { chart, sharedCursor } from "./chart.js";
import { heading, renew, section } from "./draw.js";
import { findingList } from "./findings.js";
import { refusalTable } from "./refusals.js";
import { to } from "./routes.js";
import { overviewTexts as t } from "./texts-overview.js";
import { t as common } from "./texts.js";
import { sum, troubles } from "./troubles.js";

/** Rings have a value each half minute, and refusals are summed by the hour: no need to ask each time. */
const CHARTS_EVERY_MS = 15_000;
const REFUSED_EVERY_MS = 30_000;
const REFUSED_SINCE_MS = 6 * 3_600_000;
/** The worst ones; the others open. */
const SHOWN = 4;
const ASKED_ALOUD = { bad: true, warn: true };

export function overview(place) {
  const state = element("div", { id: "state" });
  const tiles = element("div", { class: "tiles", id: "tiles" });
  const refused = element("div", { id: "refused" });
  const charts = hour();
  const queue = element("span", { class: "soft mono" });
  place.append(heading(common.overview, queue), state, tiles,
    section(t.hour, element("p", { class: "soft small" }, t.read), charts.element),
    section(t.refused, element("p", { class: "soft small" }, t.refusedSay), refused));
  const known = { charts: null, refused: null, processes: null };
  const due = { charts: 0, refused: 0 };

  async function work({ signal, isAsked, status }) {
    const now = Date.now();
    const isDue = (name) => isAsked || due[name] <= now;
    const [processes, rings, trace] = await Promise.all([
      get("processes", {}, signal),
      isDue("charts") ? get("charts", {}, signal) : null,
      isDue("refused") ? get("trace", { since_ms: now - REFUSED_SINCE_MS, limit: 0 }, signal) : null,
    ]);
    known.processes = processes.processes;
    if (rings) [known.charts, due.charts] = [rings, now + CHARTS_EVERY_MS];
    if (trace) [known.refused, due.refused] = [trace.refused, now + REFUSED_EVERY_MS];
    if (rings) charts.update(rings);
    queue.textContent = status.queue;
    const found = troubles({ status, ...known });
    renew(state, found, () => standing(found));
    const numbers = numbersOf(status, known);
    renew(tiles, numbers, () => numbers.map(tile));
    renew(refused, known.refused, () => (known.refused.length ? refusalTable(known.refused) : element("p", { class: "empty" }, t.noRefused)));
    mark(found);
  }
  return { title: common.overview, work };
}

/** The title of the browser's tab says it as well. */
function mark(found) {
  const wrong = found.filter((one) => ASKED_ALOUD[one.tone]).length;
  document.title = `${wrong ? `(${wrong}) ` : ""}${common.overview} · Huixin`;
}

function standing(found) {
  const wrong = found.filter((one) => ASKED_ALOUD[one.tone]).length;
  const tone = found.some((one) => one.tone === "bad") ? "bad" : wrong ? "warn" : "good";
  const head = element("div", { class: "standing", role: "status", data: { tone } },
    element("span", { class: "standing-mark", "aria-hidden": "true" }, tone === "good" ? "✓" : "!"),
    element("div", {}, element("p", { class: "standing-word" }, wrong ? t.attention(wrong) : t.well),
      element("p", {}, wrong ? t.lead : t.wellMore)));
  const [first, rest] = [found.slice(0, SHOWN), found.slice(SHOWN)];
  const more = rest.length ? element("details", { class: "more", data: { key: "more" } }, element("summary", { data: { key: "rest" } }, t.others(rest.length)), findingList(rest)) : null;
  return [head, first.length ? findingList(first) : null, more];
}

function numbersOf(status, { charts, processes }) {
  const open = Object.values(status.open).reduce((all, one) => all + one, 0);
  const permits = processes.reduce((all, one) => all + (one.permits ?? 0), 0);
  const died = sum(charts.series.dead ?? [], Infinity);
  const waited = status.next_age_ms;
  return [
    { name: "open", value: number(open), say: t.openSay, href: to("accounts") },
    { name: "running", value: number(status.running), say: t.runningSay(permits), href: to("processes") },
    { name: "delayed", value: number(status.delayed), say: t.delayedSay },
    { name: "held", value: number(status.held), say: t.heldSay },
    { name: "parked", value: number(status.parked), say: t.parkedSay, href: to("accounts") },
    { name: "dead", value: number(status.dead), say: t.deadSay(died), href: to("dead"), tone: died ? "bad" : null },
    { name: "oldest", value: waited === null ? "–" : duration(waited), say: waited === null ? t.nobody : t.oldestSay, tone: waited > 60_000 ? "warn" : null },
  ];
}

function tile({ name, value, say, href, tone }) {
  const inside = [element("span", { class: "soft" }, t[name]), element("b", { class: "tile-number number" }, value), element("span", { class: "soft small" }, say)];
  const attributes = { class: "card tile", id: `tile-${name}`, data: tone ? { tone, key: name } : { key: name } };
  return element(href ? "a" : "div", { href, ...attributes }, inside);
}

function hour() {
  const cursor = sharedCursor();
  const line = (name, tone, label = t.lines[name]) => ({ name, tone, label });
  const percentiles = (name) => [line(`${name}_p50_ms`, "info", t.lines.p50), line(`${name}_p99_ms`, "warn", t.lines.p99)];
  const rate = { title: t.charts.flow, say: number, cursor, wide: true,
    lines: [line("accepted", "info"), line("answered", "good"), line("refused_sends", "warn"), line("dead", "bad")] };
  const time = { say: (ms) => (ms === 0 ? "0" : duration(ms).replace(".0 ", " ")), isTime: true, cursor };
  const all = [
    chart(rate),
    chart({ title: t.charts.open, say: number, cursor, lines: [line("open", "info")] }),
    chart({ ...time, title: t.charts.ack, lines: percentiles("ack") }),
    chart({ ...time, title: t.charts.queueing, lines: percentiles("queueing") }),
    chart({ ...time, title: t.charts.handling, lines: [line("handling_p99_ms", "warn", t.lines.p99)] }),
  ];
  const update = (charts) => {
    const perMinute = (numbers) => numbers?.map((one) => (one === null ? null : (one * 60) / charts.step_s));
    const rates = Object.fromEntries(rate.lines.map(({ name }) => [name, perMinute(charts.series[name])]));
    all[0].update({ ...charts, series: rates });
    all.slice(1).forEach((one) => one.update(charts));
  };
  return { element: element("div", { class: "charts" }, all.map((one) => one.element)), update };
}
