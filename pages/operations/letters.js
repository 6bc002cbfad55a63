// A page of dead letters as a table, with boxes to choose some of them.

import { element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { link, table } from "./draw.js";
import { userLink } from "./ended.js";
import { dropButton, retryButton } from "./letter.js";
import { toMessage } from "./routes.js";
import { deadTexts as t } from "./texts-dead.js";
import { t as common } from "./texts.js";

export function lettersTable(letters, refresh) {
  const box = (label, value) => element("input", { type: "checkbox", class: "box", "aria-label": label, value });
  const boxes = letters.map(({ id }) => box(t.choose(id), id));
  const chosen = () => boxes.filter((one) => one.checked).map((one) => one.value);
  const all = box(t.chooseAll);
  const count = element("span", { class: "soft", role: "status" });
  const bar = element("div", { class: "row chosen" }, element("label", { class: "row" }, all, t.chooseAll), count,
    retryButton(chosen, t.chosenRetry, refresh), dropButton(chosen, t.chosenDrop, refresh));
  const say = () => {
    const many = chosen().length;
    count.textContent = t.chosen(many);
    all.checked = many === boxes.length;
    all.indeterminate = many > 0 && many < boxes.length;
  };
  all.addEventListener("change", () => {
    for (const one of boxes) one.checked = all.checked;
    say();
  });
  boxes.forEach((one) => one.addEventListener("change", say));
  say();
  const rows = letters.map((letter, n) => ({ ...letter, box: boxes[n] }));
  return element("div", { class: "stack" }, bar, table(t.letters, [
    { label: t.select, cell: (one) => one.box },
    { label: t.died, kind: "number", cell: (one) => link(toMessage(one.id), time(one.died_at), { title: one.id }) },
    { label: common.account, kind: "name", cell: (one) => one.account },
    { label: common.user, kind: "short-id", cell: (one) => userLink(one.account, one.user) },
    { label: t.kind, kind: "name", cell: (one) => one.kind || null },
    { label: t.cause, kind: "wide", cell: (one) => one.reason },
    { label: "", kind: "actions", cell: (one) => [retryButton([one.id], t.retry, refresh), dropButton([one.id], t.drop, refresh)] },
  ], rows));
}
