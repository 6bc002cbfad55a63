// The inspector: one message, the newest until you choose another, with its track and what went over the wires. The second tab
// is trouble.
//
// It asks the sandbox anew when something happened to the message, and while it runs, twice a second; the track's bars grow by
// the page's own clock in between.

import { $, button, element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { tabs } from "../shared/tabs.js";
import { fail } from "../shared/toast.js";
import { get, post } from "./api.js";
import { facts, here, newestSaid } from "./chats.js";
import { saidLine } from "./events.js";
import { endName, endTone } from "./ends.js";
import { fillAnswer, fillCalls, fillPush, fillRequest } from "./evidence.js";
import { icon } from "./icons.js";
import { lifetime } from "./lifetime.js";
import { codeMeaning, t } from "./texts.js";
import { track, verdict } from "./track.js";
import { markChosen } from "./transcript.js";
import { troublePanel } from "./trouble.js";

const ASK_MS = 500;
const SOON_MS = 80;
const MOST_TITLE = 200; // characters
const GROW_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 120;

let chosen = null; // the id of the message that is shown
let isPinned = false; // you have chosen it: newer ones don't take its place
let life = null;
let told = null;
let asking = null;
let isDue = false;
let drawnTold = "";
let evidence = null;
let panes = null;

const head = element("div", { class: "stack message-head" });
const reasonPlace = element("div");
const trackPlace = element("div", { class: "track-place" });
const wires = element("div", { class: "wires" });
const unpin = element("div", { class: "row", hidden: true }, button(t.followNewest, async () => follow(), { class: "link unpin" }));

export function wireInspector() {
  panes = tabs([
    { name: "message", label: t.tabs.message, fill: (panel) => panel.append(unpin, head, reasonPlace, trackPlace, wires) },
    { name: "trouble", label: t.tabs.trouble, fill: (panel) => panel.append(troublePanel()) },
  ]);
  panes.classList.add("panes");
  $("inspector").append(panes);
  evidence = tabs([
    { name: "push", label: t.tabs.push, fill: (panel) => life && fillPush(panel, life, replay) },
    { name: "request", label: t.tabs.request, fill: (panel) => life && fillRequest(panel, life) },
    { name: "answer", label: t.tabs.answer, fill: (panel) => life && fillAnswer(panel, life) },
    { name: "calls", label: t.tabs.calls, fill: (panel) => life && fillCalls(panel, life) },
  ]);
  wires.append(evidence);
  setInterval(grow, GROW_MS);
  setInterval(() => { if (life?.isRunning && !document.hidden) ask(); }, ASK_MS);
  draw();
}

/** How many faults stand, where one looks for them. */
export function showFaults(count) {
  panes.button("trouble").textContent = count ? `${t.tabs.trouble} ${count}` : t.tabs.trouble;
  $("open-inspector").dataset.faults = count || "";
}

/** Shows the newest message of the chat, now and as new ones come. */
export function follow() {
  isPinned = false;
  show(newestSaid(here.chat)?.msg_id ?? null);
}

/** Shows this message until you choose another or send one. */
export function choose(msgId) {
  isPinned = true;
  show(msgId);
}

/** Something happened in the chat that is shown. */
export function noticed(entry) {
  if (entry.what === "said" && !isPinned) show(entry.msg_id);
  else if (chosen !== null && (entry.msg_id === chosen || entry.for === chosen || entry.for === undefined)) askSoon();
}

function show(msgId) {
  if (chosen !== msgId) {
    chosen = msgId;
    told = null;
    drawnTold = "";
  }
  markChosen(chosen);
  updateSoon();
  askSoon();
}

/** Once for all that happens before the next picture of the screen. */
function updateSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    update();
  });
}

function askSoon() {
  asking ??= setTimeout(ask, SOON_MS);
}

async function ask() {
  clearTimeout(asking);
  asking = null;
  const asked = chosen;
  if (asked === null || !here.chat) return;
  try {
    const answer = await get(`/sandbox/message/${encodeURIComponent(here.chat.account)}/${encodeURIComponent(asked)}`);
    if (asked === chosen) told = answer;
  } catch { /* the connection's state is shown on top, and the next entry asks again */ }
  if (asked === chosen) update();
}

function update() {
  life = chosen === null || !here.chat ? null : lifetime(chosen, told, here.chat.entries, facts.inside);
  draw();
}

function draw() {
  wires.hidden = life === null;
  unpin.hidden = life === null || !isPinned || chosen === newestSaid(here.chat)?.msg_id;
  if (life === null) {
    head.replaceChildren(element("div", { class: "empty" }, icon("track"), element("b", {}, t.noneChosen[0]), element("p", {}, t.noneChosen[1])));
    trackPlace.replaceChildren();
    drawReason();
    return;
  }
  const now = Date.now();
  head.replaceChildren(
    element("div", { class: "row head-row" },
      element("h3", {}, saidLine({ ...life, account: here.chat.account }).slice(0, MOST_TITLE)),
      element("span", { class: "soft small number" }, time(life.saidMs))),
    element("div", { class: "row verdict" }, verdict(life, now)));
  drawReason();
  trackPlace.replaceChildren(track(life, now));
  if (!facts.inside) trackPlace.append(element("p", { class: "soft small" }, t.outside));
  const text = JSON.stringify([chosen, told, told ? null : life]);
  if (text === drawnTold) return;
  drawnTold = text;
  refillWires();
}

/** Why the worker let it go and what releases it; behind that the worker's own words: English, and long. Drawn anew only when it
 *  changes: you may be in it. */
function drawReason() {
  const reason = life?.letGo?.reason;
  const refused = told?.calls?.findLast((call) => call.errcode);
  const key = reason ? `${chosen} ${endName(life)} ${reason}` : "";
  if (reasonPlace.dataset.key === key) return;
  reasonPlace.dataset.key = key;
  reasonPlace.replaceChildren();
  if (!reason) return;
  const why = refused && codeMeaning(refused.errcode, refused.errmsg) + (refused.fault ? t.refusedByOrder : "");
  reasonPlace.append(element("div", { class: "banner reason", data: { tone: endTone(life) } },
    element("p", {}, element("b", {}, why ? t.pair(endName(life), why) : endName(life))),
    refused || life.letGo.end === "held" ? element("p", {}, released(life.letGo.end)) : null,
    element("details", {}, element("summary", {}, t.workersReason), element("p", {}, String(reason)))));
}

/** When the answer that was refused is sent again. */
function released(end) {
  if (end === "held") return t.release.write;
  if (end === "dead") return t.release.never;
  return end === "snoozed" ? t.release.pause : t.release.soon;
}

/** Draws the tab anew, unless you are in it with the keyboard or have marked something: that would be lost. */
function refillWires() {
  const count = (name, list) => { evidence.button(name).textContent = list?.length ? `${t.tabs[name]} ${list.length}` : t.tabs[name]; };
  count("push", [...life.tries, life.open].filter(Boolean));
  count("request", told?.exchanges);
  count("answer", told?.exchanges);
  count("calls", told?.calls);
  const focused = document.activeElement?.closest?.("[role=tabpanel]") === evidence.lastChild ? document.activeElement : null;
  const key = focused && JSON.stringify({ ...focused.dataset });
  const scrolled = [...evidence.querySelectorAll(".code")].map((code) => code.scrollTop);
  evidence.refill();
  [...evidence.querySelectorAll(".code")].forEach((code, n) => { code.scrollTop = scrolled[n] ?? 0; });
  if (focused) ([...evidence.lastChild.querySelectorAll("button, [tabindex]")].find((one) => one.tagName === focused.tagName && JSON.stringify({ ...one.dataset }) === key) ?? evidence.lastChild).focus();
}

function grow() {
  if (!life?.isRunning || document.hidden || !trackPlace.isConnected) return;
  const now = Date.now();
  trackPlace.firstChild?.replaceWith(track(life, now));
  head.querySelector(".verdict")?.replaceChildren(...verdict(life, now));
}

async function replay() {
  try {
    await post("/sandbox/replay", { account: here.chat.account, msg_id: chosen });
  } catch (error) {
    fail(t.failedToSend(error.message));
  }
}
