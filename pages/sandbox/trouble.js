// Trouble on order, a row for each: what it is, what it does, and what a press does now. A row that stands shows how often it
// will still act, and pressed again it is undone. What acts once looks different, and what can't be undone says so.

import { button, element } from "../shared/dom.js";
import { fail } from "../shared/toast.js";
import { post, remove } from "./api.js";
import { accounts, facts, here } from "./chats.js";
import { faultName, t } from "./texts.js";

const MOST_PUSH_TRIES = 30; // faults of pushes are for so many tries at most

const code = (number) => ({ name: `code-${number}`, order: { on: "send", fault: "code", code: number } });
const fault = (on, name, more = {}) => ({ name, order: { on, fault: name, ...more } });
const once = (name, act, isFinal) => ({ name, act, isFinal });

const GROUPS = {
  refusals: [code(45015), code(45047), code(48001), code(45009), code(40001), code(-1), { name: "no-right", toggle: toggleRight }],
  network: [fault("send", "delay", { ms: 3000 }), fault("send", "cut"), fault("send", "cut_after_accept"), fault("send", "html"), fault("push", "lost_ack"), fault("push", "hang_up", { at: "before", ms: 0 })],
  time: [
    once("token-expire", () => turnToken("expire")), once("token-revoke", () => turnToken("revoke")),
    once("clock-1min", () => post("/sandbox/clock", { seconds: 60 }), true), once("clock-48h", () => post("/sandbox/clock", { seconds: 48 * 3600 }), true),
  ],
  processes: [once("kill", () => post("/sandbox/worker", { do: "kill" }), true)],
};

let note = () => {};
let changed = () => {};
let state = { faults: [] };
let panel = null;
const rows = []; // { name, order?, toggle?, act?, made, side }
const times = element("select", { class: "input", id: "fault-times" }, [1, 3, 10, 0].map((n) => element("option", { value: String(n) }, n ? t.trouble.next(n) : t.trouble.always)));
const others = element("section", { class: "stack", hidden: true });
const undoAll = button(t.trouble.undoAll, undoEverything, { data: { trouble: "undo-all" } });

/** `say(text)` writes a line into the chat; `again()` asks for the state anew. */
export function wireTrouble(say, again) {
  note = say;
  changed = again;
}

export function troublePanel() {
  panel ??= element("div", { class: "stack trouble" },
    element("p", { class: "soft" }, t.trouble.lead),
    element("div", { class: "row trouble-head" }, element("label", { class: "row" }, element("span", { class: "soft" }, t.trouble.times), times), undoAll),
    Object.entries(GROUPS).map(([name, list]) => group(name, list)), others);
  redraw();
  return panel;
}

/** Draws how things stand. */
export function showStanding(now) {
  state = { ...now, faults: now.faults ?? [] };
  if (panel) redraw();
}

function group(name, list) {
  const hint = t.trouble.hints[name];
  return element("section", { class: "stack trouble-group", data: { group: name } }, element("h3", {}, t.trouble.groups[name]), element("div", { class: "trouble-rows" }, list.map(row)), hint ? element("p", { class: "soft small" }, hint) : null);
}

function row(one) {
  const [title, text] = t.trouble.rows[one.name];
  const side = element("span", { class: "trouble-side" });
  fillSide(side, one.isFinal ? t.trouble.final : null, one.act ? t.trouble.act : t.trouble.inject);
  const kind = one.isFinal ? " final" : one.act ? " once" : "";
  const made = element("button", { class: `trouble-row${kind}`, type: "button", "aria-pressed": one.act ? null : "false", data: { trouble: one.name } },
    element("span", { class: "trouble-words" }, element("b", {}, title), element("span", { class: "soft small" }, text)), side);
  made.addEventListener("click", () => press({ ...one, title }));
  rows.push({ ...one, made, side });
  return made;
}

async function press(one) {
  try {
    if (one.act) {
      await one.act();
      note(t.trouble.acted(one.title));
    } else if (one.toggle) await one.toggle();
    else await toggle(one);
  } catch (error) {
    fail(t.failedToSend(error.message));
  }
  changed();
}

/** The orders that stand of a row: those of this account, or of all. */
function standing({ on, fault: name, code: number, ms }) {
  return state.faults.filter((one) => one.on.length === 1 && one.on[0] === on && one.fault.fault === name && one.fault.code === number
    && (name !== "delay" || one.fault.ms === ms) && (!one.account || one.account === here.chat?.account));
}

async function toggle({ order, title }) {
  const stands = standing(order);
  if (stands.length) {
    for (const { id } of stands) await remove(`/sandbox/faults/${id}`);
    note(t.trouble.undone(title));
    return;
  }
  const asked = { ...order };
  const count = Number(times.value);
  if (order.on === "push") asked.times = count || MOST_PUSH_TRIES;
  else Object.assign(asked, count ? { times: count } : { every: 1 }, { account: here.chat.account });
  await post("/sandbox/faults", asked);
  note(t.trouble.ordered(title, count ? t.trouble.next(count) : t.trouble.always));
}

async function undoEverything() {
  try {
    await remove("/sandbox/faults");
    if (accounts.get(here.chat.account)?.may_send === false) await setRight(true);
    note(t.trouble.allUndone);
  } catch (error) {
    fail(t.failedToSend(error.message));
  }
  changed();
}

async function toggleRight() {
  const maySend = accounts.get(here.chat.account)?.may_send !== false;
  await setRight(!maySend);
  note(maySend ? t.trouble.ordered(t.trouble.rows["no-right"][0]) : t.trouble.done);
}

async function setRight(maySend) {
  await post("/sandbox/rules", { account: here.chat.account, may_send: maySend });
  const account = accounts.get(here.chat.account);
  if (account) account.may_send = maySend;
}

const turnToken = (what) => post("/sandbox/tokens", { account: here.chat.account, do: what });

const leftOf = (one) => (one.which?.times === undefined ? t.trouble.each : t.trouble.left(one.which.times));

function redraw() {
  const known = new Set();
  for (const { name, order, toggle: isRight, made, side } of rows) {
    if (order) {
      const stands = standing(order);
      stands.forEach(({ id }) => known.add(id));
      show(made, side, stands.length ? leftOf(stands[0]) : null);
    } else if (isRight) {
      show(made, side, accounts.get(here.chat?.account)?.may_send === false ? t.trouble.on : null);
    }
    if (name === "kill") made.closest(".trouble-group").hidden = !facts.mayKillWorker;
  }
  const rest = state.faults.filter(({ id }) => !known.has(id));
  const anyRight = accounts.get(here.chat?.account)?.may_send === false;
  undoAll.hidden = state.faults.length === 0 && !anyRight;
  others.hidden = rest.length === 0;
  others.replaceChildren(element("h3", {}, t.trouble.standing), ...rest.map((one) => element("div", { class: "row" },
    element("span", {}, `${t.pair(one.on.map((on) => t.endpoints[on] ?? on).join(", "), faultName(one.fault))} · ${leftOf(one)}`),
    button(t.trouble.undo, async () => {
      await remove(`/sandbox/faults/${one.id}`).catch((error) => fail(t.failedToSend(error.message)));
      changed();
    }))));
}

/** `left`: how often it still acts; null when it doesn't stand. */
function show(made, side, left) {
  made.setAttribute("aria-pressed", left !== null);
  fillSide(side, left, left === null ? t.trouble.inject : t.trouble.undo);
}

/** What a press does, and what is to know beside it. The whole row takes it. */
function fillSide(side, hint, act) {
  side.replaceChildren(...(hint ? [element("span", { class: "left number" }, hint)] : []), element("b", {}, act));
}
