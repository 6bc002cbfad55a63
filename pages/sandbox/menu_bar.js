// The account's menu, as WeChat shows it: up to three buttons side by side, each with up to five above it.
//
// A menu that was made of a configuration's routes may have more buttons than WeChat takes; those are grouped, so that each of
// them can be pressed.

import { element } from "../shared/dom.js";
import { icon } from "./icons.js";
import { t } from "./texts.js";

const TOPS = 3;

/** Fills the bar; says whether there is anything in it. */
export function fillMenu(bar, buttons, say) {
  bar.replaceChildren(...grouped(buttons).map((top, n) => (top.sub_button?.length ? group(bar, top, n, say) : leaf(top, say))));
  return buttons.length > 0;
}

function grouped(buttons) {
  if (buttons.length <= TOPS) return buttons;
  const size = Math.ceil(buttons.length / TOPS);
  return Array.from({ length: Math.ceil(buttons.length / size) }, (_, n) => ({ name: t.menuPart(n + 1), sub_button: flat(buttons.slice(n * size, (n + 1) * size)) }));
}

const flat = (buttons) => buttons.flatMap((button) => (button.sub_button?.length ? button.sub_button : [button]));

function leaf(button, say, done = () => {}) {
  const push = button.url ? { kind: "view", url: button.url } : { kind: "click", key: button.key ?? button.name };
  const press = () => {
    done();
    say(push);
  };
  return element("button", { class: "button menu", type: "button", title: push.url ?? push.key, data: push.url ? { url: push.url } : { key: push.key }, onclick: press }, button.name);
}

function group(bar, top, n, say) {
  const list = element("div", { class: "menu-list", id: `menu-${n}`, hidden: true });
  const open = element("button", { class: "button menu-top", type: "button", "aria-expanded": "false", "aria-controls": list.id }, icon("up"), top.name);
  const show = (on) => {
    for (const other of bar.querySelectorAll(".menu-list")) other.hidden = true;
    for (const other of bar.querySelectorAll(".menu-top")) other.setAttribute("aria-expanded", "false");
    list.hidden = !on;
    open.setAttribute("aria-expanded", on);
  };
  list.append(...top.sub_button.map((button) => leaf(button, say, () => show(false))));
  open.addEventListener("click", () => show(list.hidden));
  const whole = element("div", { class: "menu-group" }, list, open);
  whole.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape" && !list.hidden) {
      show(false);
      open.focus();
    } else if (step) {
      event.preventDefault();
      show(true);
      const items = [...list.children];
      const at = items.indexOf(event.target);
      items[at < 0 ? (step < 0 ? items.length - 1 : 0) : (at + step + items.length) % items.length].focus();
    }
  });
  whole.addEventListener("focusout", (event) => {
    if (!whole.contains(event.relatedTarget)) show(false);
  });
  return whole;
}
