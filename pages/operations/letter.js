// One dead letter: what is known of it, its text when somebody asks for it, retry and drop.

import { ask } from "../shared/ask.js";
import { button, element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { fail } from "../shared/toast.js";
import { changer, perform, sentence } from "./act.js";
import { get, post } from "./api.js";
import { facts, link } from "./draw.js";
import { toMessage, toUser } from "./routes.js";
import { deadTexts as t } from "./texts-dead.js";
import { t as common } from "./texts.js";

export function letterCard(letter, refresh) {
  const mono = (text) => element("span", { class: "mono" }, text);
  return element("article", { class: "card stack", id: "the-letter" },
    facts([
      [common.id, link(toMessage(letter.id), letter.id, { class: "mono" })], [common.account, letter.account],
      [common.user, letter.user ? link(toUser(letter.account, letter.user), mono(letter.user)) : common.noUser],
      [t.kind, letter.kind], [t.came, time(letter.accepted_at)], [t.died, time(letter.died_at)], [t.cause, letter.reason], [t.failures, letter.failures], [t.losses, letter.losses],
    ]),
    element("div", { class: "row" }, retryButton([letter.id], t.retry, refresh), dropButton([letter.id], t.drop, refresh)),
    textOf(letter.id));
}

/** Puts letters back, once you have said yes. `ids` may be a function. */
export function retryButton(ids, label, refresh) {
  return changer(label, () => change("retry", idsOf(ids), refresh), { key: `retry-${label}-${idsOf(ids)[0]}` });
}

export function dropButton(ids, label, refresh) {
  return changer(label, () => change("drop", idsOf(ids), refresh), { danger: true, key: `drop-${label}-${idsOf(ids)[0]}` });
}

const idsOf = (ids) => (typeof ids === "function" ? ids() : ids);

async function change(what, ids, refresh) {
  if (!ids.length) return;
  const isDrop = what === "drop";
  const question = isDrop
    ? { title: t.asksDrop(ids.length), text: t.asksDropMore, yes: t.drop, danger: true }
    : { title: t.asksRetry(ids.length), text: t.asksRetryMore, yes: t.retry };
  if (!await ask({ ...question, no: common.cancel })) return;
  await perform(() => post(`dead/${what}`, { ids }), isDrop ? t.dropped : t.retried);
  refresh();
}

/** The text, hidden until somebody asks for it and knows that asking is noted. */
function textOf(id) {
  const place = element("div", { class: "stack" });
  const hidden = () => place.replaceChildren(element("div", {}, button(t.text, show, { id: "show-text" })));
  async function show() {
    if (!await ask({ title: t.asksText, text: t.asksTextMore, yes: t.yesText, no: common.cancel })) return null;
    try {
      const answer = await get(`dead/${encodeURIComponent(id)}/text`);
      if (!answer) return fail(t.gone);
      const { body } = answer;
      return place.replaceChildren(element("h3", {}, t.textOf), element("pre", { class: "code", tabindex: "0", id: "text" }, body), element("div", {}, button(t.hideText, hidden)));
    } catch (error) {
      return fail(sentence(error));
    }
  }
  hidden();
  return place;
}
