// Sentences about what is wrong, each with its tone, what to do, and where.

import { element } from "../shared/dom.js";
import { coded, link } from "./draw.js";

/** A list of `{ tone, what, more?, remedy?, href?, label? }`. */
export function findingList(findings) {
  return element("ul", { class: "troubles" }, findings.map((one) => element("li", { class: "trouble", data: { tone: one.tone } },
    element("div", { class: "trouble-text" },
      element("p", { class: "trouble-what" }, coded(one.what)),
      one.more ? element("p", { class: "soft" }, one.more) : null,
      one.remedy ? element("p", {}, "→ ", coded(one.remedy)) : null),
    one.href ? link(one.href, one.label, { class: "button", data: { key: one.what } }) : null)));
}
