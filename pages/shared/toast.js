// A line that says what has happened, and goes away. A failure stays until it is pressed away.

import { element } from "./dom.js";

const SHOWN_MS = 5000;
const MOST = 3;

const place = element("div", { class: "toasts" });
document.body.append(place);

export function toast(text) {
  show(text, "status", "info", SHOWN_MS);
}

export function fail(text) {
  show(text, "alert", "bad", null);
}

function show(text, role, tone, shownMs) {
  const line = element("button", { class: "toast", type: "button", data: { tone } }, element("span", { role }, text));
  line.addEventListener("click", () => line.remove());
  place.append(line);
  while (place.children.length > MOST) place.firstChild.remove();
  if (shownMs) setTimeout(() => line.remove(), shownMs);
}
