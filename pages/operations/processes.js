// The processes of this queue, and what each worker handles now and for how long.

import { element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { get } from "./api.js";
import { badge, coded, facts, grow, heading, link, renew, since, table } from "./draw.js";
import { userLink } from "./ended.js";
import { toMessage } from "./routes.js";
import { processTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";
import { SILENT_MS } from "./troubles.js";

export function processes(place) {
  const all = element("div", { class: "stack", id: "processes" });
  place.append(heading(common.processes), element("p", { class: "soft" }, t.lead), all);
  const cards = new Map();

  async function work({ signal }) {
    const found = (await get("processes", {}, signal)).processes;
    const names = found.map((one) => one.name);
    for (const name of [...cards.keys()]) if (!names.includes(name)) cards.delete(name);
    for (const one of found) {
      if (!cards.has(one.name)) cards.set(one.name, element("article", { class: "card stack", data: { process: one.name } }));
      const isSilent = Date.now() - Date.parse(one.seen_at) > SILENT_MS;
      const place = cards.get(one.name);
      renew(place, { ...one, seen_at: null, isSilent }, () => card(one, isSilent));
      place.querySelector(".seen [data-since]").dataset.since = one.seen_at;
      grow(place);
    }
    renew(all, names, () => (names.length ? names.map((name) => cards.get(name)) : element("p", { class: "empty" }, t.none)));
  }
  return { title: common.processes, work };
}

function card(one, isSilent) {
  const state = isSilent ? badge(t.silent, "bad") : one.problems.length ? badge(t.problem, "bad") : one.warnings.length ? badge(t.warning, "warn") : badge(t.works, "good");
  const mono = (text) => element("span", { class: "mono" }, text);
  const lines = (texts, tone) => texts.map((text) => element("p", { class: "banner", data: { tone } }, coded(text)));
  return [
    element("div", { class: "row" }, element("h2", {}, one.name), badge(t.roles[one.role] ?? one.role, "info"), state),
    lines(one.problems, "bad"), lines(one.warnings, "warn"),
    facts([[t.host, one.host], [t.version, one.version], [t.started, time(one.started_at)], [t.seen, element("span", { class: "seen" }, common.ago(since(one.seen_at)))], [t.admin, one.admin ? mono(one.admin) : null]], true),
    one.permits === null ? null : handling(one),
  ];
}

function handling({ name, permits, running_total: total, running }) {
  const meter = element("meter", { class: "meter", min: 0, max: Math.max(permits, 1), value: total, "aria-label": t.runs(total, permits) });
  const list = table(t.oldest(running.length, total), [
    { label: t.since, kind: "number", cell: (it) => since(it.since) },
    { label: t.message, kind: "wide", cell: (it) => link(toMessage(it.id, it.account, it.user), it.id, { class: "mono", data: { key: it.id } }) },
    { label: t.account, kind: "name", cell: (it) => it.account },
    { label: t.user, kind: "short-id", cell: (it) => userLink(it.account, it.user) },
    { label: t.route, kind: "name", cell: (it) => it.route },
    { label: t.step, kind: "name", cell: (it) => it.step },
  ], running);
  return element("div", { class: "stack" }, element("p", {}, t.runs(total, permits)), meter,
    running.length ? element("details", { class: "more", data: { key: `running-${name}` }, open: running.length <= 5 }, element("summary", { data: { key: `open-${name}` } }, t.oldest(running.length, total)), list) : null);
}
