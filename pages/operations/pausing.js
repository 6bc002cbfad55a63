// Pause and resume: everything, an account, or a user. A pause wants a reason, since others will ask.

import { ask } from "../shared/ask.js";
import { changer, perform } from "./act.js";
import { post } from "./api.js";
import { accountTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";

/** `what`: `{}`, `{ account }` or `{ account, user }`, as the API names it. */
export const nameOf = ({ account, user }) => [account, user].filter(Boolean).join("/") || t.everything;

export function pauseButton(what, label, refresh) {
  return changer(label, () => pause(what, refresh), { key: `pause-${nameOf(what)}` });
}

export function resumeButton(what, label, refresh) {
  const resume = async () => {
    await perform(() => post("resume", what), (isDone) => (isDone ? t.resumed(nameOf(what)) : t.notPaused(nameOf(what))));
    refresh();
  };
  return changer(label, resume, { primary: true, key: `resume-${nameOf(what)}` });
}

/** Also asks which user. */
export function pauseUserButton(accounts, refresh) {
  const act = async () => {
    const fields = [
      { name: "account", label: common.account, value: accounts.length === 1 ? accounts[0] : "", required: true, max: 64 },
      { name: "user", label: t.user, required: true, max: 440 },
      { name: "reason", label: t.reason, required: true, max: 1000 },
    ];
    const answer = await ask({ title: t.pauseUser, text: t.asksPauseMore, fields, yes: t.pause, no: common.cancel });
    if (answer) await order({ account: answer.account.trim(), user: answer.user.trim() }, answer.reason, refresh);
  };
  return changer(t.pauseUser, act, { key: "pause-user" });
}

async function pause(what, refresh) {
  const fields = [{ name: "reason", label: t.reason, required: true, max: 1000 }];
  const answer = await ask({ title: t.asksPause(nameOf(what)), text: t.asksPauseMore, fields, yes: t.pause, no: common.cancel });
  if (answer) await order(what, answer.reason, refresh);
}

async function order(what, reason, refresh) {
  await perform(() => post("pause", { what, reason }), () => t.paused(nameOf(what)));
  refresh();
}
