// Tabs as a keyboard and a screen reader know them: one stop, arrows go from tab to tab.

import { element } from "./dom.js";

let made = 0;

/**
 * `tabs([{ name, label, fill(panel) }], name?)` gives an element with tabs and one panel; `fill` draws a tab when it is shown.
 * `onshow(name)` hears which it is. The element's `refill()` draws the shown tab anew, and `button(name)` gives a tab's button.
 */
export function tabs(list, first = list[0].name, onshow = () => {}) {
  const prefix = `tabs-${(made += 1)}`;
  const panel = element("div", { role: "tabpanel", id: `${prefix}-panel`, tabindex: "0", class: "stack" });
  const bar = element("div", { role: "tablist", class: "tabs" }, list.map((tab) =>
    element("button", { role: "tab", type: "button", class: "tab", id: `${prefix}-${tab.name}`, "aria-controls": panel.id, data: { name: tab.name } }, tab.label)));
  let shown = null;
  const show = (name, focus) => {
    shown = name;
    for (const button of bar.children) {
      const isShown = button.dataset.name === name;
      button.setAttribute("aria-selected", isShown);
      button.tabIndex = isShown ? 0 : -1;
      if (isShown && focus) button.focus();
    }
    panel.setAttribute("aria-labelledby", `${prefix}-${name}`);
    panel.replaceChildren();
    list.find((tab) => tab.name === name).fill(panel);
    onshow(name);
  };
  bar.addEventListener("click", (event) => {
    const name = event.target.closest("[role=tab]")?.dataset.name;
    if (name) show(name, true);
  });
  bar.addEventListener("keydown", (event) => {
    const at = list.findIndex((tab) => tab.name === event.target.dataset.name);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    show(list[(to + list.length) % list.length].name, true);
  });
  show(list.some((tab) => tab.name === first) ? first : list[0].name, false);
  const refill = () => {
    panel.replaceChildren();
    list.find((tab) => tab.name === shown).fill(panel);
  };
  const button = (name) => [...bar.children].find((one) => one.dataset.name === name);
  return Object.assign(element("div", { class: "stack" }, bar, panel), { refill, button });
}
