// Who changed what, and who read a text.

import { element } from "../shared/dom.js";
import { number, time } from "../shared/format.js";
import { get } from "./api.js";
import { heading, renew, table } from "./draw.js";
import { restTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";

export function changes(place) {
  const all = element("div", { id: "changes" });
  place.append(heading(common.changes), element("p", { class: "soft" }, t.changesLead), all);

  async function work({ signal }) {
    const found = await get("changes", {}, signal);
    renew(all, found, () => (found.changes.length ? shown(found.changes) : element("p", { class: "empty" }, t.noChanges)));
  }
  return { title: common.changes, work };
}

function shown(list) {
  const isOfQueue = (one) => ["pause", "resume"].includes(one.what) && !one.account;
  return table(common.changes, [
    { label: t.when, kind: "number", cell: (one) => time(one.at) },
    { label: t.who, kind: "wide", cell: (one) => one.who },
    { label: t.what, kind: "name", cell: (one) => t.deeds[one.what] ?? one.what },
    { label: t.account, kind: "name", cell: (one) => one.account ?? (isOfQueue(one) ? t.everything : null) },
    { label: t.user, kind: "short-id", cell: (one) => (one.user ? element("span", { class: "mono" }, one.user) : null) },
    { label: t.count, kind: "number", cell: (one) => (one.count === null || one.count === undefined ? null : number(one.count)) },
  ], list);
}
