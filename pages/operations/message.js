// One message by its id: how it ended, or where it is now; and its dead letter, if it has one still.

import { element } from "../shared/dom.js";
import { duration, time } from "../shared/format.js";
import { get } from "./api.js";
import { copyButton } from "./copying.js";
import { facts, heading, link, renew, section } from "./draw.js";
import { endBadge } from "./ended.js";
import { findingList } from "./findings.js";
import { letterCard } from "./letter.js";
import { to, toUser } from "./routes.js";
import { messageTexts as t } from "./texts-journal.js";
import { t as common } from "./texts.js";
import { bar, track } from "./timeline.js";

export function message(place, { parts: [id = ""], query, refresh }) {
  const ends = element("div", { class: "stack view", id: "ends" });
  const letter = element("div", { id: "letter" });
  place.append(heading(t.title), element("p", { class: "row" }, element("span", { class: "mono" }, id), copyButton(id)), ends, letter);
  let isEnded = false;

  async function work({ signal, isAsked }) {
    // An end is the end, unless somebody retries it: that is asked again when somebody says so.
    if (isEnded && !isAsked) return;
    const { ended } = await get("trace", { id }, signal);
    isEnded = ended.length > 0;
    // A dead letter is kept longer than the journal may reach, or where there is none.
    const isDead = !isEnded || ended[0].end === "dead";
    const lies = isDead ? await get(`dead/${encodeURIComponent(id)}`, { bodies: false }, signal) : null;
    const now = isEnded || lies ? null : await whereabouts(id, query, signal);
    renew(ends, { ended, now }, () => (isEnded ? shown(ended) : now ? [findingList([now])] : []));
    const gone = isEnded && isDead ? element("p", { class: "soft" }, t.letterGone) : null;
    renew(letter, { lies, isEnded }, () => (lies || gone ? section(t.letter, lies ? letterCard(lies, refresh) : gone) : []));
  }
  return { title: t.title, work };
}

function shown(ended) {
  return [ended.length > 1 ? element("p", { class: "banner" }, t.again) : null, ended.map(one)];
}

function one(it) {
  const ms = Date.parse(it.ended_at) - Date.parse(it.accepted_at);
  const at = new Date(it.accepted_at);
  const stamp = [at.getFullYear(), at.getMonth() + 1, at.getDate()].join("-");
  const nearby = to("journal", [], { account: it.account, at: `${stamp} ${at.getHours()}:${String(at.getMinutes()).padStart(2, "0")}`, within: 2 });
  const links = element("p", { class: "row" }, it.user ? link(toUser(it.account, it.user), t.toUser, { class: "button" }) : null, link(nearby, t.nearby, { class: "button" }));
  return element("article", { class: "card stack" },
    element("div", { class: "row" }, endBadge(it.end), element("span", { class: "soft" }, t.total(ms))),
    bar(it),
    element("div", { class: "split" },
      element("div", { class: "stack" }, element("h2", {}, t.history), track(it)),
      element("div", { class: "stack" }, element("h2", {}, t.facts), facts(known(it)), links)));
}

function known(it) {
  const mono = (text) => (text ? element("span", { class: "mono" }, text) : null);
  return [
    [common.account, it.account], [common.user, mono(it.user)], [t.kind, it.kind], [t.route, it.route], [t.msgId, mono(it.msg_id)],
    [t.number, it.attempts], [t.parts, it.parts], [t.worker, mono(it.worker)], [t.rid, mono(it.rid)], [t.reason, it.reason],
  ];
}

/** Where a message is that hasn't ended: with a worker, in its user's line, or nowhere that is known. */
async function whereabouts(id, { account, user }, signal) {
  const { processes } = await get("processes", {}, signal);
  const own = processes.flatMap((process) => process.running.map((it) => ({ ...it, process: process.name }))).find((it) => it.id === id);
  if (own) {
    const more = [own.account, own.user, own.route, own.process].filter(Boolean).join(" · ");
    return { tone: "info", what: t.runningNow(Math.max(0, Date.now() - Date.parse(own.since))), more };
  }
  const lane = account && user ? await get("lane", { account, user }, signal) : null;
  const here = { href: account && user ? toUser(account, user) : null, label: t.toUser };
  const at = lane?.waiting.indexOf(id) ?? -1;
  if (at >= 0) {
    const more = [`${at + 1}. / ${lane.waiting.length}`, common.states[lane.state] ?? common.newerState, lane.last_error, lane.due_at && time(lane.due_at)];
    return { tone: "info", what: t.waitingNow, more: more.filter(Boolean).join(" · "), ...here };
  }
  if (lane?.held.includes(id)) return { tone: "info", what: t.heldNow, ...here };
  return { tone: "warn", what: t.unknown, remedy: t.unknownMore, ...here };
}
