// The accounts: how each stands, what WeChat says against it and what helps, and pauses.

import { element } from "../shared/dom.js";
import { duration, number, time } from "../shared/format.js";
import { get } from "./api.js";
import { badge, facts, heading, link, renew, section } from "./draw.js";
import { findingList } from "./findings.js";
import { pauseButton, pauseUserButton, resumeButton } from "./pausing.js";
import { to, toUser } from "./routes.js";
import { accountTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";
import { cannotSend } from "./troubles.js";

export function accounts(place, { refresh }) {
  const top = element("div", { id: "everything" });
  const cards = element("div", { class: "cards", id: "accounts" });
  const users = element("div", { id: "paused-users" });
  place.append(heading(common.accounts), element("p", { class: "soft" }, t.lead), top, cards, section(t.users, users));

  async function work({ signal, status }) {
    const { accounts: all } = await get("accounts", {}, signal);
    const everything = status.paused.find((one) => one.what === "everything");
    renew(top, everything ?? null, () => whole(everything, all, refresh));
    renew(cards, all, () => (all.length ? all.map((one) => card(one, refresh)) : element("p", { class: "empty" }, t.none)));
    const paused = status.paused.filter((one) => one.what.includes("/"));
    renew(users, paused, () => (paused.length ? pausedUsers(paused, refresh) : element("p", { class: "soft" }, t.noUsers)));
  }
  return { title: common.accounts, work };
}

function whole(everything, all, refresh) {
  return [
    everything ? element("p", { class: "banner", role: "status", data: { tone: "warn" } }, `${t.all} ${t.since(time(everything.since), everything.reason)}`) : null,
    element("div", { class: "row" },
      everything ? resumeButton({}, t.resumeAll, refresh) : pauseButton({}, t.pauseAll, refresh),
      pauseUserButton(all.map((one) => one.name), refresh)),
  ];
}

function card(one, refresh) {
  const what = { account: one.name };
  const troubles = one.cannot_send.map((trouble) => ({ ...cannotSend(trouble), href: null }));
  const sends = one.cannot_send.some((trouble) => trouble.interface === "send");
  const state = one.paused ? badge(t.isPaused, "warn") : sends ? badge(t.cant, "bad") : troubles.length ? badge(t.partly, "warn") : badge(t.works, "good");
  return element("article", { class: "card stack", data: { account: one.name } },
    element("div", { class: "row" }, element("h2", {}, one.name), state),
    one.paused ? element("p", { class: "banner", data: { tone: "warn" } }, `${t.isPaused} ${t.since(time(one.paused.since), one.paused.reason)}`) : null,
    troubles.length ? findingList(troubles) : null,
    facts([[t.open, number(one.open)], [t.oldest, one.oldest_ms === null || one.oldest_ms === undefined ? null : duration(one.oldest_ms)], [t.appId, one.app_id ? element("span", { class: "mono" }, one.app_id) : null], [t.answers, t.by[one.answer_by] ?? one.answer_by]]),
    element("div", { class: "row" },
      one.paused ? resumeButton(what, t.resume, refresh) : pauseButton(what, t.pause, refresh),
      link(to("journal", [], what), t.journal, { class: "button", data: { key: `journal-${one.name}` } }),
      link(to("dead", [], what), t.dead, { class: "button", data: { key: `dead-${one.name}` } })));
}

function pausedUsers(paused, refresh) {
  return element("ul", { class: "stack" }, paused.map((one) => {
    const cut = one.what.indexOf("/");
    const what = { account: one.what.slice(0, cut), user: one.what.slice(cut + 1) };
    return element("li", { class: "card row" }, element("div", { class: "grow" },
      element("p", {}, link(toUser(what.account, what.user), one.what, { class: "mono" })),
      element("p", { class: "soft" }, t.since(time(one.since), one.reason))), resumeButton(what, t.resume, refresh));
  }));
}
