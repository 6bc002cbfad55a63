// The frame around the views: who you are, where you are, and how fresh what you see is.
//
// A view is a function that draws its parts into a place, and gives `work({ signal, isAsked, status })`, which asks the API for
// what it shows. The frame calls it when the view is opened and every five seconds, so no view has a timer of its own. Nothing is
// kept from one view to the next: the page's memory is what you see.

import { $, element } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { speak, switchBy } from "../shared/language.js";
import { accounts } from "./accounts.js";
import { sentence } from "./act.js";
import { complaints, get, whenLocked } from "./api.js";
import { changes } from "./changes.js";
import { configuration } from "./configuration.js";
import { dead } from "./dead.js";
import { journal } from "./journal.js";
import { showLogin } from "./login.js";
import { message } from "./message.js";
import { drawLinks, markLinks, wireMenu } from "./navigation.js";
import { overview } from "./overview.js";
import { poll } from "./poll.js";
import { processes } from "./processes.js";
import { route } from "./routes.js";
import { load, logout, session } from "./session.js";
import { spool } from "./spool.js";
import { TEXTS, t } from "./texts.js";
import { user } from "./user.js";

const VIEWS = { overview, journal, message, dead, processes, accounts, user, spool, configuration, changes };

let view = null;
let lastGood = null;
let isPaused = false;

const beat = poll(async ({ signal, isAsked }) => {
  const status = await get("status", {}, signal);
  markLinks(status);
  await view.work({ signal, isAsked, status });
}, heard);

async function start() {
  speak(TEXTS);
  switchBy($("language"));
  drawLinks();
  wireMenu();
  $("skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("view").focus();
  });
  $("again").addEventListener("click", () => beat.now());
  $("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    $("pause").setAttribute("aria-pressed", isPaused);
    $("pause").textContent = isPaused ? t.resumeRefresh : t.pauseRefresh;
    beat.pause(isPaused);
  });
  $("logout").addEventListener("click", async () => {
    await logout().catch(() => {}); // whatever became of it, the form is the right place
    lock();
  });
  whenLocked(lock);
  addEventListener("hashchange", () => session.mayRead && open());
  await enter();
}

/** Asks who you are, until there is an answer. */
async function enter() {
  try {
    await load();
  } catch (error) {
    heard({ at: Date.now(), error });
    setTimeout(enter, 5000);
    return;
  }
  heard({ at: Date.now(), error: null });
  if (session.mayRead) open();
  else lock();
}

function lock() {
  beat.stop();
  session.mayRead = false;
  $("failure").hidden = true;
  $("frame").dataset.locked = "true";
  showLogin($("view"), () => open());
}

function open() {
  beat.stop();
  $("frame").dataset.locked = "false";
  $("reader").hidden = session.mayChange;
  $("logout").hidden = !session.isLoggedIn;
  const { name, parts, query } = route();
  const place = $("view");
  const inner = element("div", { class: "view stack", id: `view-${name}` });
  place.replaceChildren(inner);
  const make = VIEWS[name] ?? lost;
  view = make(inner, { parts, query, refresh: () => beat.now() });
  markLinks(null, name);
  document.title = `${view.title} · Huixin`;
  if (lastGood) inner.querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
  beat.now();
}

function lost(place) {
  place.append(element("h1", { tabindex: "-1" }, t.nothingHere), element("p", {}, element("a", { href: "#/" }, t.toOverview)));
  return { title: t.nothingHere, work: async () => {} };
}

/** How the last round went. */
async function heard({ at, error }) {
  if (!error) {
    lastGood = at;
    $("fresh").textContent = t.asOf(time(at));
    $("failure").hidden = true;
    return;
  }
  if (error.status === 401) return;
  const why = sentence(error);
  const lines = [lastGood ? t.notSince(time(lastGood), why) : t.notYet(why), t.tries];
  if (error.status === 503) lines.push(...await complaints().catch(() => [])); // it can only add to what is known
  $("failure").replaceChildren(...lines.map((line) => element("p", {}, line)));
  $("failure").hidden = false;
}

start();
