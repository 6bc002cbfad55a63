// One user: their line, what is kept of them, a pause, and the end of it all.

import { ask } from "../shared/ask.js";
import { element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { fail } from "../shared/toast.js";
import { changer, perform } from "./act.js";
import { get, post } from "./api.js";
import { copyButton } from "./copying.js";
import { facts, heading, link, renew, section } from "./draw.js";
import { pauseButton, resumeButton } from "./pausing.js";
import { to, toMessage } from "./routes.js";
import { accountTexts, userTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";

export function user(place, { parts: [account = "", openId = ""], refresh }) {
  const what = { account, user: openId };
  const line = element("div", { id: "lane" });
  const kept = element("div", { id: "kept" });
  place.append(heading(t.title),
    element("p", { class: "row" }, element("span", { class: "mono" }, `${account}/${openId}`), copyButton(openId)),
    element("div", { class: "row" }, link(to("journal", [], { who: `${account}/${openId}` }), t.journal, { class: "button" }), link(to("dead", [], what), t.dead, { class: "button" })),
    section(t.line, line), section(t.kept, kept));
  let isCounted = false;

  async function work({ signal, isAsked, status }) {
    const lane = await get("lane", what, signal);
    const pause = status.paused.find((one) => one.what === `${account}/${openId}`) ?? null;
    renew(line, { lane, pause }, () => lineShown(lane, pause, what, refresh));
    if (isCounted && !isAsked) return; // counting reads all of the journal
    const counts = await get("user", what, signal);
    isCounted = true;
    renew(kept, counts, () => element("div", { class: "card stack" }, element("p", {}, t.keptSay(counts)),
      element("div", {}, changer(t.forget, () => forget(what, counts, refresh), { danger: true, key: "forget" }))));
  }
  return { title: t.title, work };
}

function lineShown(lane, pause, what, refresh) {
  const isPaused = pause !== null || lane?.paused === true;
  const said = pause ? t.pausedSince(time(pause.since), pause.reason) : t.paused;
  return element("div", { class: "card stack" },
    isPaused ? element("p", { class: "banner", data: { tone: "warn" } }, said) : null,
    lane ? facts([[t.state, common.states[lane.state] ?? common.newerState], [t.dueAt, lane.due_at && time(lane.due_at)], [t.lastError, lane.last_error]]) : element("p", {}, t.nobody),
    lane ? element("ol", { class: "stack list" }, [...lane.waiting.map((id, n) => [id, t.position(n + 1)]), ...lane.held.map((id) => [id, t.held])].map(([id, text]) =>
      element("li", { class: "row" }, element("span", { class: "soft" }, text), link(toMessage(id, what.account, what.user), id, { class: "mono", data: { key: id } })))) : null,
    element("div", {}, isPaused ? resumeButton(what, accountTexts.resume, refresh) : pauseButton(what, accountTexts.pause, refresh)));
}

/** Two steps: what goes, and then the end of the OpenID typed by hand. */
async function forget(what, counts, refresh) {
  if (!await ask({ title: t.forget1, text: t.forget1More(t.keptSay(counts)), yes: t.forget1Yes, no: common.cancel, danger: true })) return;
  const fields = [{ name: "end", label: t.forget2Field, required: true, max: 4 }];
  const answer = await ask({ title: t.forget2, text: t.forget2More(what.user), fields, yes: t.forget2Yes, no: common.cancel, danger: true });
  if (!answer) return;
  if (answer.end !== what.user.slice(-4)) {
    fail(t.mistyped);
    return;
  }
  const sum = (gone) => gone.open + gone.held + gone.dead + gone.journal;
  await perform(() => post("forget", what), (gone) => t.forgotten(sum(gone)));
  refresh();
}
