// Dead letters: grouped by what they died of, a group opened to its letters, a page of them at a time. However many there are, the
// page has at most fifty.

import { element } from "../shared/dom.js";
import { number, time } from "../shared/format.js";
import { get } from "./api.js";
import { causeWords } from "./causes.js";
import { coded, heading, link, renew, section, table } from "./draw.js";
import { lettersTable } from "./letters.js";
import { matchingButton, words } from "./matching.js";
import { go, to, toMessage } from "./routes.js";
import { deadTexts as t } from "./texts-dead.js";
import { t as common } from "./texts.js";

const PAGE = 50;
/** A filter may find nothing in a page that the API has looked through. So many are looked through for one page here. */
const CALLS_MAX = 20;
const CAUSES_EVERY_MS = 10_000;

export function dead(place, { query, refresh }) {
  const conditions = { cause: query.cause, account: query.account, user: query.user, reason: query.reason };
  const isFiltered = Object.values(conditions).some(Boolean);
  const body = element("div", { class: "stack view", id: "dead" });
  place.append(heading(common.dead), element("p", { class: "soft" }, t.lead));
  if (!conditions.cause) place.append(form(query));
  place.append(body);
  const own = { conditions, query, refresh, body, due: 0 };
  return { title: common.dead, work: (round) => (isFiltered || query.list ? letters(own, round) : causes(own, round)) };
}

async function causes(own, { signal, isAsked, status }) {
  if (!isAsked && Date.now() < own.due) return;
  own.due = Date.now() + CAUSES_EVERY_MS;
  const found = await get("dead/causes", {}, signal);
  renew(own.body, found, () => (found.causes.length ? causesShown(found, status, own.refresh) : element("p", { class: "empty" }, t.none)));
}

function causesShown(found, status, refresh) {
  const all = element("div", { class: "row" },
    link(to("dead", [], { list: "all" }), t.each, { class: "button" }),
    matchingButton("retry", t.allRetry, {}, status.dead, refresh), matchingButton("drop", t.allDrop, {}, status.dead, refresh));
  return section(t.causes, element("p", { class: "soft" }, t.looked(found.scanned, found.total)), table(t.causes, [
    { label: t.count, kind: "number", cell: (one) => element("b", {}, number(one.count)) },
    { label: t.cause, kind: "wide", cell: (one) => cause(one, causeWords(one)) },
    { label: t.accounts, kind: "name", cell: (one) => Object.entries(one.accounts).map(([name, count]) => `${name} ${number(count)}`).join(", ") },
    { label: t.since, kind: "number", cell: (one) => time(one.oldest_at) },
    { label: t.newest, kind: "number", cell: (one) => link(toMessage(one.example_id), time(one.newest_at), { data: { key: `example-${one.cause}` } }) },
    { label: "", kind: "actions", cell: (one) => [
      matchingButton("retry", t.retry, { cause: one.cause }, one.count, refresh), matchingButton("drop", t.drop, { cause: one.cause }, one.count, refresh)] },
  ], found.causes), all);
}

function cause(one, { title, detail, remedy }) {
  return element("div", {},
    element("p", {}, link(to("dead", [], { cause: one.cause }), title, { class: "cause", data: { key: `cause-${one.cause}` } })),
    detail ? element("p", { class: "soft small" }, detail) : null,
    element("p", { class: "soft" }, "→ ", coded(remedy)));
}

/** A page of letters. It stays as it is until somebody asks: a list that moves under the pointer is retried by mistake. */
async function letters(own, { signal, isAsked }) {
  if (!isAsked) return;
  const { conditions, query, refresh } = own;
  const found = { letters: [], next: query.after ?? null, total: 0 };
  for (let call = 0; call < CALLS_MAX && found.letters.length < PAGE && (call === 0 || found.next); call += 1) {
    const page = await get("dead", { ...conditions, after: found.next, limit: PAGE - found.letters.length, bodies: false }, signal);
    found.letters.push(...page.letters);
    found.next = page.next;
    found.total = page.total;
  }
  const label = (group, all) => (conditions.cause ? group : all);
  const total = Object.values(conditions).some(Boolean) ? undefined : found.total;
  renew(own.body, found, () => [
    element("div", { class: "row" }, link(to("dead"), `← ${t.back}`, { class: "button" }),
      matchingButton("retry", label(t.groupRetry, t.allRetry), conditions, total, refresh),
      matchingButton("drop", label(t.groupDrop, t.allDrop), conditions, total, refresh)),
    element("h2", {}, conditions.cause ?? words(conditions)),
    found.letters.length ? lettersTable(found.letters, refresh) : element("p", { class: "empty" }, found.next ? t.searching : t.noneLike),
    element("div", { class: "row" }, element("span", { class: "soft" }, t.shown(found.letters.length)),
      query.after ? link(to("dead", [], { ...query, after: "" }), t.first, { class: "button" }) : null,
      found.next ? link(to("dead", [], { ...query, list: "all", after: found.next }), t.next, { class: "button", id: "older" }) : null),
  ]);
}

function form(query) {
  const field = (name, label, kind) => element("label", { class: `field ${kind}` }, element("span", {}, label),
    element("input", { class: "input", name, value: query[name] ?? "", maxlength: 500, autocomplete: "off", spellcheck: "false" }));
  const made = element("form", { class: "card form", id: "filter", role: "search" },
    field("account", common.account, ""), field("user", t.user, "grow"), field("reason", t.reason, "grow"),
    element("div", { class: "row" }, element("button", { class: "button primary", type: "submit" }, t.apply), link(to("dead"), t.clear, { class: "button" })));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    go(to("dead", [], Object.fromEntries(new FormData(made))));
  });
  return made;
}
