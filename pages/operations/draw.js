// Draws parts of a view anew when what they show has changed, and leaves the reader's focus, selection and open details alone.

import { element } from "../shared/dom.js";
import { duration } from "../shared/format.js";

const shown = new WeakMap();

/** Draws `draw()` (elements) into `place`, unless `data` is what it shows already. */
export function renew(place, data, draw) {
  const now = JSON.stringify(data);
  if (shown.get(place) === now || isBeingRead(place)) return;
  shown.set(place, now);
  const focus = focusIn(place);
  const opened = new Map([...place.querySelectorAll("details[data-key]")].map((details) => [details.dataset.key, details.open]));
  place.replaceChildren(...[draw()].flat(Infinity).filter((child) => child !== null && child !== undefined));
  for (const details of place.querySelectorAll("details[data-key]")) details.open = opened.get(details.dataset.key) ?? details.open;
  focus?.();
}

/** What brings the focus back to where it is in `place`: to the element with the same key, or else to the one at the same place. */
function focusIn(place) {
  const focused = document.activeElement;
  if (!place.contains(focused)) return null;
  const stops = () => [...place.querySelectorAll("a, button, input, select, summary, [tabindex]")];
  const [{ key }, at] = [focused.dataset, stops().indexOf(focused)];
  return () => (stops().find((node) => key && node.dataset.key === key) ?? stops()[at] ?? place.closest("main"))?.focus({ preventScroll: true });
}

/** How long ago something was, in place: a text that grows is no reason to draw anew. */
export function since(at) {
  return element("span", { class: "number", data: { since: at } }, age(at));
}

export function grow(place) {
  for (const node of place.querySelectorAll("[data-since]")) node.textContent = age(node.dataset.since);
}

const age = (at) => duration(Math.max(0, Date.now() - Date.parse(at)));

/** Somebody has marked a text in it, perhaps to copy it. */
function isBeingRead(place) {
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && place.contains(selection.anchorNode) && place.childElementCount);
}

/** A part of a view with a heading. */
export function section(title, ...children) {
  return element("section", { class: "stack" }, title ? element("h2", {}, title) : null, ...children);
}

/** The heading of a view: it gets the focus when the view is opened. */
export function heading(title, ...beside) {
  return element("div", { class: "row heading" }, element("h1", { tabindex: "-1" }, title), ...beside);
}

export const badge = (text, tone) => element("span", { class: "badge", data: { tone } }, text);
export const link = (address, text, attributes = {}) => element("a", { href: address, ...attributes }, text);

/** A text whose parts in backticks are code. */
export const coded = (text) => text.split("`").map((part, n) => (n % 2 ? element("code", { class: "mono" }, part) : part));

/** Names and values, those that are there. `isFlat`: beside each other as far as there is room. */
export function facts(pairs, isFlat = false) {
  const there = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { class: isFlat ? "facts flat" : "facts" }, there.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/**
 * A table that is a list of cards on a narrow screen. `columns`: `[{ label, cell(row), kind? }]` (`kind`: `number`, `wide`,
 * `actions`). The roles stay when the style takes the table's shape away.
 */
export function table(caption, columns, rows) {
  const head = element("tr", { role: "row" }, columns.map(({ label, kind }) =>
    element("th", { role: "columnheader", scope: "col", class: kind }, label)));
  const body = rows.map((row) => element("tr", { role: "row" }, columns.map(({ label, cell, kind }) => {
    const inside = cell(row) ?? null;
    return element("td", { role: "cell", class: kind, data: inside === null ? { label, empty: "" } : { label } }, inside ?? "–");
  })));
  return element("table", { class: "table", role: "table" },
    element("caption", { class: "unseen" }, caption),
    element("thead", { role: "rowgroup" }, head),
    element("tbody", { role: "rowgroup" }, body));
}
