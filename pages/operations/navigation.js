// Where you can go, and what wants you there. On a narrow screen the list opens by a button.

import { $, element } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { to } from "./routes.js";
import { t } from "./texts.js";

const NAMES = ["overview", "journal", "dead", "accounts", "processes", "spool", "changes", "configuration"];
/** Views that have no link of their own belong to one that has. */
const BELONGS = { message: "journal", user: "journal" };

export function drawLinks() {
  const links = NAMES.map((name) => element("li", {},
    element("a", { class: "nav", href: to(name), data: { name } }, element("span", {}, t[name]), element("span", { class: "count number" }))));
  $("links").replaceChildren(...links);
}

/** Marks where you are, and how much waits where. */
export function markLinks(status, name) {
  for (const link of $("links").querySelectorAll("a")) {
    const own = link.dataset.name;
    if (name && (BELONGS[name] ?? name) === own) link.setAttribute("aria-current", "page");
    else if (name) link.removeAttribute("aria-current");
    const count = status ? { dead: status.dead, accounts: status.cannot_send.length + status.paused.length }[own] : undefined;
    if (count !== undefined) link.querySelector(".count").textContent = count ? number(count) : "";
  }
}

export function wireMenu() {
  const menu = $("menu");
  const show = (isShown) => {
    menu.setAttribute("aria-expanded", isShown);
    $("navigation").dataset.open = isShown;
  };
  menu.addEventListener("click", () => show(menu.getAttribute("aria-expanded") !== "true"));
  $("links").addEventListener("click", () => show(false));
  $("navigation").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.getAttribute("aria-expanded") !== "true") return;
    show(false);
    menu.focus();
  });
}
