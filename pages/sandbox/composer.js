// Below the chat: the text field, or the account's menu in its place; examples above, the + panel below.

import { $, element } from "../shared/dom.js";
import { accounts, facts, here } from "./chats.js";
import { icon } from "./icons.js";
import { fillMenu } from "./menu_bar.js";
import { plusPanel } from "./plus_panel.js";
import { t } from "./texts.js";

const MOST_EXAMPLES = 12;

let does = null;
const chips = element("div", { class: "chips", role: "group", "aria-label": t.examples });
const text = element("textarea", { id: "text", class: "input", rows: "1", maxlength: "2000", enterkeyhint: "send", placeholder: t.placeholder, "aria-label": t.placeholder });
const send = element("button", { id: "send", class: "button primary", type: "submit", hidden: true }, t.send);
const plus = element("button", { id: "plus", class: "button quiet round", type: "button", "aria-label": t.more, title: t.more, "aria-expanded": "false", "aria-controls": "plus-panel" }, icon("plus"));
const toMenu = element("button", { id: "switch", class: "button quiet round", type: "button" });
const form = element("form", { id: "form", autocomplete: "off" }, text, send, plus);
const menu = element("div", { id: "menu", class: "menu-bar", role: "group", "aria-label": t.menu, hidden: true });
let panel = null;

/** `say(push)` plays the user, and resolves to whether that worked; `upload(kind, file)` likewise. */
export function wireComposer(what) {
  does = what;
  panel = plusPanel(what);
  $("composer").append(chips, element("div", { class: "entry" }, toMenu, form, menu), panel);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendText();
  });
  text.addEventListener("keydown", (event) => {
    // While an input method composes, Enter chooses a candidate; 229 is what some browsers report for that.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    sendText();
  });
  text.addEventListener("input", showSend);
  text.addEventListener("paste", (event) => {
    const file = [...event.clipboardData?.files ?? []].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    does.upload("image", file);
  });
  plus.addEventListener("click", () => showPanel(panel.hidden));
  toMenu.addEventListener("click", () => showMenu(menu.hidden));
  $("composer").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    showPanel(false);
    plus.focus();
  });
}

/** Offers what the account of the shown chat takes. */
export function redrawComposer() {
  const account = accounts.get(here.chat.account);
  const hasMenu = fillMenu(menu, account?.menu ?? [], does.say);
  toMenu.hidden = !hasMenu;
  const mine = facts.examples.filter((example) => !example.account || example.account === here.chat.account).slice(0, MOST_EXAMPLES);
  chips.replaceChildren(...mine.map(chip));
  showMenu(hasMenu && !menu.hidden);
}

/** What it shows, and the text that it writes. */
function chip(example) {
  const { label, push } = example;
  const words = push.content && push.content !== label ? element("span", { class: "soft" }, push.content) : null;
  return element("button", { class: "chip", type: "button", title: push.content ?? label, onclick: () => take(example) }, Object.hasOwn(t.exampleLabels, label) ? t.exampleLabels[label] : label, words);
}

/** A text comes into the field, where it can be changed first; what else a route takes is pushed at once. */
function take(example) {
  if (example.push.kind !== "text") {
    does.say(example.push);
    return;
  }
  showMenu(false);
  text.value = example.push.content;
  showSend();
  text.focus();
}

async function sendText() {
  const content = text.value;
  if (content.trim() === "") return;
  text.value = "";
  showSend();
  const isSent = await does.say({ kind: "text", content });
  if (!isSent && text.value === "") text.value = content;
  showSend();
}

function showSend() {
  const any = text.value.trim() !== "";
  send.hidden = !any;
  plus.hidden = any;
  if (any) showPanel(false);
}

function showPanel(on) {
  panel.hidden = !on;
  plus.setAttribute("aria-expanded", on);
}

function showMenu(on) {
  menu.hidden = !on;
  form.hidden = on;
  chips.hidden = on || chips.children.length === 0; // the menu's lists open over them
  toMenu.replaceChildren(icon(on ? "keyboard" : "menu"));
  const label = on ? t.toKeyboard : t.toMenu;
  toMenu.setAttribute("aria-label", label);
  toMenu.title = label;
  if (on) showPanel(false);
}
