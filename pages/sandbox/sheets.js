// Where there is no room for all columns, the conversations and the inspector are sheets above the phone. Escape, the scrim and
// the cross close a sheet; while it is open the rest can't be reached, by keyboard neither.
//
// From 700 px on there is room for the inspector beside the phone: there it opens and closes without covering anything.

import { $ } from "../shared/dom.js";
import { icon } from "./icons.js";

const wide = matchMedia("(min-width: 1100px)");
const medium = matchMedia("(min-width: 700px)");
const SHEETS = ["conversations", "inspector"];

let isBeside = true; // the inspector's place at medium width

export function wireSheets() {
  $("open-conversations").append(icon("chats"));
  for (const name of SHEETS) {
    const close = $(name).querySelector(".close");
    close.append(icon("close"));
    close.addEventListener("click", () => shut(name));
    $(`open-${name}`).addEventListener("click", () => (isOpen(name) ? shut(name) : openSheet(name)));
    $(name).addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !wide.matches) shut(name);
    });
  }
  $("scrim").addEventListener("click", closeSheets);
  for (const query of [wide, medium]) query.addEventListener("change", arrange);
  arrange();
}

export function closeSheets() {
  for (const name of SHEETS) if (isCovering(name)) shut(name, false);
}

/** Opens the inspector where it isn't seen. */
export function showInspector() {
  if (!wide.matches && !isOpen("inspector")) openSheet("inspector");
}

const isOpen = (name) => $(name).classList.contains("open");
const isCovering = (name) => isOpen(name) && !wide.matches && !(name === "inspector" && medium.matches);

function openSheet(name) {
  for (const other of SHEETS) if (other !== name && isCovering(other)) shut(other, false);
  if (name === "inspector") isBeside = true;
  set(name, true);
  if (isCovering(name)) $(name).querySelector(".close").focus();
}

function shut(name, back = true) {
  if (name === "inspector" && medium.matches) isBeside = false;
  set(name, false);
  if (back) $(`open-${name}`).focus();
}

function set(name, on) {
  $(name).classList.toggle("open", on);
  $(`open-${name}`).setAttribute("aria-expanded", on);
  const covering = SHEETS.find(isCovering);
  $("scrim").hidden = !covering;
  for (const part of document.querySelectorAll(".bar, .phone")) part.inert = Boolean(covering);
  for (const sheet of SHEETS) $(sheet).inert = !wide.matches && !isOpen(sheet);
  document.body.classList.toggle("beside", isOpen("inspector") && medium.matches && !wide.matches);
}

/** The width has changed. */
function arrange() {
  set("conversations", wide.matches);
  set("inspector", wide.matches || (medium.matches && isBeside));
}
