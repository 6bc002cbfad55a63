// The journal: a search, what it says in sentences, and the messages behind it. The address has the whole search, so a link to it
// can be shared. A search may cost the queue a second, so it is made when you ask, not every five seconds.

import { element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { get } from "./api.js";
import { diagnosis, perhapsTheirs } from "./diagnosis.js";
import { heading, link, renew, section } from "./draw.js";
import { endedTable } from "./ended.js";
import { findingList } from "./findings.js";
import { refusalTable } from "./refusals.js";
import { go, to, toMessage, toUser } from "./routes.js";
import { read, search } from "./search.js";
import { journalTexts as t } from "./texts-journal.js";
import { overviewTexts } from "./texts-overview.js";
import { t as common } from "./texts.js";
import { zone } from "./times.js";

const SHOWN = 100;
const SHOWN_MAX = 500;
const WITHIN = [1, 2, 5, 15, 30, 60];

export function journal(place, { query, refresh }) {
  const asked = read(query);
  const problem = element("p", { class: "banner", id: "mistake", role: "alert", data: { tone: "bad" }, hidden: true });
  const span = element("p", { class: "soft small" });
  const says = element("div", { id: "findings", role: "status" });
  const below = element("div", { class: "stack view", id: "results" });
  const account = element("select", { class: "input", name: "account" }, element("option", { value: "" }, common.everybody),
    query.account ? element("option", { value: query.account, selected: true }, query.account) : null);
  const state = { limit: SHOWN, isFresh: false };
  place.append(heading(common.journal), element("p", { class: "soft" }, t.lead), form(query, account), span, problem, says, below);
  const mistake = asked.isBadTime ? t.badTime : asked.isBadCode ? t.badCode : null;
  problem.textContent = mistake ?? "";
  problem.hidden = !mistake;
  span.textContent = asked.since === undefined ? t.always(zone()) : t.span(time(asked.since), time(asked.until), zone());

  async function work({ signal, isAsked }) {
    if (mistake || (state.isFresh && !isAsked)) return;
    const names = (await get("accounts", {}, signal)).accounts.map((one) => one.name);
    if (account.options.length <= names.length) fill(account, names);
    const found = await search(asked, names, state.limit, signal);
    state.isFresh = true;
    const alone = names.length === 1 ? names[0] : asked.account;
    const findings = diagnosis(found, { ...asked, account: alone });
    const refused = perhapsTheirs(found.refused, asked.user);
    renew(says, findings, () => (findings.length ? [element("h2", {}, t.says), findingList(findings)] : []));
    renew(below, { found, limit: state.limit }, () => [
      found.lanes.map(openOnes),
      messages(found, () => {
        state.limit = SHOWN_MAX;
        refresh();
      }, state.limit < SHOWN_MAX),
      refused.length ? section(overviewTexts.refused, refusalTable(refused)) : null,
      element("p", { class: "soft small" }, found.journal_since ? t.since(time(found.journal_since)) : t.empty),
    ]);
  }
  return { title: common.journal, work };
}

function messages(found, further, mayFurther) {
  const count = element("p", { class: "row" }, element("span", { class: "soft" }, found.ended.length ? t.shown(found.ended.length, found.more) : t.nothing),
    found.more && mayFurther ? element("button", { class: "button", type: "button", onclick: further, data: { key: "further" } }, t.further) : null);
  const made = section(t.listed, found.ended.length ? endedTable(found.ended) : null, count);
  made.id = "messages";
  return made;
}

function openOnes({ account, user, lane }) {
  const line = (id, text) => element("li", { class: "row" }, link(toMessage(id, account, user), id, { class: "mono", data: { key: id } }), element("span", { class: "soft" }, text));
  return section(t.openNow, element("div", { class: "card stack" },
    element("p", {}, link(toUser(account, user), `${account}/${user}`)),
    element("ul", { class: "stack" }, lane.waiting.map((id, n) => line(id, t.position(n + 1))), lane.held.map((id) => line(id, t.isHeld))),
    lane.due_at ? element("p", { class: "soft" }, t.dueAt(time(lane.due_at))) : null,
    lane.last_error ? element("p", {}, t.lastError(lane.last_error)) : null));
}

/** The accounts to choose from, once they are known; what is chosen stays. */
function fill(select, names) {
  const chosen = select.value;
  const all = chosen && !names.includes(chosen) ? [...names, chosen] : names;
  select.replaceChildren(select.options[0], ...all.map((name) => element("option", { value: name, selected: name === chosen }, name)));
}

function form(query, account) {
  const input = (name, attributes) => element("input", { class: "input", name, value: query[name] ?? "", autocomplete: "off", spellcheck: "false", ...attributes });
  const field = (label, control, kind) => element("label", { class: `field ${kind ?? ""}` }, element("span", {}, label), control);
  const ends = element("select", { class: "input", name: "end" }, element("option", { value: "" }, t.anyEnd),
    Object.entries(common.kinds).map(([end, label]) => element("option", { value: end, selected: end === query.end }, label)));
  const within = element("select", { class: "input", name: "within" }, WITHIN.map((minutes) =>
    element("option", { value: minutes, selected: String(minutes) === (query.within ?? "2") }, `± ${minutes}`)));
  const made = element("form", { class: "card form", id: "search", role: "search" },
    field(t.who, input("who", { placeholder: t.whoHint, maxlength: 520 }), "grow"), field(common.account, account),
    field(t.at, input("at", { placeholder: t.atHint, maxlength: 30 }), "short"), field(t.within, within),
    field(t.ended, ends), field(t.code, input("code", { inputmode: "numeric", maxlength: 10 }), "short"),
    element("div", { class: "row" }, element("button", { class: "button primary", type: "submit" }, t.search), link(to("journal"), t.clear, { class: "button" })));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(made));
    go(to("journal", [], { ...given, within: given.at ? given.within : "" }));
  });
  return made;
}
