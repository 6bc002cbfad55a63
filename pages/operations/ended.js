// Messages that have ended, as a table.

import { element } from "../shared/dom.js";
import { duration, shortId, time } from "../shared/format.js";
import { codeMeaning } from "./codes.js";
import { badge, link, table } from "./draw.js";
import { toMessage, toUser } from "./routes.js";
import { journalTexts as t } from "./texts-journal.js";
import { t as common } from "./texts.js";

const TONES = { answered: "good", answered_in_response: "good", no_reply: "info", unmatched: "warn", dead: "bad" };

export const endBadge = (end) => badge(common.kinds[end] ?? end, TONES[end]);
export const userLink = (account, user) => (user ? link(toUser(account, user), shortId(user), { title: `${account}/${user}`, class: "mono" }) : element("span", { class: "soft" }, common.noUser));

export function endedTable(ended) {
  const severalAccounts = new Set(ended.map((one) => one.account)).size > 1;
  const ms = (value) => (value === null ? null : duration(value));
  return table(t.listed, [
    { label: t.came, kind: "number", cell: (one) => link(toMessage(one.id), time(one.accepted_at), { title: one.id, data: { key: `${one.id}-${one.ended_at}` } }) },
    { label: t.ended, cell: (one) => endBadge(one.end) },
    ...(severalAccounts ? [{ label: common.account, kind: "name", cell: (one) => one.account }] : []),
    { label: t.user, kind: "short-id", cell: (one) => userLink(one.account, one.user) },
    { label: t.kind, kind: "name", cell: (one) => one.kind || null },
    { label: t.route, kind: "name", cell: (one) => one.route },
    { label: t.queued, kind: "number", cell: (one) => ms(one.queueing_ms) },
    { label: t.handled, kind: "number", cell: (one) => ms(one.handling_ms) },
    { label: t.why, kind: "wide", cell: why },
  ], ended);
}

/** What it died of, or what WeChat said last. */
function why({ reason, code }) {
  const meaning = code === null ? null : codeMeaning(code)?.meaning;
  const said = code === null ? null : element("p", { class: reason ? "soft" : "" }, `${code}${meaning ? ` ${meaning}` : ""}`);
  if (!reason && !said) return null;
  return element("div", {}, reason ? element("p", {}, reason) : null, said);
}
