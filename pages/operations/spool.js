// What receivers have on their own disks while the queue is away.

import { element } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { get } from "./api.js";
import { badge, facts, heading, renew } from "./draw.js";
import { spoolTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";

const TONES = { idle: "good", spooling: "warn", draining: "info" };

export function spool(place) {
  const all = element("div", { class: "cards", id: "spools" });
  place.append(heading(common.spool), element("p", { class: "soft" }, t.lead), all);

  async function work({ signal }) {
    const { processes } = await get("processes", {}, signal);
    const found = processes.filter((one) => one.spool).map(({ name, host, spool: own }) => ({ name, host, own }));
    renew(all, found, () => (found.length ? found.map(card) : element("p", { class: "empty" }, t.none)));
  }
  return { title: common.spool, work };
}

function card({ name, host, own }) {
  return element("article", { class: "card stack", data: { process: name } },
    element("div", { class: "row" }, element("h2", {}, host), badge(t.state[own.state] ?? own.state, TONES[own.state])),
    own.problem ? element("p", { class: "banner", data: { tone: "bad" } }, own.problem) : null,
    own.quarantined ? element("p", { class: "banner", data: { tone: "bad" } }, `${t.quarantined}: ${number(own.quarantined)}. ${t.quarantinedDo}`) : null,
    facts([
      [t.entries, number(own.entries)], [t.size, t.sizeOf(own.bytes)], [t.oldest, own.oldest_age_ms === null ? null : t.oldestMs(own.oldest_age_ms)],
      [t.quarantined, number(own.quarantined)], [t.folder, element("span", { class: "mono" }, own.folder)],
    ]));
}
