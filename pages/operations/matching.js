// Changes all dead letters that match, a bounded slice with each call, and shows how far it is. It can be stopped between two calls.

import { ask } from "../shared/ask.js";
import { button, element } from "../shared/dom.js";
import { fail, toast } from "../shared/toast.js";
import { changer, sentence } from "./act.js";
import { post } from "./api.js";
import { deadTexts as t } from "./texts-dead.js";
import { t as common } from "./texts.js";

/** `conditions`: `{ account?, user?, reason?, cause? }`; `total`: about how many there are, if that is known. */
export function matchingButton(what, label, conditions, total, refresh) {
  const isDrop = what === "drop";
  const act = async () => {
    const question = isDrop ? { title: t.asksDropAll, more: t.asksDropMore, yes: t.drop } : { title: t.asksRetryAll, more: t.asksRetryMore, yes: t.retry };
    const text = `${t.matching(words(conditions))}${total ? t.about(total) : ""} ${question.more}`;
    if (!await ask({ title: question.title, text, yes: question.yes, no: common.cancel, danger: isDrop })) return;
    await go(what, conditions, total);
    refresh();
  };
  return changer(label, act, { danger: isDrop, key: `${what}-${label}-${conditions.cause ?? ""}` });
}

/** What the conditions mean, in words. */
export function words({ cause, account, user, reason }) {
  const said = [cause && t.byCause(cause), account && t.byAccount(account), user && t.byUser(user), reason && t.byReason(reason)].filter(Boolean);
  return said.length ? said.join(", ") : t.everything;
}

async function go(what, conditions, total) {
  const line = element("p", { role: "status", class: "number" }, t.progress(0, 0));
  const bar = element("progress", { max: total ?? 1, value: total ? 0 : null, "aria-label": t.working });
  let isStopped = false;
  const stop = button(t.stop, () => {
    isStopped = true;
  });
  const dialog = element("dialog", { "aria-labelledby": "working", id: "progress" }, element("div", { class: "stack" },
    element("h2", { id: "working" }, t.working), bar, line, element("div", { class: "row" }, stop)));
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    isStopped = true;
  });
  document.body.append(dialog);
  dialog.showModal();
  const sums = { done: 0, looked: 0 };
  try {
    let after;
    do {
      const slice = await post(`dead/${what}-matching`, { ...conditions, after });
      after = slice.next ?? undefined;
      sums.done += slice.done;
      sums.looked += slice.looked_at;
      line.textContent = t.progress(sums.done, sums.looked);
      if (total) bar.value = Math.min(total, sums.done);
    } while (after && !isStopped);
    const said = what === "drop" ? t.dropped(sums.done) : t.retried(sums.done);
    toast(`${after ? t.stopped : t.finished} ${said}`);
  } catch (error) {
    fail(`${sentence(error)} — ${t.progress(sums.done, sums.looked)}`);
  } finally {
    dialog.close();
    dialog.remove();
  }
}
