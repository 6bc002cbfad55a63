// Buttons that change something: they ask first, say what has become of it, and say why if you may only read.

import { button, element } from "../shared/dom.js";
import { fail, toast } from "../shared/toast.js";
import { session } from "./session.js";
import { t } from "./texts.js";

/** A button for a change. To somebody who may only read it says that it can't. */
export function changer(label, act, { danger = false, primary = false, key, title } = {}) {
  const tone = danger ? " danger" : primary ? " primary" : "";
  const attributes = { class: `button${tone}`, data: key ? { key } : {}, title };
  if (session.mayChange) return button(label, act, attributes);
  const refuse = () => fail(t.onlyReads);
  return element("button", { ...attributes, type: "button", "aria-disabled": "true", title: t.onlyReads, onclick: refuse }, label);
}

/** Does it; `said(answer)` is what is shown when it is done. True if it is. */
export async function perform(change, said) {
  try {
    toast(said(await change()));
    return true;
  } catch (error) {
    fail(sentence(error));
    return false;
  }
}

/** A failure as one line. */
export function sentence(error) {
  const words = error.status === 0 ? t.unreachable(error.message) : error.message;
  return error.hint ? `${words} — ${error.hint}` : words;
}
